"""Expressions that are searched for in titles: with a limit, whatever the title."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time

import pytest
from pydantic import ValidationError

from vpo.errors import PlanError
from vpo.media.model import Track
from vpo.policy import title_pattern
from vpo.policy.operation import PolicyConfig
from vpo.policy.text_comparisons import PathComparison, TitleComparison
from vpo.policy.title_pattern import LONGEST_TITLE, TitlePattern
from vpo.policy.track_classes import audio_kind

EXPONENTIAL = "(a|aa)+$"


@pytest.mark.parametrize("expression", ["signs", "^sig", "s.*s", "[st]igns?$", "Sign(?=S)"])
def test_title_pattern_finds_case_insensitively(expression: str) -> None:
    assert TitlePattern(expression).matches("SIGNS")
    assert not TitlePattern(expression).matches("dialogue")


def test_title_pattern_needs_one_of_its_expressions() -> None:
    assert TitlePattern("music", "co+mment").matches("Commentary")
    assert not TitlePattern("music", "co+mment").matches("Dialogue")
    assert not TitlePattern().matches("Dialogue")


def test_title_pattern_that_takes_too_long_is_an_error_that_names_it() -> None:
    began = time.process_time()
    with pytest.raises(PlanError, match="takes too long on the title 'aaa") as error:
        TitlePattern(EXPONENTIAL).matches("a" * 60 + "!")
    assert EXPONENTIAL in str(error.value)
    assert time.process_time() - began < 10


def test_title_comparison_and_commentary_have_the_limit() -> None:
    title = "a" * 60 + "!"
    with pytest.raises(PlanError):
        TitleComparison(regex=EXPONENTIAL).holds(title)
    with pytest.raises(PlanError):
        audio_kind(
            Track(0, "audio", "aac", title=title), PolicyConfig(commentary_patterns=(EXPONENTIAL,))
        )


def test_title_is_cut_before_it_is_searched() -> None:
    assert TitlePattern("x").matches(" " * (LONGEST_TITLE - 1) + "x")
    assert not TitlePattern("x").matches(" " * LONGEST_TITLE + "x")


def test_expression_for_paths_is_searched_for_in_the_whole_path() -> None:
    path = "/films" + "/folder" * 500 + "/Film (2019).mkv"
    assert PathComparison(regex=r"film \(\d+\)\.mkv$").holds(path)
    assert not PathComparison(regex=r"series/.*\.mkv$").holds(path)


def test_expression_that_takes_too_long_on_a_path_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(title_pattern, "_SECONDS", 0.01)
    with pytest.raises(PlanError, match="takes too long on the path '/aaa"):
        PathComparison(regex=EXPONENTIAL).holds("/" + "a" * 60 + "!")


@pytest.mark.parametrize("key", ["contains", "glob"])
def test_empty_text_for_paths_is_an_error(key: str) -> None:
    with pytest.raises(ValidationError, match="tells no path from another"):
        PathComparison.model_validate({key: ["/films/", ""]})


def test_title_pattern_can_be_pickled_after_use() -> None:
    pattern = TitlePattern("so+n")
    pattern.matches("")
    assert pickle.loads(pickle.dumps(pattern)).matches("soon")  # noqa: S301 - our own bytes


def test_default_policy_does_not_import_regex() -> None:
    script = (
        "import sys; from vpo.policy.operation import PolicyConfig;"
        "from vpo.media.model import Track; from vpo.policy.track_classes import audio_kind;"
        "audio_kind(Track(0, 'audio', 'aac', title='Commentary'), PolicyConfig());"
        "sys.exit('regex' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
