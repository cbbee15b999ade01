"""The libraries of the configuration: what is read, what is refused, and which go first."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from vpo.config.builder import Settings, build
from vpo.config.libraries import choose_libraries, is_open, settings_of
from vpo.config.models import Seconds
from vpo.errors import ConfigError, UsageError

FILMS = '[[libraries]]\nname = "films"\nfolders = ["films"]\npolicy = "tidy"\n'
SHOWS = '[[libraries]]\nname = "shows"\nfolders = ["/tv"]\npolicy = "tv.yaml"\n'


def configured(folder: Path, text: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(text)
    return build({}, {"VPO_CONFIG": str(path)}, cores=4)


def test_library_has_its_defaults_and_absolute_folders(tmp_path: Path) -> None:
    (films,) = configured(tmp_path, FILMS).config.libraries
    assert films.folders == (str(tmp_path / "films"),)
    assert (films.watch, films.hours, films.priority) == (False, None, 0)
    assert films.settle == Seconds(30)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILMS + "foldres = []\n", ":5: [[libraries]] has no key foldres; did you mean `folders`?"),
        (f"{SHOWS}{FILMS}settle = true\n", ":9: [[libraries]] settle: "),
        (FILMS + 'on_error = "stop"\n', ':5: [[libraries]] on_error: expected "skip" or'),
        (FILMS + 'hours = ["22-7"]\n', ':5: [[libraries]] hours: "22-7" is not a span'),
        (FILMS.replace("films", "-x", 1), ":2: [[libraries]] name: '-x' is not a name"),
        (SHOWS + '[[libraries]]\nname = "x"\n', ":5: [[libraries]] folders is missing; add it"),
        (FILMS + FILMS, ':5: two [[libraries]] are called "films"'),
        (
            SHOWS + SHOWS.replace("shows", "x").replace("/tv", "/tv/a"),
            ":5: [[libraries]] folders: ",
        ),
        ("[libraries]\n", ":1: write a table [[libraries]] for each library"),
        ("[[librarys]]\n", ":1: unknown section [librarys]; did you mean `libraries`?"),
    ],
)
def test_library_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        configured(tmp_path, text)
    assert f"config.toml{said}" in str(error.value)


def test_libraries_are_chosen_by_name_and_ordered_by_priority(tmp_path: Path) -> None:
    settings = configured(tmp_path, FILMS + SHOWS + "priority = 1\n")
    assert [item.name for item in choose_libraries(settings, ())] == ["shows", "films"]
    assert [item.name for item in choose_libraries(settings, ("films",))] == ["films"]
    with pytest.raises(UsageError, match="no library film; did you mean `films`"):
        choose_libraries(settings, ("film",))
    with pytest.raises(UsageError, match="has no"):
        choose_libraries(configured(tmp_path, ""), ())


def test_hours_of_a_library_replace_the_general_ones(tmp_path: Path) -> None:
    hours = 'hours = ["22:00-07:00"]\n'
    settings = configured(tmp_path, FILMS + SHOWS + hours)
    films, shows = (settings_of(settings, item) for item in settings.config.libraries)
    noon, night = datetime(2026, 5, 4, 12), datetime(2026, 5, 4, 23)
    assert [is_open(films, noon), is_open(shows, noon), is_open(shows, night)] == [1, 0, 1]
