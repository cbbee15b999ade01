"""A policy as frozen models. The models are the schema: ``vpo.policy.operations`` adds to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PrivateAttr, create_model, model_validator
from pydantic_core import PydanticCustomError

from vpo.errors import OnError
from vpo.policy.operation import Model, Operation, PolicyConfig
from vpo.policy.operations import known
from vpo.policy.phase_conditions import RunIf, SkipWhen
from vpo.text import suggestion

SCHEMA_VERSION = 13
SEMANTICS = 1
"""Counted up when an operation comes to mean something else: libraries are then looked at again."""


class Phase(Model):
    """One phase: when it runs, and (each under its own key) what it does."""

    name: str = Field(
        min_length=1,
        description="What the phase is called; no other phase of the policy has this name.",
    )
    on_error: OnError | None = Field(
        default=None,
        description="What an error in this phase leads to, instead of what `config` says.",
    )
    depends_on: tuple[str, ...] = Field(
        default=(), description="The phase runs only if each of these earlier phases completed."
    )
    run_if: RunIf | None = Field(
        default=None, description="The phase runs only after what became of an earlier one."
    )
    skip_when: SkipWhen | None = Field(
        default=None, description="The phase is skipped for files of which this is true."
    )

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """What the phase does, in the order of the language, whatever the order in the file."""
        present = (value for _, value in self if isinstance(value, Operation))
        parts = (part for operation in present for part in operation.parts())
        return tuple(sorted(parts, key=lambda operation: operation.step))

    def names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """The other phases that this one names, each with the path where it does."""
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
        **{key: (operation, None) for key, operation in known().items()},
    )
    FullPhase.__doc__ = Phase.__doc__


class Policy(Model):
    """What a video library should be like."""

    schema_version: Literal[13] = Field(
        description="The version of the format; 11 and 12 are read as well."
    )
    name: str | None = Field(default=None, description="For people: what the policy is called.")
    description: str | None = Field(default=None, description="For people: what the policy is for.")
    category: str | None = Field(default=None, description="For people: what kind of policy it is.")
    config: PolicyConfig = Field(
        default=PolicyConfig(), description="What the phases have in common."
    )
    phases: tuple[FullPhase, ...] = Field(min_length=1, description="What is done, in this order.")

    _warnings: tuple[str, ...] = PrivateAttr(())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What there is to say about the policy once a run, without being an error."""
        operations = (item for phase in self.phases for item in phase.operations)
        remarks = (item.remark for item in operations)
        return (*self._warnings, *dict.fromkeys(text for text in remarks if text))

    @property
    def uses_metadata(self) -> bool:
        """Whether what metadata sources say matters to it."""
        return any(item.uses_metadata for phase in self.phases for item in phase.operations)

    @model_validator(mode="after")
    def _phases_know_each_other(self) -> Policy:
        earlier: list[str] = []
        every = [phase.name for phase in self.phases]
        for number, phase in enumerate(self.phases):
            if phase.name in earlier:
                raise _misplaced((number, "name"), f"a second phase has the name `{phase.name}`")
            for path, name in phase.names():
                if name in earlier:
                    continue
                problem = f"there is no phase `{name}`{suggestion(name, every)}"
                if name in every:
                    problem = f"phase `{name}` does not come before `{phase.name}`"
                raise _misplaced((number, *path), problem)
            earlier.append(phase.name)
        return self

    @property
    def reads_pictures(self) -> bool:
        """Whether an operation has to know what the first pictures of the video say."""
        return any(step.reads_pictures for phase in self.phases for step in phase.operations)

    def select(self, names: tuple[str, ...]) -> Policy:
        """The policy with only those of these phases that it has, in its own order.

        A phase keeps its ``depends_on`` and ``run_if``: a phase that was not selected counts as
        not completed, so what depends on it is skipped.
        """
        kept = tuple(phase for phase in self.phases if phase.name in names)
        return self.model_copy(update={"phases": kept})


def _misplaced(path: tuple[str | int, ...], problem: str) -> PydanticCustomError:
    """An error at a place below the phases; the loader reads ``path`` to find its line."""
    where = {"path": ("phases", *path), "problem": problem}
    return PydanticCustomError("misplaced", "{problem}", where)


def encoding(policies: Sequence[Policy]) -> str:
    """What identifies how the policies encode video, empty if they do not.

    Files that were encoded so are not encoded so again, whatever else becomes of the policies.
    """
    found = [
        operation.video_section
        for policy in policies
        for phase in policy.phases
        for operation in phase.operations
        if operation.video_section
    ]
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if found else ""


def fingerprint(policies: Sequence[Policy]) -> str:
    """What the policies mean as a SHA-256: equal for those that ask the same of every file.

    What is only for people (name, description, category) is left out, so that renaming a policy
    does not have the library looked at again.
    """
    people = {"name", "description", "category"}
    meaning = [
        policy.model_dump(mode="json", exclude=people, exclude_none=True) for policy in policies
    ]
    text = json.dumps([SEMANTICS, meaning], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
