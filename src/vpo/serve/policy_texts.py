"""The policies that requests name: no other file is opened, and one is saved at a time."""

from __future__ import annotations

from vpo.errors import UsageError
from vpo.run.policy_editing import (
    OpenedPolicy,
    check_edited,
    editable_policies,
    new_policy,
    open_policy,
    save_policy,
)
from vpo.run.policy_faults import CheckedPolicy
from vpo.serve.context import ServeContext


def is_policy(context: ServeContext, path: str) -> bool:
    """Return whether a path is that of a policy of this configuration."""
    return path in editable_policies(context.settings)


def could_be_policy(context: ServeContext, path: str) -> bool:
    """Return whether a path is that of a policy, or of one that can be made."""
    if is_policy(context, path):
        return True
    name = path.rpartition("/")[2].removesuffix(".yaml")
    try:
        return new_policy(context.settings, name).path == path
    except UsageError:
        return False


def check_text(context: ServeContext, text: str, path: str) -> CheckedPolicy:
    """Return what is wrong with a text that is to be saved at a path."""
    return check_edited(context.settings, text, path, context.checked)


def save_text(context: ServeContext, opened: OpenedPolicy) -> str | None:
    """Save a text, and return where the version before is kept. Raises as ``save_policy``."""
    with context.saving:
        return save_policy(context.settings, opened)


def in_file(context: ServeContext, path: str) -> OpenedPolicy | None:
    """Return the policy as it is saved now. Raises ``PolicyError``."""
    return open_policy(context.settings, path) if is_policy(context, path) else None
