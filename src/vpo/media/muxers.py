"""Which codecs ffmpeg's muxers write so that they can be read again, by container.

Measured with ffmpeg 5.1: for each codec that it encodes by muxing a sample and reading it back
(``tests/integration/test_muxers.py`` does it again), for others by asking the muxer. What is listed
nowhere is taken where a container has room for any codec, and refused where it has not.
"""

from __future__ import annotations

_FOREIGN = (
    "adpcm_adx adpcm_argo adpcm_g726le adpcm_ima_alp adpcm_ima_amv adpcm_ima_apm adpcm_ima_ssi"
    " adpcm_ima_ws aptx aptx_hd codec2 comfortnoise pcm_s24daud pcm_sga pcm_vidc roq roq_dpcm sbc"
)
"""Of games, telephones and studios."""
_FORMATS_OF_THEIR_OWN = (
    "dvb_teletext pcm_bluray pcm_dvd pcm_lxf rv10 rv20 rv30 rv40 s302m xsub ac4 ape atrac3al"
    " atrac3p atrac3pal atrac9 celt dolby_e dsd_lsbf dsd_lsbf_planar dsd_msbf dsd_msbf_planar dst"
    " mp3adu mp3on4 musepack7 musepack8 ralf shorten tak twinvq unknown"
)
_NAMELESS_PCM = (
    "pcm_f16le pcm_f24le pcm_s16be_planar pcm_s16le_planar pcm_s24le_planar pcm_s32le_planar"
    " pcm_s64be pcm_s8_planar pcm_u16be pcm_u16le pcm_u24be pcm_u24le pcm_u32be pcm_u32le"
)
_IMAGES_AND_TEXTS = (
    "jpegxl pam pbm pcx pfm pgm pgmyuv phm ppm qoi sunrast webp xbm xwd arib_caption jacosub"
    " microdvd mpl2 pjs realtext sami stl subviewer subviewer1 text ttml vplayer"
)
_NOWHERE = f"{_FOREIGN} {_FORMATS_OF_THEIR_OWN} {_NAMELESS_PCM} {_IMAGES_AND_TEXTS}"
_NO_RIFF = (
    "adpcm_ima_qt adpcm_swf alac ass avrp avui dnxhd dvb_subtitle dvd_subtitle eia_608 evrc exr gif"
    " gsm hdmv_pgs_subtitle hevc ilbc mace3 mace6 mlp mov_text mp4als mpegh_3d_audio nellymoser"
    " opus pcm_f32be pcm_f64be pcm_s16be pcm_s24be pcm_s32be pcm_s8 qcelp qtrle ra_144 ra_288 sgi"
    " smc subrip tiff truehd tta wavpack webvtt"
)
"""Codecs without a number among the formats of Windows, which AVI and ASF use."""
_REFUSED = {
    "mkv": (
        f"{_NOWHERE} adpcm_ima_qt adpcm_swf eia_608 evrc gsm ilbc mace3 mace6 mov_text mp4als"
        " mpegh_3d_audio nellymoser pcm_f32be pcm_f64be pcm_s8 qcelp"
    ),
    "mov": (
        f"{_NOWHERE} ass av1 dfpwm dvb_subtitle dvd_subtitle flac hdmv_pgs_subtitle mlp opus"
        " pcm_s64le ra_144 ra_288 subrip truehd tta vp8 vp9 vvc wavpack webvtt"
    ),
    "avi": f"{_NOWHERE} {_NO_RIFF}",
    "wmv": f"{_NOWHERE} {_NO_RIFF} flac hap prores",
}
"""FLAC in ASF can be written, but not read again with its times."""
_TS_OF_DISCS = (
    "aac aac_latm ac3 avs2 avs3 cavs dts eac3 h264 hevc mp2 mp3"
    " mpeg1video mpeg2video opus s302m truehd vc1 vvc"
)
_TAKEN = {
    "webm": "av1 opus vorbis vp8 vp9 webvtt",
    "mp4": (
        "aac ac3 alac av1 dirac dts dvd_subtitle eac3 evrc flac h264 hevc jpeg2000 mjpeg mov_text"
        " mp3 mp4als mpeg1video mpeg2video mpeg4 opus png qcelp truehd tscc2 vc1 vorbis vp9"
    ),
    "ts": f"{_TS_OF_DISCS} dirac dvb_subtitle dvb_teletext mpeg4",
    "m2ts": f"{_TS_OF_DISCS} hdmv_pgs_subtitle pcm_bluray",
    "flv": (
        "aac adpcm_swf flashsv flashsv2 flv1 h264 mp3 nellymoser pcm_alaw pcm_mulaw speex text vp6a"
        " vp6f"
    ),
    "ogg": "flac opus speex theora vorbis vp8",
}


def _sets(lists: dict[str, str]) -> dict[str, frozenset[str]]:
    return {name: frozenset(codecs.split()) for name, codecs in lists.items()}


_TAKEN_CODECS, _REFUSED_CODECS = _sets(_TAKEN), _sets(_REFUSED)


def can_mux(name: str, codec: str) -> bool:
    """Whether ffmpeg writes a codec into the container of that name."""
    taken = _TAKEN_CODECS.get(name)
    if taken is not None:
        return codec in taken
    return codec not in _REFUSED_CODECS.get(name, frozenset())
