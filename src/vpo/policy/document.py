"""A policy and its phases as frozen models, which are also the schema.

Each module of ``vpo.policy.operations`` adds a key to ``Phase``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PrivateAttr, create_model, model_validator

from vpo.errors import OnError
from vpo.media.model import MediaFile
from vpo.policy.ages import with_ages
from vpo.policy.field_types import error_at
from vpo.policy.operation import Model, Operation, PolicyConfig, unrated
from vpo.policy.operations import all_operations
from vpo.policy.phase_conditions import RunIf, SkipWhen
from vpo.text import suggestion

SEMANTICS_VERSION = 2
"""Increased when the meaning of an operation changes: all files are then evaluated again."""


class Phase(Model):
    """One phase: when it runs, and its operations, each under its own key."""

    name: str = Field(
        min_length=1,
        description="Name of the phase, unique in the policy.",
    )
    append: bool | None = Field(
        default=None,
        description=(
            "In a policy that extends another: add to its phase of this name, instead of replacing "
            "it."
        ),
    )
    on_error: OnError | None = Field(
        default=None,
        description="What to do on error in this phase; overrides `config`.",
    )
    depends_on: tuple[str, ...] = Field(
        default=(), description="Earlier phases that must have completed for this one to run."
    )
    run_if: RunIf | None = Field(
        default=None,
        description="Run the phase only if an earlier one changed something or completed.",
    )
    skip_when: SkipWhen | None = Field(
        default=None, description="Skip the phase for files that match this condition."
    )

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The operations in their fixed order, whatever their order in the file."""
        present = (value for _, value in self if isinstance(value, Operation))
        steps = (step for operation in present for step in operation.steps())
        return tuple(sorted(steps, key=lambda operation: operation.step))

    def names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the earlier phases that this one refers to, each with the path of the reference."""
        for number, name in enumerate(self.depends_on):
            yield ("depends_on", number), name
        for key in ("phase_modified", "phase_completed"):
            if self.run_if is not None and (name := getattr(self.run_if, key)):
                yield ("run_if", key), name


if TYPE_CHECKING:
    FullPhase = Phase
else:
    FullPhase = create_model(
        "FullPhase",
        __base__=Phase,
        __module__=__name__,
        # No default of the type itself: an operation that is absent does nothing.
        **{key: (operation, None) for key, operation in all_operations().items()},
    )
    FullPhase.__doc__ = Phase.__doc__


class Policy(Model):
    """A policy: the desired state of the files in a video library."""

    schema_version: Literal[13] = Field(
        description="Version of the format; versions 11 and 12 are also read."
    )
    extends: str | None = Field(
        default=None,
        description=(
            "Another policy file, relative to this one: phases of the same name replace its "
            "phases, others follow them, and the keys of `config` win."
        ),
    )
    name: str | None = Field(default=None, description="Name of the policy, for display only.")
    description: str | None = Field(
        default=None, description="What the policy is for, for display only."
    )
    category: str | None = Field(
        default=None, description="Category of the policy, for display only."
    )
    config: PolicyConfig = Field(
        default=PolicyConfig(), description="Settings shared by all phases."
    )
    phases: tuple[FullPhase, ...] = Field(
        min_length=1,
        description=(
            "The phases, in the order in which they are applied; required without `extends`."
        ),
    )

    _warnings: tuple[str, ...] = PrivateAttr(())

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings about the policy, to be shown once a run."""
        warnings = (
            f"phase {phase.name!r}, {item.key}: {text}"
            for phase in self.phases
            for item in phase.operations
            for text in (*item.run_warnings, *item.faults)
        )
        empty = (
            f"phase {phase.name!r} has no operations, and does nothing"
            for phase in self.phases
            if not phase.operations
        )
        return (*self._warnings, *dict.fromkeys((*empty, *warnings)))

    @property
    def faults(self) -> tuple[str, ...]:
        """What will fail, whatever the files are."""
        return tuple(
            f"phase {phase.name!r}, {item.key}: {text}"
            for phase in self.phases
            for item in phase.operations
            for text in item.faults
        )

    def metadata_names(self) -> Iterator[tuple[str | None, str]]:
        """See ``Operation.metadata_names``."""
        for phase in self.phases:
            if phase.skip_when is not None and phase.skip_when.when is not None:
                yield from phase.skip_when.when.metadata_names()
            for item in phase.operations:
                yield from item.metadata_names()

    @property
    def uses_metadata(self) -> bool:
        """Whether it depends on metadata from plugins."""
        operations = (item for phase in self.phases for item in phase.operations)
        return (
            self.config.names_original
            or any(item.uses_metadata for item in operations)
            or any(item.needs_metadata for item in self._skip_conditions())
        )

    @property
    def ages(self) -> tuple[float, ...]:
        """The ages, in seconds, with which conditions compare that of the file."""
        steps = (step for phase in self.phases for step in phase.operations)
        models = [*(item for step in steps for item in step.models()), *self._skip_conditions()]
        return tuple(age for item in models for age in item.ages)

    def _skip_conditions(self) -> Iterator[Model]:
        """Yield the mappings in the conditions on which phases are skipped."""
        for phase in self.phases:
            if phase.skip_when is not None:
                yield from phase.skip_when.models()

    @model_validator(mode="after")
    def _check_references_between_phases(self) -> Policy:
        earlier: list[str] = []
        every = [phase.name for phase in self.phases]
        for number, phase in enumerate(self.phases):
            if phase.name in earlier:
                raise error_at(
                    ("phases", number, "name"), f"a second phase has the name `{phase.name}`"
                )
            for path, name in phase.names():
                if name in earlier:
                    continue
                problem = f"there is no phase `{name}`{suggestion(name, every)}"
                if name in every:
                    problem = f"phase `{name}` does not come before `{phase.name}`"
                raise error_at(("phases", number, *path), problem)
            earlier.append(phase.name)
        return self

    @property
    def reads_frames(self) -> bool:
        """Whether an operation needs the HDR metadata of the first video frames."""
        return any(step.reads_frames for phase in self.phases for step in phase.operations)

    @property
    def crops(self) -> bool:
        """Whether an operation needs to know where black bars are."""
        return any(step.crops for phase in self.phases for step in phase.operations)

    @property
    def detelecines(self) -> bool:
        """Whether an operation needs to know which videos are telecined film."""
        return any(step.detelecines for phase in self.phases for step in phase.operations)

    @property
    def uses_sidecars(self) -> bool:
        """Whether an operation depends on the subtitle files beside the film."""
        return any(step.uses_sidecars for phase in self.phases for step in phase.operations)

    @property
    def finds_captions(self) -> bool:
        """Whether an operation needs to know which videos have captions."""
        return any(step.finds_captions for phase in self.phases for step in phase.operations)

    def unknown_bit_rates(self, media: MediaFile, encoded: bool) -> set[int]:
        """See ``Operation.unknown_bit_rates``."""
        steps = (step for phase in self.phases for step in phase.operations)
        found = {index for step in steps for index in step.unknown_bit_rates(media, encoded)}
        if any(item.needs_bit_rate for item in self._skip_conditions()):
            found |= set(unrated(media))
        return found

    def select(self, names: tuple[str, ...]) -> Policy:
        """Return the policy with only the named phases, in its own order.

        A phase keeps its ``depends_on`` and ``run_if``: a phase that was not selected counts as
        not completed, so that phases which depend on it are skipped.
        """
        kept = tuple(phase for phase in self.phases if phase.name in names)
        return self.model_copy(update={"phases": kept})


def encode_fingerprint(policies: Sequence[Policy]) -> str:
    """Return a SHA-256 of how the policies encode video, empty if they do not.

    A file that was encoded under a fingerprint is not encoded again under the same one.
    """
    found = [
        operation.video_encode_settings
        for policy in policies
        for phase in policy.phases
        for operation in phase.operations
        if operation.video_encode_settings
    ]
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else ""


def fingerprint(policies: Sequence[Policy]) -> str:
    """Return a SHA-256 of what the policies mean: equal if they want the same of every file.

    Name, description and category do not count, so that renaming a policy does not cause every
    file to be evaluated again. The ages that decide something are at its end.
    """
    display_only = {"name", "description", "category"}
    meaning = [
        policy.model_dump(mode="json", exclude=display_only, exclude_none=True)
        for policy in policies
    ]
    text = json.dumps([SEMANTICS_VERSION, meaning], sort_keys=True, ensure_ascii=True)
    found = hashlib.sha256(text.encode()).hexdigest()
    return with_ages(found, (age for policy in policies for age in policy.ages))
