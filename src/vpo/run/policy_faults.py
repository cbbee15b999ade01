"""What ``vpo policy check`` finds beyond the policy's own models: it will fail, or never hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from vpo.errors import PlanError, PolicyError
from vpo.media.encode_spec import Device
from vpo.policy.document import Policy
from vpo.policy.external_facts import unknown_metadata
from vpo.policy.loader import load_text
from vpo.policy.operations.transcode import Transcode
from vpo.policy.policy_text import PolicyText
from vpo.policy.video_section import VideoSection
from vpo.text import suggestion
from vpo.tools.presets import X264_TUNES
from vpo.tools.video_encoders import VideoEncoder, accelerators, candidates


class CheckedPolicy(NamedTuple):
    """What is wrong with a policy, if anything, and the names of its phases."""

    path: str
    phases: list[str]
    warnings: list[str]
    error: str | None


def policy_faults(policy: Policy, plugins: Collection[str]) -> Iterator[str]:
    """Yield what will fail, or never hold, whatever the files are.

    ``plugins`` are those that are configured besides the shipped ones.
    """
    yield from policy.faults
    for phase in policy.phases:
        for operation in phase.operations:
            if isinstance(operation, Transcode) and operation.video is not None:
                for fault in (*_preset_faults(operation.video), *_tune_faults(operation.video)):
                    yield f"phase {phase.name!r}, transcode: {fault}"
    for name in dict.fromkeys(policy.metadata_names()):
        if (problem := unknown_metadata(*name, plugins)) is not None:
            yield problem


def check_policy_text(text: PolicyText, plugins: Collection[str]) -> CheckedPolicy:
    """Return what is wrong with a policy, as ``vpo policy check`` does."""
    try:
        policy = load_text(text)
    except PolicyError as error:
        return CheckedPolicy(text.name, [], [], str(error))
    return _checked_policy(policy, text.name, plugins)


def _checked_policy(policy: Policy, name: str, plugins: Collection[str]) -> CheckedPolicy:
    faults = list(policy_faults(policy, plugins))
    # A run warns of these, too.
    warnings = [text for text in policy.warnings if text not in faults]
    problems = "\n".join(f"{name}: {text}" for text in faults) or None
    return CheckedPolicy(name, [phase.name for phase in policy.phases], warnings, problems)


def _preset_faults(section: VideoSection) -> Iterator[str]:
    """Yield the devices whose encoders do not have the preset."""
    groups: list[tuple[Device, ...]] = [("none",)]
    if section.hw == "auto":
        groups = [("none", *accelerators())]
    elif section.hw != "none":
        groups = [(section.hw,), *(groups if section.hw_fallback else ())]
    for devices in groups:
        encoders = [row for device in devices for row in candidates(section.to, device)]
        problems = [_preset_problem(encoder, section.preset) for encoder in encoders]
        if encoders and all(problems):
            yield str(problems[0])


def _tune_faults(section: VideoSection) -> Iterator[str]:
    """Yield why a tune does nothing: no encoder of any codec has it."""
    if section.tune is not None and section.tune not in X264_TUNES:
        yield f"there is no tune `{section.tune}`{suggestion(section.tune, X264_TUNES)}"


def _preset_problem(encoder: VideoEncoder, preset: str | None) -> str | None:
    try:
        encoder.preset_options(preset)
    except PlanError as error:
        return str(error)
    return None
