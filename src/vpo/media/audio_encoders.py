"""The audio codecs that vpo encodes to, and ffmpeg's encoders for them, one row each."""

from __future__ import annotations

from dataclasses import dataclass

from vpo.media.encode_spec import AudioCodec


@dataclass(frozen=True, slots=True)
class AudioEncoder:
    """ffmpeg's encoder (``name``) of a codec, and what it takes.

    ``max_channels`` are those of the encoder: E-AC-3 itself has more. Bit rates are in bits a
    second, ``None`` for lossless codecs: ``stereo_bitrate`` where the policy says nothing, a
    generous choice; ``max_bitrate`` in all, or with ``per_channel`` for each channel. ``quad``:
    four channels are the corners of a room (RFC 7845, RFC 9639).
    """

    codec: AudioCodec
    name: str
    max_channels: int
    stereo_bitrate: int | None
    max_bitrate: int | None
    per_channel: bool = False
    quad: bool = False

    @property
    def lossless(self) -> bool:
        return self.max_bitrate is None

    def downmix_channels(self, channels: int | None) -> int | None:
        """Return the channels to downmix a track to, ``None`` if the codec takes all of them."""
        most = self.max_channels
        return most if channels is not None and channels > most else None

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
_ROWS = (
    AudioEncoder("aac", "aac", 8, 160_000, 288_000, per_channel=True),
    AudioEncoder("ac3", "ac3", 6, 192_000, 640_000),
    AudioEncoder("eac3", "eac3", 6, 192_000, 6_144_000),
    AudioEncoder("flac", "flac", 8, None, None, quad=True),
    AudioEncoder("opus", "libopus", 8, 128_000, 256_000, per_channel=True, quad=True),
    AudioEncoder("mp3", "libmp3lame", 2, 192_000, 320_000),
)
AUDIO_ENCODERS: dict[AudioCodec, AudioEncoder] = {row.codec: row for row in _ROWS}
