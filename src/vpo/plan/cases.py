"""Cases of policies: what a file is, what a policy shall make of it, and what differs.

A case is a mapping in a list of a YAML file; the tracks are in the notation of
``vpo.media.notation``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import dedent
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from vpo.errors import PolicyError
from vpo.media import notation
from vpo.media.codecs import canonical
from vpo.media.containers import container_names, container_of_name, user_tags
from vpo.media.layouts import usual_layout
from vpo.media.model import MediaFile
from vpo.plan.evaluate import evaluate
from vpo.plan.model import Change, Plan, Strategy
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts, MetadataValue
from vpo.policy.field_types import ByteSize, Duration, Names
from vpo.policy.operation import Model
from vpo.policy.problems import validation_error
from vpo.policy.yaml_source import parse_yaml, read_policy_text, write_yaml
from vpo.text import suggestion

_NOUN = "file of cases"
_SIZE = 1_000_000_000
_LONGEST_NAME = 200


def _in_notation(lines: tuple[str, ...]) -> tuple[str, ...]:
    for track in notation.media(lines).tracks:
        if (name := canonical(track.codec)) != track.codec:
            raise ValueError(f"`{track.codec}` is called `{name}` here, as by ffprobe")
    return lines


def _known_container(name: str) -> str:
    if name not in (known := container_names()):
        raise ValueError(f"`{name}` is not a container{suggestion(name, known)}")
    return name


ContainerName = Annotated[str, AfterValidator(_known_container)]
Lines = Annotated[tuple[str, ...], AfterValidator(_in_notation)]


class Case(Model):
    """What a policy makes of one file: the facts of the file, and what is expected of the plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: str = Field(min_length=1, description="What the case shows.")
    policy: Names = Field(description="Policy file, or several, relative to the file of the case.")
    file: str | None = Field(default=None, description="A real file, in place of `before`.")
    before: Lines | None = Field(default=None, description="Tracks and attachments of the file.")
    path: str | None = Field(default=None, description="Path of the file.")
    container: ContainerName | None = Field(default=None, description="Its container.")
    size: ByteSize = Field(default=_SIZE, description="Its size.")
    duration: Duration | None = Field(default=None, description="Its duration.")
    before_tags: dict[str, str] = Field(default={}, description="Its tags.")
    metadata: dict[str, dict[str, MetadataValue]] = Field(
        default={}, description="What metadata sources say of it, by source."
    )
    after: Lines | None = Field(default=None, description="Tracks and attachments after the run.")
    becomes: ContainerName | None = Field(default=None, description="Another container.")
    tags: dict[str, str] | None = Field(default=None, description="Tags after the run.")
    encodes: tuple[int, ...] = Field(default=(), description="Tracks that are encoded.")
    strategy: Strategy | None = Field(default=None, description="How the file is changed.")
    changes: tuple[str, ...] | None = Field(
        default=None, description="Each change with its track and reason."
    )
    warnings: tuple[str, ...] = Field(default=(), description="The warnings of the plan.")
    error: Names | None = Field(default=None, description="Parts of the error of the plan.")

    @model_validator(mode="after")
    def _one_file(self) -> Case:
        if (self.file is None) == (self.before is None):
            raise ValueError("a case needs `before`, or else `file`")
        stated = {"path", "container", "size", "duration", "before_tags"} & self.model_fields_set
        if self.file is not None and stated:
            raise ValueError(f"`{min(stated)}` is known of a real `file`; leave it out")
        return self

    @property
    def media(self) -> MediaFile:
        """The file that ``before`` describes."""
        path = self.path or f"/media/film.{self.container or 'mkv'}"
        named = container_of_name(path)
        name = self.container or (named.name if named else "mkv")
        found = notation.media(
            self.before or (),
            name,
            path=path,
            size=self.size,
            duration=self.duration,
            tags=tuple(sorted(self.before_tags.items())),
        )
        # That 6 channels are 5.1 goes without saying in the notation, and not in a file.
        tracks = (replace(t, layout=t.layout or usual_layout(t.channels)) for t in found.tracks)
        return replace(found, tracks=tuple(tracks))

    @property
    def external(self) -> ExternalFacts:
        """What metadata sources say of the file."""
        return ExternalFacts(metadata=self.metadata)


_CASES = TypeAdapter(tuple[Case, ...])


@dataclass(frozen=True)
class CaseFile:
    """A file of cases, each with its line."""

    path: str
    cases: tuple[tuple[int, Case], ...]

    def beside(self, name: str) -> str:
        """Return the path of a file that a case names."""
        return os.path.normpath(os.path.join(os.path.dirname(self.path), name))


class CaseDifference(NamedTuple):
    """What differs from a case: the key, and what was expected and found."""

    key: str
    expected: tuple[str, ...]
    found: tuple[str, ...]


def read_cases(path: str) -> CaseFile | None:
    """Read a file of cases; ``None`` if it is a policy. Raises ``PolicyError``."""
    return parse_cases(read_policy_text(path, _NOUN), path)


def parse_cases(text: str, path: str) -> CaseFile | None:
    """Read the cases in a text; ``None`` if it is a policy. Raises ``PolicyError``."""
    source = parse_yaml(text, path, _NOUN)
    if isinstance(source.data, dict) and "schema_version" in source.data:
        return None
    if not isinstance(source.data, list):
        raise PolicyError("cases must be a list: `- case: …`", source.position(()))
    try:
        cases = _CASES.validate_python(source.data)
    except ValidationError as error:
        raise validation_error(error, source, Case) from None
    lines = (source.position((number,)).line for number in range(len(cases)))
    return CaseFile(path, tuple(zip(lines, cases, strict=True)))


def case_differences(case: Case, plan: Plan) -> tuple[CaseDifference, ...]:
    """Return what differs between a case and the plan for its file."""
    return tuple(
        CaseDifference(key, expected, found)
        for key, expected, found in _compared(case, plan)
        if expected != found
    )


def _compared(case: Case, plan: Plan) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Yield each key of the expectation, with what was expected and what was found."""
    error = str(plan.error) if plan.error else None
    parts = case.error or ()
    if not (error and parts and all(part in error for part in parts)):
        yield "error", parts, (error,) if error else ()
    before = tuple(notation.lines(plan.before))
    expected = before if case.after is None else _respelled(case.after)
    yield "after", expected, tuple(notation.lines(plan.after))
    yield "becomes", (case.becomes or plan.before.container,), (plan.after.container,)
    tags = user_tags(plan.before.tags) if case.tags is None else case.tags
    yield "tags", _tag_lines(tags), _tag_lines(user_tags(plan.after.tags))
    found = sorted(index for index, _ in plan.encodes)
    yield "encodes", tuple(map(str, sorted(case.encodes))), tuple(map(str, found))
    if case.strategy is not None:
        yield "strategy", (case.strategy,), (plan.strategy,)
    if case.changes is not None:
        yield "changes", case.changes, change_lines(plan.changes)
    yield "warnings", case.warnings, plan.warnings


def _respelled(lines: Sequence[str]) -> tuple[str, ...]:
    """Return lines as the notation writes them: the order of facts and flags is free."""
    return tuple(notation.lines(notation.media(lines)))


def _tag_lines(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}: {value}" for name, value in sorted(tags.items()))


def change_lines(changes: Sequence[Change]) -> tuple[str, ...]:
    """Return changes as cases write them: ``remove 1: language fra is not in eng``."""
    return tuple(
        f"{one.fact.label}{'' if one.track is None else f' {one.track}'}: {one.reason.text}"
        for one in changes
    )


def evaluated(case: Case, policies: Sequence[Policy], media: MediaFile) -> Plan:
    """Return the plan for the file of a case."""
    return evaluate(policies, media, known=case.external)


def new_case(
    policies: Sequence[Policy], names: Sequence[str], file: str, plan: Plan, known: ExternalFacts
) -> tuple[str, bool]:
    """Return the text of a case that expects a plan, and whether the notation can state the file.

    Where it cannot, the case names the ``file`` itself. ``names`` are the policies, as the case
    shall name them.
    """
    stated = {**_facts(plan.before), **_expected(plan)}
    head = {"case": _title(plan.before), "policy": names[0] if len(names) == 1 else list(names)}
    metadata = (
        {"metadata": {k: dict(v) for k, v in known.metadata.items()}} if known.metadata else {}
    )
    data = {**head, **metadata, **stated}
    if _expects(data, policies):
        return dedent(write_yaml([data])), True
    data = {**head, "file": file, **metadata, **_expected(plan)}
    return dedent(write_yaml([data])), False


def _expects(data: Mapping[str, Any], policies: Sequence[Policy]) -> bool:
    """Return whether a case, as it would be read, is fulfilled."""
    try:
        case = Case.model_validate(data)
    except ValidationError:  # a codec or profile that the notation has no place for
        return False
    return not case_differences(case, evaluated(case, policies, case.media))


def _title(media: MediaFile) -> str:
    name = os.path.splitext(os.path.basename(media.path))[0]
    return name.encode("utf-8", "replace").decode()[:_LONGEST_NAME]


def _facts(media: MediaFile) -> dict[str, Any]:
    path = media.path.encode("utf-8", "replace").decode()
    named, tags = container_of_name(path), user_tags(media.tags)
    return {
        "path": path,
        **({} if named and named.name == media.container else {"container": media.container}),
        "size": media.size,
        **({} if media.duration is None else {"duration": round(media.duration, 3)}),
        **({"before_tags": tags} if tags else {}),
        "before": notation.lines(media),
    }


def _expected(plan: Plan) -> dict[str, Any]:
    """Return what a case expects of a plan: only what is not so anyway."""
    before, after = plan.before, plan.after
    tags = user_tags(after.tags)
    found = {
        "after": notation.lines(after) if after != before else None,
        "becomes": after.container if after.container != before.container else None,
        "tags": tags if tags != user_tags(before.tags) else None,
        "encodes": sorted(index for index, _ in plan.encodes),
        "strategy": plan.strategy if plan.changes else None,
        "changes": list(change_lines(plan.changes)),
        "warnings": list(plan.warnings),
        "error": str(plan.error) if plan.error else None,
    }
    return {key: value for key, value in found.items() if value or value == {}}
