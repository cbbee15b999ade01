"""Policies and media made up by Hypothesis: everything that the language and the model allow.

Values are drawn from small sets on purpose, so that what a policy asks for meets what is in a file.
"""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from vpo.media.containers import CONTAINERS
from vpo.media.model import Attachment, Chapter, Color, MediaFile, Track, TrackType
from vpo.media.sidecar_names import sidecar_names
from vpo.media.subtitle_source import Sidecar
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.track_classes import KINDS, OrderClass

Data = st.SearchStrategy[dict[str, Any]]

LANGUAGES = ("eng", "en", "ger", "deu", "fre", "jpn", "pt-BR", "pt-PT", "zxx", "und")
"""Languages that a policy may name; a file may have others."""
TITLES = (
    "",
    "Main",
    "Director's Commentary",
    "Music only",
    "SFX",
    "No dialogue",
    "Ghost",
    "x" * 300,
    "Ünïcödé \U0001f3ac",
)
CODECS: dict[str, dict[TrackType, tuple[str, ...]]] = {
    "mkv": {
        "video": ("h264", "hevc", "mpeg2video", "vp9"),
        "audio": ("aac", "ac3", "dts", "truehd", "flac", "opus", "pcm_s24le"),
        "subtitle": ("subrip", "ass", "hdmv_pgs_subtitle", "webvtt", "dvd_subtitle", "unknown"),
    },
    "webm": {"video": ("vp8", "vp9", "av1"), "audio": ("opus", "vorbis"), "subtitle": ("webvtt",)},
    "mp4": {
        "video": ("h264", "hevc", "av1"),
        "audio": ("aac", "ac3", "eac3", "mp3", "alac"),
        "subtitle": ("mov_text",),
        "data": ("bin_data",),
    },
    "mov": {
        "video": ("h264", "prores"),
        "audio": ("aac", "pcm_s16le"),
        "subtitle": ("mov_text",),
        "data": ("unknown",),
    },
    "avi": {"video": ("mpeg4", "msmpeg4v2"), "audio": ("mp3", "adpcm_ms")},
}
NAMES = ("One", "One.2019.1080p.x264-AVC", "One (2019) [H.264 480p]", "\udcff.2019.HDR.h264")
OTHER_FLAGS = ("comment", "original", "dub", "hearing_impaired", "visual_impaired", "captions")


_BOOL = st.booleans()
_LOUDNESS_TAGS = st.sampled_from(((), (("vpo_loudness", "-23 LUFS -1 dBTP"),)))
"""None, or what vpo itself writes."""
_LOUDNESS: st.SearchStrategy[Any] = st.sampled_from(({}, {"target": -16, "true_peak": -1.5}))


def _perhaps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def tracks(draw: st.DrawFn, container: str, index: int) -> Track:
    """One track that the container can hold, with or without what may be unknown."""
    kinds = CODECS[container]
    kind = draw(st.sampled_from(sorted(kinds)))
    able = CONTAINERS[container]
    flags = draw(st.frozensets(st.sampled_from(("default", "forced")), max_size=2))
    flags |= draw(st.frozensets(st.sampled_from(OTHER_FLAGS), max_size=1))
    video, audio = kind == "video", kind == "audio"
    width, height = draw(st.sampled_from(((None, None), (1920, 800), (640, 480), (3840, 2160))))
    return Track(
        index=index,
        type=kind,
        codec=draw(st.sampled_from(kinds[kind])),
        profile=draw(st.sampled_from((None, "Main", "DTS-HD MA"))) if kind != "subtitle" else None,
        language=draw(_perhaps(st.sampled_from((*LANGUAGES, "q?")))) if able.languages else None,
        title=draw(_perhaps(st.sampled_from(TITLES))) if able.titles else None,
        dispositions=flags & able.flags,
        channels=draw(st.sampled_from((None, 1, 2, 6, 8))) if audio else None,
        width=width if video else None,
        height=height if video else None,
        color=draw(st.sampled_from((None, Color(transfer="smpte2084")))) if video else None,
        captions=draw(st.sampled_from((False, False, True))) if video else False,
        duration=draw(st.sampled_from((None, 0.0, 2.5))),
        frame_rate=draw(st.sampled_from((None, "25", "30000/1001"))) if video else None,
        field_order=draw(st.sampled_from((None, "tt"))) if video else None,
        telecined=video and draw(_BOOL),
        tags=draw(_LOUDNESS_TAGS) if audio and able.track_tags else (),
        matroska_id=index if able.matroska else None,
        matroska_uid=draw(_perhaps(st.integers(1, 2**64 - 1))) if able.matroska else None,
    )


@st.composite
def attachments(draw: st.DrawFn, container: str, index: int, number: int) -> Attachment:
    """A file that is carried, or a cover."""
    cover = CONTAINERS[container].mp4_family or draw(st.booleans())
    if not CONTAINERS[container].attachments:
        codec = draw(st.sampled_from(("png", "mjpeg")))
        return Attachment(index, cover=True, codec=codec, matroska_id=number)
    name = draw(st.sampled_from((None, "font.ttf", "cover.jpg", "notes.txt")))
    return Attachment(index, name, "image/png", "What", 12, cover, "png", number)


@st.composite
def media(draw: st.DrawFn) -> MediaFile:
    """Any file: no track or many, any flags, in any order."""
    name = draw(st.sampled_from(sorted(CODECS)))
    count = draw(st.integers(0, 8))
    streams = tuple(draw(tracks(name, index)) for index in range(count))
    carried: tuple[Attachment, ...] = ()
    if name in ("mkv", "mp4"):
        more = draw(st.integers(0, 2))
        carried = tuple(draw(attachments(name, count + n, n + 1)) for n in range(more))
    tags = st.dictionaries(st.sampled_from(("title", "artist", "encoder")), st.text(max_size=5))
    return MediaFile(
        path=f"/films/{draw(st.sampled_from(NAMES))}.{name}",
        container=name,
        size=draw(st.sampled_from((0, 10**6, 10**10))),
        mtime_ns=draw(st.integers(0, 2**62)),
        duration=draw(st.sampled_from((None, 1.0, 7200.0))),
        tracks=streams,
        attachments=carried,
        chapters=draw(st.sampled_from(((), (Chapter(0.0, 1.0, "One"), Chapter(1.0, 2.0))))),
        tags=tuple(sorted(draw(tags).items())),
    )


def _some(**values: st.SearchStrategy[Any]) -> Data:
    """A mapping with any of the keys."""
    return st.fixed_dictionaries({}, optional=values)


_LANGUAGE_LISTS = st.lists(
    st.sampled_from((*LANGUAGES, "any", "original")), min_size=1, max_size=3, unique=True
)
_ACTIONS = _some(clear_all_forced=_BOOL, clear_all_default=_BOOL, clear_all_titles=_BOOL)
_CLASSES = get_args(OrderClass)
_KINDS = ("music", "sfx", "non_speech")

_NAMES = st.lists(
    st.sampled_from(LANGUAGES), min_size=1, max_size=3, unique=True
) | st.sampled_from(LANGUAGES)
_WORDS = st.sampled_from(("Main", "commentary", "not", "true", "5", 'a "b\\', "ü ber", "1080p"))
_ORDER = ("lt", "lte", "gt", "gte")


def _comparisons(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A plain value, several, or operators with theirs."""
    several = st.lists(values, min_size=1, max_size=3)
    named = dict.fromkeys(("eq", "neq"), values | several)
    ordered = dict.fromkeys(_ORDER, values)
    return values | several | _some(**named, **ordered).filter(bool)


def _names(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(values, min_size=1, max_size=3)
    return values | several | _some(eq=values | several, neq=values | several).filter(bool)


_LANGUAGE = _names(st.sampled_from(LANGUAGES))
_TRACK_FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "language": _LANGUAGE,
    "codec": _names(st.sampled_from(("aac", "dts-hd", "h265", "srt", "e-ac-3", "pcm"))),
    "bitrate": _comparisons(st.sampled_from((128_000, "5M", "192 kbps", "1k", "1234 bps"))),
    "title": _WORDS
    | _some(
        contains=_WORDS, neq=_WORDS, word=_WORDS, regex=st.sampled_from((r"^M\w+", '"'))
    ).filter(bool),
    **dict.fromkeys(("default", "forced", "commentary", "original", "dub", "lossless"), _BOOL),
}
_IMPAIRED = dict.fromkeys(("hearing_impaired", "visual_impaired"), _BOOL)


def _kinds(name: str) -> st.SearchStrategy[Any]:
    return _names(st.sampled_from(KINDS[name]))


_PIXELS = _comparisons(st.sampled_from((480, 1080, 1920, "1080p", "4k", "720p")))
_FILTERS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "video": {
        **_TRACK_FILTERS,
        "kind": _kinds("video"),
        "width": _PIXELS,
        "height": _PIXELS,
        "dynamic_range": _names(st.sampled_from(("sdr", "hdr", "hdr10", "hlg", "dolby_vision"))),
    },
    "audio": {
        **_TRACK_FILTERS,
        **_IMPAIRED,
        "kind": _kinds("audio"),
        "channels": _comparisons(st.integers(0, 8)),
    },
    "subtitle": {**_TRACK_FILTERS, **_IMPAIRED, "kind": _kinds("subtitle")},
    "attachment": {
        "codec": _TRACK_FILTERS["codec"],
        "title": _TRACK_FILTERS["title"],
        "cover": _BOOL,
    },
}


@st.composite
def _filters(draw: st.DrawFn, kind: str, least: int = 1) -> dict[str, Any]:
    """A filter that may be used for tracks of a type."""
    known = _FILTERS[kind]
    names = st.lists(st.sampled_from(sorted(known)), min_size=least, max_size=3, unique=True)
    found = {name: draw(known[name]) for name in draw(names)}
    if draw(st.integers(0, 5)) == 0:
        found["not"] = draw(_filters(kind))
    return found


def _fits_video(found: dict[str, Any]) -> bool:
    """Whether a filter may stand in ``keep_video``: no video is commentary."""
    return "commentary" not in found


@st.composite
def _selections(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(_FILTERS)))
    return {"track_type": kind, **draw(_filters(kind, 0))}


@st.composite
def _counts(draw: st.DrawFn) -> dict[str, Any]:
    operators = st.lists(st.sampled_from(("eq", "neq", *_ORDER)), min_size=1, max_size=2)
    return {**draw(_selections()), **{key: draw(st.integers(0, 3)) for key in draw(operators)}}


@st.composite
def _metadata(draw: st.DrawFn, /, **more: st.SearchStrategy[Any]) -> dict[str, Any]:
    field = draw(st.sampled_from(("title", "original_language", "year", "a b", "not")))
    operator = draw(st.sampled_from(("eq", "neq", "contains", "exists", *_ORDER)))
    scalars = _WORDS | st.sampled_from((5, 7.25, -1, True, 0.00001))
    value = {"exists": st.just(None) | _BOOL, "eq": scalars | st.lists(scalars, min_size=1)}
    found = {"field": field, "operator": operator, "value": draw(value.get(operator, scalars))}
    return {key: item for key, item in {**found, **draw(_some(**more))}.items() if item is not None}


_ORIGIN = _BOOL | _some(
    value=_BOOL, min_confidence=st.sampled_from((0.0, 0.8, 1)), language=_LANGUAGE
)
_LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries({"exists": _selections()}),
    st.fixed_dictionaries({"count": _counts()}),
    st.fixed_dictionaries({"container_metadata": _metadata()}),
    st.fixed_dictionaries({"plugin_metadata": _metadata(plugin=st.sampled_from(("mine", "x y")))}),
    st.fixed_dictionaries({"is_original": _ORIGIN}),
    st.fixed_dictionaries({"is_dubbed": _ORIGIN}),
    st.fixed_dictionaries(
        {
            "audio_is_multi_language": _some(
                threshold=st.sampled_from((0.05, 0.5, 1)),
                track_index=st.integers(0, 3),
                primary_language=st.sampled_from(("eng", "pt-BR")),
            )
        }
    ),
    st.fixed_dictionaries(
        {"path": _WORDS | _some(contains=_WORDS, glob=_WORDS, regex=st.just("^/f")).filter(bool)}
    ),
    st.fixed_dictionaries({"container": _names(st.sampled_from(("mkv", "mp4", ".AVI")))}),
    st.fixed_dictionaries(
        {"file_size": _some(**dict.fromkeys(_ORDER, st.sampled_from((5, "5GB")))).filter(bool)}
    ),
    st.fixed_dictionaries(
        {"duration": _some(**dict.fromkeys(_ORDER, st.sampled_from((1.5, "1h")))).filter(bool)}
    ),
    st.fixed_dictionaries(
        {"age": _some(**dict.fromkeys(_ORDER, st.sampled_from((1.5, "30d", "2w")))).filter(bool)}
    ),
    st.sampled_from(("exists(audio, lang == eng)", "count(subtitle) > 0 or not is_dubbed")),
)
CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
"""Conditions of rules, as mappings and as expressions."""

KNOWN = ExternalFacts(
    {"mine": {"original_language": "ja", "year": 1999}, "x y": {"title": "Main"}}, now_ns=2**61
)
"""What metadata sources know of every file."""

_TYPE = st.sampled_from(("video", "audio", "subtitle"))
_FLAG = st.fixed_dictionaries({"track_type": _TYPE}, optional={"language": _NAMES, "value": _BOOL})
_DEED = st.one_of(
    st.sampled_from(("skip_video_transcode", "skip_audio_transcode", "skip_track_filter")),
    st.fixed_dictionaries({"warn": st.just("{filename}: {rule_name}")}),
    st.fixed_dictionaries({"fail": st.just("{path} is not wanted")}),
    st.fixed_dictionaries({"set_forced": _FLAG}),
    st.fixed_dictionaries({"set_default": _FLAG}),
    st.fixed_dictionaries(
        {
            "set_title": st.fixed_dictionaries(
                {"track_type": _TYPE, "value": st.sampled_from(("", "Main"))},
                optional={"commentary": _BOOL},
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "set_language": st.fixed_dictionaries(
                {"track_type": _TYPE}, optional={"match_language": _NAMES}
            ).flatmap(
                lambda found: st.sampled_from(
                    (
                        {**found, "new_language": "eng"},
                        {**found, "new_language": "pt-BR"},
                        {**found, "from_plugin_metadata": "original_language"},
                    )
                )
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "set_container_metadata": st.fixed_dictionaries(
                {
                    "field": st.sampled_from(("title", "artist", "My Field")),
                    "value": st.sampled_from(("", "One", 5)),
                }
            )
        }
    ),
)
_DEEDS = st.lists(_DEED, max_size=2)
_RULES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(("one", "two")), "when": CONDITIONS, "then": _DEEDS},
        optional={"else": _DEEDS},
    ),
    min_size=1,
    max_size=3,
)

_CRITERIA = _some(
    language=st.sampled_from(("ger", ["jpn", "eng"])),
    not_commentary=_BOOL,
    codec=st.sampled_from(("truehd", ["dts", "ac3"])),
    channels=st.sampled_from(("max", "min", 2, "5.1")),
    lossless=_BOOL,
    bitrate=st.sampled_from(("max", "min", "1M")),
    kind=_kinds("audio"),
).filter(bool)


@st.composite
def _new_tracks(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """A track to be made; what it is called is only sometimes its own title."""
    wanted = draw(
        st.fixed_dictionaries(
            {
                "codec": st.sampled_from(("aac", "ac3", "eac3", "opus", "flac")),
                "channels": st.sampled_from(("mono", "stereo", "5.1", 4)),
            },
            optional={
                "source": st.fixed_dictionaries({"prefer": st.lists(_CRITERIA, max_size=2)}),
                "create_if": st.sampled_from(
                    ("exists(audio, lang == ger)", "count(audio) < 3", "not exists(audio)")
                ),
                "skip_if_exists": _some(
                    codec=st.sampled_from(("aac", ["ac3", "eac3"])),
                    channels=st.sampled_from((2, {"lte": 2})),
                    language=st.sampled_from(("eng", "ger")),
                    not_commentary=_BOOL,
                ).filter(bool),
                "title": st.sampled_from(("inherit", "Stereo", "Director's Commentary", "")),
                "language": st.sampled_from(("inherit", *LANGUAGES)),
                "position": st.sampled_from(("after_source", "end", 1, 2, 9)),
                "loudness": _LOUDNESS,
            },
        )
    )
    if wanted.get("title") not in (None, "inherit", ""):
        wanted["night_mode"] = draw(_BOOL)
    return {"name": f"new {number}", **wanted}


def _with_effect(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags, with a default for subtitles where one is preferred."""
    made = {"set_preferred_subtitle_default": True} if "prefer_subtitle" in flags else {}
    return flags | made


_TEMPLATES = ("", "{language} {kind} {codec}", "{language} {kind}", "{title}")


def _kept(kind: str) -> dict[str, st.SearchStrategy[Any]]:
    """The keys that ``keep_audio`` and ``keep_subtitles`` share."""
    several = st.lists(_filters(kind), min_size=1, max_size=2)
    criteria = _CRITERIA if kind == "audio" else _filters(kind)
    best = _some(max=st.integers(1, 2), prefer=st.lists(criteria, max_size=2))
    return {"keep": several, "drop": several | _filters(kind), "per_language": best}


OPERATIONS: dict[str, st.SearchStrategy[Any]] = {
    "audio_synthesis": st.integers(1, 2).flatmap(
        lambda count: st.fixed_dictionaries(
            {"tracks": st.tuples(*(_new_tracks(number) for number in range(count)))}
        )
    ),
    "transcode": st.fixed_dictionaries(
        {},
        optional={
            "video": st.fixed_dictionaries(
                {"to": st.sampled_from(("h264", "hevc", "vp9", "av1"))},
                optional={
                    "crf": st.sampled_from((18, 30, {"720p": 20, "4k": 24})),
                    "max_resolution": st.sampled_from(("720p", "1080p")),
                    "max_frame_rate": st.just(25),
                    "deinterlace": st.sampled_from(("auto", "never", "detelecine")),
                    "skip_if": st.sampled_from(
                        (
                            {"codec_matches": ["hevc", "av1"]},
                            {"resolution_within": "1080p", "bitrate_under": "5M"},
                        )
                    ),
                },
            ),
            "audio": st.fixed_dictionaries(
                {"to": st.sampled_from(("aac", "eac3", "opus", "flac"))},
                optional={
                    "preserve": st.sampled_from((["truehd"], ["dts-hd", "flac"])),
                    "loudness": _LOUDNESS,
                },
            ),
        },
    ).filter(bool),
    "rules": st.fixed_dictionaries(
        {"items": _RULES}, optional={"match": st.sampled_from(("first", "all"))}
    ),
    "audio_actions": _ACTIONS,
    "subtitle_actions": _ACTIONS,
    "video_actions": _ACTIONS,
    "transcription": _some(enabled=_BOOL),
    "container": st.fixed_dictionaries(
        {"target": st.sampled_from(("mkv", "mp4"))},
        optional={
            "on_incompatible_codec": st.sampled_from(("error", "skip", "transcode")),
            "preserve_metadata": _BOOL,
            "codec_mappings": st.dictionaries(
                st.sampled_from(("dts", "truehd", "h264", "flac", "pgs", "ass", "vp8")),
                st.sampled_from(
                    (
                        {"action": "remove"},
                        {"codec": "aac", "bitrate": "192k"},
                        {"codec": "eac3"},
                        {"codec": "hevc"},
                        {"codec": "opus", "action": "convert"},
                    )
                ),
                max_size=2,
            ),
        },
    ),
    "flags": st.just({"from_titles": True}),
    "subtitles": _some(
        convert=st.sampled_from(({"ass": "srt"}, {"webvtt": "srt", "ass": "srt"}, {"srt": "ass"})),
        extract=st.lists(_filters("subtitle"), min_size=1, max_size=2),
        add=st.just("sidecar"),
        remove_hearing_impaired=st.just(True),
    ).filter(bool),
    "captions": st.sampled_from(("keep", "extract", "drop")),
    "titles": _some(
        audio=st.sampled_from((*_TEMPLATES, "{language} {layout} {codec}")),
        subtitle=st.sampled_from(_TEMPLATES),
        video=st.sampled_from(("", "{resolution} {codec}")),
        container=st.sampled_from(("", "{filename}")),
        only=st.sampled_from(("empty", "all")),
    ).filter(lambda found: set(found) != {"only"} and found),
    "keep_video": st.fixed_dictionaries(
        {"drop": st.lists(_filters("video").filter(_fits_video), min_size=1, max_size=2)}
    ),
    "keep_audio": st.fixed_dictionaries(
        {"languages": _LANGUAGE_LISTS},
        optional={
            **_kept("audio"),
            "minimum": st.integers(0, 2),
            "fallback": st.fixed_dictionaries(
                {
                    "mode": st.sampled_from(
                        ("error", "keep_all", "keep_first", "content_language"),
                    )
                }
            ),
            **{f"keep_{kind}_tracks": _BOOL for kind in _KINDS},
            **{f"exclude_{kind}_from_language_filter": _BOOL for kind in _KINDS},
        },
    ),
    "keep_subtitles": st.fixed_dictionaries(
        {"languages": _LANGUAGE_LISTS},
        optional={"preserve_forced": _BOOL, "remove_all": _BOOL, **_kept("subtitle")},
    ),
    "keep_data": _BOOL,
    "filter_attachments": _some(remove_all=_BOOL),
    "track_order": st.lists(st.sampled_from(_CLASSES), min_size=1, unique=True)
    | st.tuples(
        st.fixed_dictionaries({"track_type": st.just("audio"), "kind": _kinds("audio")}),
        st.sampled_from(("audio_main", "video", "subtitle_main")),
        st.fixed_dictionaries({"track_type": st.just("subtitle"), "forced": _BOOL}),
    ).map(list),
    "default_flags": _some(
        set_first_video_default=_BOOL,
        set_preferred_audio_default=_BOOL,
        set_preferred_subtitle_default=_BOOL,
        clear_other_defaults=_BOOL,
        preferred_audio_codec=st.lists(
            st.sampled_from(("aac", "ac3", "dts-hd", "opus")), min_size=1, max_size=2
        ),
        prefer_audio=_filters("audio") | st.lists(_filters("audio"), min_size=1, max_size=2),
        prefer_subtitle=_filters("subtitle"),
        set_subtitle_default_when_audio_differs=_BOOL,
        set_subtitle_forced_when_audio_differs=_BOOL,
    ).map(_with_effect),
    "rename": st.sampled_from(
        (
            "{title} ({year}) [{video_codec} {resolution}]",
            {"template": "{title}: {dynamic_range} {audio_codec}"},
            {"replace": "video_codec"},
            {"replace": ["resolution", "bit_depth", "dynamic_range", "video_codec"]},
        )
    ),
    "file_timestamp": _some(
        mode=st.sampled_from(("preserve", "release_date", "now")),
        fallback=st.sampled_from(("preserve", "now", "skip")),
    ),
}
"""A value for each operation of the language; a test holds it complete."""

_BESIDE = ("One.en.srt", "One.2.en.sdh.srt", "One.de.ass", "One.vtt", "One.en.sup", "One.smi")


@st.composite
def beside(draw: st.DrawFn) -> ExternalFacts:
    """Sidecars of the films that are made up, some of which say what tracks do."""
    found = []
    for said in sidecar_names("/films/One.mkv", draw(st.sets(st.sampled_from(_BESIDE)))):
        same = draw(st.frozensets(st.integers(0, 8), max_size=2))
        problem = None if said.codec else "vpo does not read such files"
        content = draw(st.sampled_from(("a", "b", "")))
        plain = same | draw(st.frozensets(st.integers(0, 8), max_size=1))
        found.append(Sidecar(said, 9, 9, "utf-8", problem, content, same, plain))
    return ExternalFacts(sidecars=tuple(found))


_SKIP_WHEN: dict[str, st.SearchStrategy[Any]] = {
    "video_codec": st.sampled_from(("hevc", "h265", "vp9")),
    "audio_codec_exists": st.sampled_from(("aac", "dts", "truehd")),
    "subtitle_language_exists": st.sampled_from(("eng", "ger")),
    "container": st.sampled_from(("mkv", "mp4", "webm")),
    "resolution": st.sampled_from(("480p", "1080p", "4k")),
    "resolution_under": st.sampled_from(("720p", "2160p")),
    "file_size_under": st.just("500MB"),
    "file_size_over": st.just("1.5 GB"),
    "duration_under": st.just("30m"),
    "duration_over": st.just("1h30m15s"),
    "when": CONDITIONS,
}
_ON_ERROR = st.sampled_from(("skip", "continue", "fail"))


@st.composite
def phases(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """A phase that may depend on those before it."""
    phase: dict[str, Any] = {"name": f"p{number}"}
    for key in draw(st.lists(st.sampled_from(sorted(OPERATIONS)), max_size=4, unique=True)):
        phase[key] = draw(OPERATIONS[key])
    before = [f"p{n}" for n in range(number)]
    if before and draw(st.integers(0, 4)) == 0:
        phase["depends_on"] = draw(st.lists(st.sampled_from(before), max_size=2, unique=True))
    if before and draw(st.integers(0, 4)) == 0:
        kind = draw(st.sampled_from(("phase_modified", "phase_completed")))
        phase["run_if"] = {kind: draw(st.sampled_from(before))}
    if draw(st.integers(0, 4)) == 0:
        chosen = draw(st.lists(st.sampled_from(sorted(_SKIP_WHEN)), min_size=1, max_size=2))
        phase["skip_when"] = {key: draw(_SKIP_WHEN[key]) for key in chosen}
        phase["skip_when"]["mode"] = draw(st.sampled_from(("any", "all")))
    if draw(st.integers(0, 4)) == 0:
        phase["on_error"] = draw(_ON_ERROR)
    return phase


@st.composite
def policies(draw: st.DrawFn, most: int = 3) -> Policy:
    """A policy of up to so many phases."""
    count = draw(st.integers(1, most))
    config = draw(
        _some(
            audio_languages=_LANGUAGE_LISTS,
            subtitle_languages=_LANGUAGE_LISTS,
            commentary_patterns=st.sampled_from(([], ["director"])),
            on_error=_ON_ERROR,
        )
    )
    return Policy.model_validate(
        {
            "schema_version": 13,
            "name": "generated",
            "config": config,
            "phases": [draw(phases(number)) for number in range(count)],
        }
    )
