"""What is recorded of a file holds for its age, as far as policies tell ages apart."""

from __future__ import annotations

from vpo.plugins.metadata import Metadata, cache_key_range
from vpo.policy.ages import age, age_class, ages_in, with_ages
from vpo.policy.document import Policy, fingerprint
from vpo.run.compliance import CacheKeys

DAY = 86400 * 10**9


def test_ages_are_read_back_from_a_fingerprint() -> None:
    assert ages_in(with_ages("f" * 64, (60.0, 2592000.0, 1.5, 60.0))) == (1.5, 60.0, 2592000.0)
    assert with_ages("f", ()) == "f"
    assert ages_in("f" * 64) == ()


def test_class_changes_at_each_age_and_behind_it() -> None:
    found = [age_class((10.0, 20.0), seconds) for seconds in (0, 9, 10, 11, 19, 20, 21)]
    assert found == [0, 0, 1, 2, 2, 3, 4]
    assert age(5, 2) == 0


def test_policies_name_the_ages_in_all_their_conditions() -> None:
    rule = {"name": "r", "when": "not (age > 30d or exists(video))", "then": [{"warn": "x"}]}
    phase = {"name": "p", "skip_when": {"when": {"age": {"lt": "1d"}}}, "rules": {"items": [rule]}}
    policy = Policy.model_validate({"schema_version": 13, "phases": [phase]})
    assert ages_in(fingerprint([policy])) == (86400.0, 2592000.0)


def test_key_of_a_file_changes_with_its_age_only_where_that_decides() -> None:
    plain = CacheKeys("f", Metadata(), 40 * DAY)
    assert plain.of("/a", 0) == plain.of("/a", 40 * DAY) == "f"
    keys = CacheKeys(with_ages("f", (30 * 86400.0,)), Metadata(), 40 * DAY)
    young, old = keys.of("/a", 39 * DAY), keys.of("/a", 0)
    assert young != old == keys.of("/b", 9 * DAY)
    first, end = cache_key_range(keys.fingerprint)
    assert first <= young < end
    assert keys.is_current(old, 0)
    assert not keys.is_current(young, 0)
