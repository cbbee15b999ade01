"""The names of sidecars, read and written."""

from __future__ import annotations

import pytest

from vpo.media.sidecar_names import SidecarName, sidecar_name, sidecar_names

READ: list[tuple[str, str | None, str, str | None]] = [
    ("Film.srt", None, "", None),
    ("Film.en.srt", "en", "", None),
    ("Film.eng.forced.ass", "eng", "forced", None),
    ("Film.forced.eng.SRT", "eng", "forced", None),
    ("Film.en.sdh.vtt", "en", "hearing_impaired", None),
    ("Film.en.cc.srt", "en", "hearing_impaired", None),
    ("Film.en.hi.srt", "en", "hearing_impaired", None),
    ("Film.hi.en.srt", "en", "hearing_impaired", None),
    ("Film.hi.srt", "hi", "", None),
    ("Film.hi.hi.srt", "hi", "hearing_impaired", None),
    ("Film.default.pt_BR.sup", "pt-BR", "default", None),
    ("Film.2.de.srt", "de", "", None),
    ("Film.English.srt", "eng", "", None),
    ("Film.Signs & Songs.en.ass", "en", "", "Signs & Songs"),
    ("Film.en.commentary.srt", "en", "comment", None),
    ("Film.the director's cut.srt", None, "", "the director's cut"),
]


@pytest.mark.parametrize(("name", "language", "flags", "title"), READ, ids=[r[0] for r in READ])
def test_sidecar_name_is_read(
    name: str, language: str | None, flags: str, title: str | None
) -> None:
    (found,) = sidecar_names("/films/Film.mkv", [name, "Film.mkv"])
    assert (found.name, found.language, found.title) == (name, language, title)
    assert " ".join(sorted(found.flags)) == flags


def test_sidecars_belong_to_the_film_with_the_longest_name() -> None:
    names = ["Film.mkv", "Film.2.mp4", "Film.en.srt", "Film.2.en.srt", "Filmed.en.srt", "Film.nfo"]
    assert [item.name for item in sidecar_names("/x/Film.mkv", names)] == ["Film.en.srt"]
    assert [item.name for item in sidecar_names("/x/Film.2.mp4", names)] == ["Film.2.en.srt"]


def test_pair_of_files_is_one_sidecar() -> None:
    (found,) = sidecar_names("Film.mkv", ["Film.en.idx", "Film.en.sub"])
    assert (found.codec, found.further) == ("dvd_subtitle", "Film.en.sub")


def test_half_of_a_pair_is_not_read_and_follows_its_film() -> None:
    found = sidecar_names("Film.mkv", ["Film.en.idx", "Film.de.sub"])
    assert [(item.name, item.codec) for item in found] == [
        ("Film.de.sub", None),
        ("Film.en.idx", None),
    ]


def test_sidecar_follows_a_renamed_film() -> None:
    sidecar = SidecarName("Film.en.srt", ".en.srt", "subrip")
    assert sidecar.beside("Film (2019).mkv") == "Film (2019).en.srt"


@pytest.mark.parametrize(
    ("codec", "language", "flags", "number", "name"),
    [
        ("subrip", "eng", "", 1, "Film.en.srt"),
        ("mov_text", "eng", "forced", 1, "Film.en.forced.srt"),
        ("ass", "ger", "hearing_impaired default", 2, "Film.2.de.default.sdh.ass"),
        ("webvtt", "pt-BR", "", 1, "Film.pt-BR.vtt"),
        ("hdmv_pgs_subtitle", "zh-Hant", "", 1, "Film.zh-Hant.sup"),
        ("dvd_subtitle", "und", "comment", 1, "Film.commentary.idx"),
        ("subrip", "../../etc/x", "", 1, "Film.srt"),
        ("subrip", None, "", 1, "Film.srt"),
    ],
)
def test_sidecar_name_is_written(
    codec: str, language: str | None, flags: str, number: int, name: str
) -> None:
    film = "/films/Film.mkv"
    assert sidecar_name(film, codec, language, frozenset(flags.split()), number) == name


def test_written_name_is_read_back() -> None:
    flags = frozenset({"default", "forced", "hearing_impaired", "comment"})
    name = sidecar_name("Film.mkv", "subrip", "hin", flags, 12)
    (found,) = sidecar_names("Film.mkv", [name])
    assert (found.language, found.flags, found.title) == ("hi", flags, None)


def test_name_that_no_file_system_takes_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        sidecar_name("x" * 250 + ".mkv", "subrip", "eng", frozenset())
