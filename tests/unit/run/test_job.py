"""A job: what its policies ask for."""

from __future__ import annotations

from vpo.policy.document import Policy
from vpo.run.job import Job

POLICY = Policy.model_validate({"schema_version": 13, "phases": [{"name": "p"}]})


def test_job_mode_is_that_of_strictest_policy() -> None:
    strict = POLICY.model_copy(
        update={"config": POLICY.config.model_copy(update={"on_error": "fail"})}
    )
    assert Job("/x", (POLICY, strict)).mode == "fail"
    assert Job("/x", (POLICY, strict), on_error="skip").mode == "skip"
