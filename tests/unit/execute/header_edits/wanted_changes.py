"""Changes of headers that are wanted of generated files: of their tracks, and of their tags."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from vpo.policy.change_kind import ChangeKind, FactValue

Wanted = tuple[int | None, ChangeKind, str, FactValue]
"""The track, counted from 0, the kind, its name, and the new value."""


def changes(tracks: int, tags: Sequence[str]) -> st.SearchStrategy[list[Wanted]]:
    """One to six changes, each of another fact; texts are of up to 720 letters."""
    number = st.integers(0, tracks - 1)
    texts = st.text("xyzä", max_size=8).flatmap(
        lambda text: st.sampled_from([text, text * 10, text * 90])
    )
    flags = st.sampled_from(["default", "forced", "comment", "hearing_impaired"])
    languages = st.sampled_from(["eng", "pt-BR"])
    one: st.SearchStrategy[Wanted] = st.one_of(
        st.tuples(number, st.just(ChangeKind.TITLE), st.just(""), texts),
        st.tuples(number, st.just(ChangeKind.FLAG), flags, st.booleans()),
        st.tuples(number, st.just(ChangeKind.LANGUAGE), st.just(""), languages),
        st.tuples(st.none(), st.just(ChangeKind.TAG), st.sampled_from(tags), texts),
    )
    return st.lists(one, min_size=1, max_size=6, unique_by=lambda change: change[:3])
