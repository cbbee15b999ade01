"""What the first picture says of HDR: the sample's own numbers, and every message by itself."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

from vpo.media.model import Hdr, Mastering, media_from_json, media_to_json
from vpo.probe import hdr
from vpo.probe.reader import probe_file
from vpo.probe.service import Prober
from vpo.tools.process import Processes

HDR10 = Hdr(
    Mastering(((34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450)), (50, 10_000_000)),
    (1000, 400),
)
"""As tests/media/make.py gives it to x265."""


def test_hdr10_metadata_is_read(corpus: Path) -> None:
    path = str(corpus / "hdr10.mkv")
    media = Prober(Processes(), 120).probe(path, frames=True)
    assert [track.hdr for track in media.of("video")] == [HDR10]
    assert media.of("video")[0].dynamic_range == "HDR10"
    assert media == probe_file(path, frames=True)


def test_hdr_is_only_read_with_frames(corpus: Path) -> None:
    media = probe_file(str(corpus / "hdr10.mkv"))
    assert {track.hdr for track in media.tracks} == {None}
    bare = tuple(replace(t, hdr=None) for t in probe_file(media.path, frames=True).tracks)
    assert media.tracks == bare


def test_hdr_of_sdr_is_none(corpus: Path) -> None:
    media = probe_file(str(corpus / "multi-audio.mkv"), frames=True)
    assert {track.hdr for track in media.tracks} == {None}


def test_hdr_survives_json(corpus: Path) -> None:
    media = probe_file(str(corpus / "hdr10.mkv"), frames=True)
    assert media_from_json(media_to_json(media)) == media


def test_messages() -> None:
    assert hdr._from_side_data({}) == Hdr()
    assert hdr._from_side_data({"DYNAMIC_HDR_PLUS": b"x"}) == Hdr(dynamic=True)
    assert hdr._from_side_data({"DOVI_METADATA": b"x"}) == Hdr(dolby_vision=True)
    assert hdr._from_side_data({"CONTENT_LIGHT_LEVEL": struct.pack("2I", 900, 300)}).light == (
        900,
        300,
    )
    assert hdr._from_side_data({"CONTENT_LIGHT_LEVEL": struct.pack("2I", 0, 0)}).light is None


def test_hdr_reads_partial_mastering_display() -> None:
    chroma = [340, 500, 160, 500, 1325, 5000, 345, 500, 3, 20, 6, 100, 3127, 10000, 329, 1000]
    light = [5, 1000, 1000, 1]
    whole = struct.pack("20i2i", *chroma, *light, 1, 1)
    assert hdr._mastering(whole) == HDR10.mastering
    assert hdr._mastering(struct.pack("20i2i", *chroma, *light, 0, 1)) == Mastering(
        luminance=(50, 10_000_000)
    )
    assert hdr._mastering(struct.pack("20i2i", *chroma, *[0, 1] * 2, 0, 1)) is None
    assert hdr._mastering(whole[:40]) is None
