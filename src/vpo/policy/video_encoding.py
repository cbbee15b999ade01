"""The encode of a video track, as a policy's section asks for it."""

from __future__ import annotations

from dataclasses import replace

from vpo.errors import PlanError
from vpo.media.codecs import require_container_holds
from vpo.media.encode_spec import VideoEncode
from vpo.media.model import Track
from vpo.policy import dynamic_range, frame_format, frame_rate
from vpo.policy.change_kind import ChangeKind
from vpo.policy.desired_state import DesiredState
from vpo.policy.video_section import VideoSection


def transcode_video(
    state: DesiredState, track: Track, section: VideoSection, why: str
) -> DesiredState:
    """Encode a video track, unless its dynamic range or an earlier attempt forbids that.

    Raises ``PlanError`` for what no encoder, or not this container, can do.
    """
    for problem in section.encoder_args.errors:
        raise PlanError(problem)
    if state.external.futile and section.min_savings is not None:
        part = f"{section.min_savings:.0%}"
        return state.warn(f"not encoded: that would save less than {part} (min_savings)")
    decision = dynamic_range.decide_encode(track, section.hdr, section.dolby_vision)
    if decision.skip is not None:
        return state.warn(f"{track} is not encoded: {decision.skip}")
    if decision.loss is not None:
        state = state.warn(decision.loss)
    require_container_holds(state.media.container, section.to)
    return _encode_video(state, track, section, decision.tonemap, why)


def _encode_video(
    state: DesiredState, track: Track, section: VideoSection, tonemap: bool, why: str
) -> DesiredState:
    whole, track = track, section.shown(track)
    crop = track.picture if track is not whole else None
    frame_format.require_depth_for_hdr(track, section.depth, tonemap)
    film = frame_rate.film(track) if section.deinterlace == "detelecine" else None
    if film is not None:
        state = state.warn(f"{track} is telecined: the frames of the film will be restored")
        track = replace(track, frame_rate=film, field_order=None)
    size, drop = section.size(track), frame_rate.drop(track, section.max_frame_rate)
    spec = replace(section.spec(track, size, tonemap), drop=drop, crop=crop, film=film)
    before = state.encodes.get(track.index)
    if isinstance(before, VideoEncode):
        spec = _joined(spec, before)
    order = track.field_order if spec.fields else None
    if track.field_order != order:
        state = state.warn(f"{track} is interlaced and will be deinterlaced")
    if track.mixed is not None:
        state = state.warn(frame_format.mixed_warning(track))
        spec = replace(spec, mixed=track.mixed)
    pad = None if spec.size is not None else frame_format.even_size(track, section.to)
    track = _encoded(replace(track, field_order=order), section, spec, tonemap)
    if size is not None:
        track = replace(track, width=size[0], height=size[1])
    if pad is not None:
        spec = replace(spec, pad=pad)
        track, warning = frame_format.with_padding(track, pad)
        state = state.warn(warning)
    own = _reasons(whole, section, spec)
    return state.encode(replace(track, codec=section.to), spec, why, own)


def _reasons(track: Track, section: VideoSection, spec: VideoEncode) -> dict[ChangeKind, str]:
    """Return the reasons of what an encode makes of a track's frames."""
    found = section.wrong_frames(track)
    if spec.pad is not None:
        padded = "the encoder takes no odd sizes"
        found[ChangeKind.SIZE] = "; ".join(filter(None, (found.get(ChangeKind.SIZE), padded)))
    if spec.film is not None:
        found[ChangeKind.FRAME_RATE] = "it is telecined, and gets the frames of the film"
    if spec.tonemap:
        found[ChangeKind.DYNAMIC_RANGE] = f"{track.dynamic_range or 'HDR'} is mapped to SDR (hdr)"
        found.setdefault(ChangeKind.BIT_DEPTH, "SDR has 8 bits (hdr)")
    return found


def _joined(spec: VideoEncode, before: VideoEncode) -> VideoEncode:
    """Return one encode of the source for two, as an earlier phase wants one as well."""
    return replace(
        spec,
        size=spec.size or before.size,
        tonemap=spec.tonemap or before.tonemap,
        depth=spec.depth or before.depth,
        fields=spec.fields and before.fields,
        crop=spec.crop or before.crop,
        film=spec.film or before.film,
        drop=spec.drop.after(before.drop) if spec.drop else before.drop,
    )


def _encoded(track: Track, section: VideoSection, spec: VideoEncode, tonemap: bool) -> Track:
    """Return the track with what an encode makes of its frames, but for their size."""
    track = dynamic_range.after_encode(track, tonemap)
    track = replace(track, mixed=None, picture=None, telecined=False)
    track = frame_format.with_depth(frame_format.in_yuv(track), section.depth)
    return replace(track, frame_rate=spec.drop.rate) if spec.drop is not None else track
