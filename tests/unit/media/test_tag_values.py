"""Values of tags that say the same in another spelling."""

from __future__ import annotations

import pytest

from vpo.media.tag_values import name_key, same_value


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("location", "+37.7750-122.4183+012.345/", "+37.7750-122.4183+12.344986/"),
        ("location-eng", "+37.7750-122.4183/", "+37.77500-122.41830/"),
        ("track", "1", "1/0"),
        ("disc", "02/03", "2/3"),
        ("title", "A  film\n", "A film"),
    ],
)
def test_the_same_in_another_spelling(name: str, one: str, other: str) -> None:
    assert same_value(name, one, other)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("location", "+37.7750-122.4183/", "+37.7760-122.4183/"),
        ("location", "+37.7750-122.4183+12/", "+37.7750-122.4183/"),
        ("location", "+37.7750-122.4183/", ""),
        ("location", "Paris", "Lyon"),
        ("track", "1/2", "1/0"),
        ("title", "1", "1/0"),
    ],
)
def test_something_else(name: str, one: str, other: str) -> None:
    assert not same_value(name, one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("content rating", "content_rating"),
        ("comment-de", "comment-ger"),
        ("comment-deu", "comment-ger"),
        (" lead", "_lead"),
    ],
)
def test_the_same_name_in_another_spelling(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_other_names_are_told_apart() -> None:
    names = ["comment", "comment-eng", "comment-ger", "encoded-by", "content rating", "content"]
    assert len({name_key(name) for name in names}) == len(names)
