"""The audio codecs that vpo encodes to, and ffmpeg's encoders for them, one row each."""

from __future__ import annotations

from dataclasses import dataclass

from vpo.media.encode_spec import AudioCodec
from vpo.media.layouts import Placement, channels_of, in_usual_order, place


@dataclass(frozen=True, slots=True)
class AudioEncoder:
    """ffmpeg's encoder (``name``) of a codec, and what it takes.

    ``max_channels`` are those of the encoder: E-AC-3 itself has more. Bit rates are in bits a
    second, ``None`` for lossless codecs: ``stereo_bitrate`` where the policy says nothing, a
    generous choice; ``max_bitrate`` in all, or with ``per_channel`` for each channel.
    ``layouts`` are those that come out of a decoder as they went in, with every channel at its
    level; ``masked``: in Matroska, a channel mask tells any other. ``quad``: four channels are the
    corners of a room (RFC 7845, RFC 9639).
    """

    codec: AudioCodec
    name: str
    max_channels: int
    stereo_bitrate: int | None
    max_bitrate: int | None
    layouts: tuple[str, ...]
    per_channel: bool = False
    quad: bool = False
    masked: bool = False

    @property
    def lossless(self) -> bool:
        return self.max_bitrate is None

    def downmix_channels(self, channels: int | None) -> int | None:
        """Return the channels to downmix a track to, ``None`` if the codec takes all of them."""
        most = self.max_channels
        return most if channels is not None and channels > most else None

    def keeps(self, layout: str | None, matroska: bool) -> bool:
        """Return whether it encodes a layout as it is, into Matroska or another container."""
        known = channels_of(layout)
        if self.masked and matroska and known is not None:
            return len(known) <= self.max_channels
        return layout in self.layouts

    def placement(self, layout: str | None, channels: int) -> Placement | None:
        """Return the nearest layout with a place for each channel; ``None`` if there is none."""
        if channels == 1 or layout is None or channels_of(layout) is None:
            most = self.max_channels
            return in_usual_order(self.layout(channels), channels) if channels <= most else None
        return place(layout, self.layouts)

    def layout(self, channels: int) -> str:
        """Return ffmpeg's name for the layout of so many channels."""
        return "quad" if channels == 4 and self.quad else _LAYOUTS[channels]

    def bitrate(self, channels: int | None, stereo: int | None) -> int | None:
        """Return the bits a second for so many channels; ``None`` for lossless codecs.

        ``stereo`` is what is asked for two channels. The result is not more than the codec takes.
        """
        count = channels or 2
        usual, limit = self.stereo_bitrate, self.bitrate_limit(count)
        return (
            None if usual is None or limit is None else min(limit, (stereo or usual) * count // 2)
        )

    def bitrate_limit(self, channels: int) -> int | None:
        """Return the most bits a second that it takes; ``None`` for lossless codecs."""
        if self.max_bitrate is None:
            return None
        return self.max_bitrate * (channels if self.per_channel else 1)


_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_AAC = (
    "mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "5.0", "5.1",
    "6.0(front)", "6.1", "7.1",
)  # fmt: skip
_DOLBY = (
    "mono", "stereo", "2.1", "3.0", "3.0(back)", "3.1", "4.0", "4.1", "quad(side)", "quad",
    "5.0(side)", "5.0", "5.1(side)", "5.1", "2 channels (FC+LFE)", "4 channels (FL+FR+LFE+BC)",
)  # fmt: skip
_FIXED = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""The layouts of Opus (RFC 7845), and of FLAC without a channel mask (RFC 9639)."""
_ROWS = (
    AudioEncoder("aac", "aac", 8, 160_000, 288_000, _AAC, per_channel=True),
    AudioEncoder("ac3", "ac3", 6, 192_000, 640_000, _DOLBY),
    AudioEncoder("eac3", "eac3", 6, 192_000, 6_144_000, _DOLBY),
    AudioEncoder("flac", "flac", 8, None, None, _FIXED, quad=True, masked=True),
    AudioEncoder("opus", "libopus", 8, 128_000, 256_000, _FIXED, per_channel=True, quad=True),
    AudioEncoder("mp3", "libmp3lame", 2, 192_000, 320_000, ("mono", "stereo")),
)
AUDIO_ENCODERS: dict[AudioCodec, AudioEncoder] = {row.codec: row for row in _ROWS}
