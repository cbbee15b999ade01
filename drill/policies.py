"""The policies of the drills: one for each way in which vpo changes a file."""

from __future__ import annotations

HEADER = """\
schema_version: 13
config: {audio_languages: [jpn, eng, und], on_error: skip}
phases:
  - name: flags
    audio_actions: {clear_all_titles: true}
    default_flags: {}
"""
"""An edit of the header."""

REMUX = """\
schema_version: 13
config: {on_error: skip}
phases:
  - name: filter
    keep_audio: {languages: [eng], fallback: {mode: keep_first}}
    keep_subtitles: {remove_all: true}
  - name: flags
    default_flags: {}
"""

MP4_REMUX = """\
schema_version: 13
config: {on_error: skip}
phases:
  - name: filter
    skip_when: {container: mkv}
    keep_subtitles: {remove_all: true}
"""

CONTAINER = """\
schema_version: 13
config: {on_error: skip}
phases:
  - name: convert
    container: {target: mkv}
  - name: flags
    default_flags: {}
"""

TRANSCODE = """\
schema_version: 13
config: {on_error: skip}
phases:
  - name: encode
    transcode:
      video: {to: h264, crf: 51, preset: ultrafast}
      audio: {to: aac, bitrate: 32k}
"""

NOTHING = """\
schema_version: 13
config: {on_error: skip}
phases:
  - name: nothing
    file_timestamp: {mode: preserve}
"""
"""Wants no change of any file: a run with it only cleans up."""
