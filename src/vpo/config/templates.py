"""Templates of the files that ``vpo init`` writes: a commented configuration and two policies."""

from __future__ import annotations

import collections.abc
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin

from vpo.config.models import Size
from vpo.config.specs import Spec, specs

Goal = Literal["languages", "space", "mp4"]
GOALS: tuple[Goal, ...] = get_args(Goal)

_WIDTH = 88
_UNSET = {
    int: "4",
    Size: '"10GB"',
    Path: '"/path"',
    str: '"..."',
    "exclude": '["extras/"]',
    "hours": '["22:00-07:00"]',
    "in_use": '"jellyfin"',
    "trusted_proxies": '["172.16.0.0/12"]',
    "base_url": '"https://vpo.example.org"',
    "url": '"http://server:8096"',
    "urls": '["ntfy://ntfy.sh/topic"]',
    collections.abc.Mapping: '{ "/theirs" = "/ours" }',
}
"""Example values of keys without a default, by the key's name or type."""

_TIDY = """\
# Tidy flags and titles: one default video and audio track, no titles of video tracks; no default
# subtitle, unless the audio is in none of these languages.
# For Matroska and MP4 these are header edits, which take milliseconds at any file size.
schema_version: 13
name: tidy
config:
  audio_languages: [{languages}]
phases:
  - name: flags
    skip_when: {{container: [avi, ts, flv, wmv, ogg]}}
    video_actions: {{clear_all_titles: true}}
    default_flags: {{}}
"""
_GOALS: dict[Goal, str] = {
    "languages": """\
# Keep only these languages, in this order; a file with none of them keeps its first audio track.
schema_version: 13
name: languages
config:
  audio_languages: [{languages}, und]
  subtitle_languages: [{languages}]
  on_error: skip
phases:
  - name: filter
    keep_audio:
      languages: [{languages}, und]
      fallback: {{mode: keep_first}}
    keep_subtitles:
      languages: [{languages}, und]
  - name: arrange
    track_order: [video, audio_main, audio_alternate, audio_commentary, subtitle_main]
    default_flags: {{}}
""",
    "space": """\
# Encode to HEVC where it saves at least 15 %, at 1080p at most. HDR video is not encoded. AVI, WebM
# and others that cannot hold HEVC become Matroska.
schema_version: 13
name: space
config:
  audio_languages: [{languages}, und]
  on_error: skip
phases:
  - name: container
    skip_when: {{container: [mkv, mp4, mov, ts], video_codec: [hevc, av1]}}
    container: {{target: mkv}}
  - name: encode
    transcode:
      video:
        to: hevc
        skip_if: {{codec_matches: [hevc, av1], resolution_within: 1080p}}
        crf: 23
        max_resolution: 1080p
        hdr: skip
        min_savings: 15%
""",
    "mp4": """\
# Convert to MP4 for players that support nothing else. Fonts and subtitles in other languages are
# removed first; a file with other tracks that MP4 cannot hold stays as it is, and counts as failed.
schema_version: 13
name: mp4
config:
  audio_languages: [{languages}, und]
  on_error: skip
phases:
  - name: filter
    skip_when: {{container: mp4}}
    keep_subtitles: {{languages: [{languages}, und]}}
    filter_attachments: {{remove_all: true}}
  - name: convert
    container: {{target: mp4, on_incompatible_codec: error}}
  - name: flags
    default_flags: {{}}
""",
}


def policies(languages: Sequence[str], goal: Goal) -> dict[str, str]:
    """Return two policies by file name: one that only edits headers, and one for the goal."""
    named = ", ".join(languages)
    return {
        "tidy.yaml": _TIDY.format(languages=named),
        f"{goal}.yaml": _GOALS[goal].format(languages=named),
    }


def configuration(keep_days: int) -> str:
    """Return a configuration file with every key and its default as comments.

    Originals are kept for ``keep_days`` days, not at all for 0.
    """
    given = {"originals.keep": '"trash"', "originals.days": str(keep_days)} if keep_days else {}
    return "\n".join(_lines(given)) + "\n"


def _lines(given: dict[str, str]) -> Iterator[str]:
    yield "# Configuration of vpo. Each commented line has the default; remove the # to change it."
    yield "# `vpo config show` prints the values in use."
    for section, keys in specs().items():
        yield f"\n[{section}]"
        for name, known in keys.items():
            yield ""
            yield from textwrap.wrap(
                known.key.doc, _WIDTH, initial_indent="# ", subsequent_indent="# "
            )
            value = given.get(f"{section}.{name}")
            yield f"{name} = {value}" if value else f"# {name} = {_default(known)}"
    yield _LIBRARY


_LIBRARY = """
# Libraries are processed by `vpo process` without arguments, each with its own policy.
# [[libraries]]
# name = "films"
# folders = ["/path"]
# policy = "tidy"
# watch = true"""


def _default(known: Spec) -> str:
    value = known.default
    if value is None:
        return _UNSET.get(known.name) or _UNSET[get_origin(known.kind) or known.kind]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'
