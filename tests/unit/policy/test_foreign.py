"""Forms of policies that were written for other programs: ``foreign/*.yaml``.

What somebody wrote, then what becomes of it: it means ``the same as`` another policy, has no
fault, or gives these ``warnings``, ``faults`` (both in their order, by how they begin or what they
contain) or this ``error``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from vpo.errors import PolicyError
from vpo.policy.document import Policy
from vpo.policy.loader import parse_policy
from vpo.run.policy_faults import policy_faults

FOLDER = Path(__file__).parent / "foreign"


def _meaning(policy: Policy) -> Any:
    return policy.model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_foreign_form_is_understood_or_refused_with_advice(path: Path) -> None:
    text, what, rest = re.split(r"^--- # (.*)\n", path.read_text(), flags=re.MULTILINE)
    if what == "the same as":
        assert _meaning(parse_policy(text, "p")) == _meaning(parse_policy(rest, "p"))
        return
    wanted = YAML(typ="safe").load(rest)
    if what == "error":
        with pytest.raises(PolicyError) as error:
            parse_policy(text, "p")
        assert wanted in str(error.value)
        return
    policy = parse_policy(text, "p")
    faults = list(policy_faults(policy, ()))
    found = [t for t in policy.warnings if t not in faults] if what == "warnings" else faults
    assert len(found) == len(wanted or ()), found
    assert [want in text for want, text in zip(wanted or (), found, strict=True)].count(False) == 0
    assert what == "faults" or not faults
