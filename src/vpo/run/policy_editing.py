"""Reading and saving the policies of the configuration, for those who edit them in a browser."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from datetime import datetime
from typing import NamedTuple

from vpo.config.builder import Settings
from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PolicyError, UsageError
from vpo.policy.policy_files import policy_named, policy_names
from vpo.policy.yaml_source import read_policy_text
from vpo.run.libraries import policy_of
from vpo.run.policy_faults import checked_text

_NAME = re.compile(r"[\w][\w -]{0,99}")


class OpenedPolicy(NamedTuple):
    """A policy's text, and its digest, which says later whether somebody else has changed it."""

    path: str
    text: str
    digest: str


def editable_policies(settings: Settings) -> dict[str, list[str]]:
    """Return the paths of all policies that may be edited, with the libraries that use each.

    They are those of the libraries, and all in the folder ``policies`` beside the configuration.
    """
    folder = policies_folder(settings)
    found: dict[str, list[str]] = {policy_named(name, folder): [] for name in policy_names(folder)}
    for library in settings.config.libraries:
        try:
            found.setdefault(policy_of(settings, library), []).append(library.name)
        except UsageError:
            continue  # it has none yet
    return found


def policies_folder(settings: Settings) -> str:
    """Return the folder of policies that are given by name."""
    return os.path.join(settings.config_path.parent, "policies")


def new_policy_path(settings: Settings, name: str) -> str:
    """Return the path of a new policy; raise ``UsageError`` if the name cannot be used."""
    if not _NAME.fullmatch(name):
        raise UsageError("the name of a policy has letters, digits, spaces, - and _ only")
    path = os.path.join(policies_folder(settings), f"{name}.yaml")
    if os.path.lexists(path):
        raise UsageError(f"there is a policy {name} already; choose another name")
    return path


def open_policy(path: str) -> OpenedPolicy:
    """Read a policy. Raises ``PolicyError``."""
    text = read_policy_text(path)
    return OpenedPolicy(path, text, _digest(text))


def save_policy(settings: Settings, opened: OpenedPolicy) -> str | None:
    """Save a text in place of the one with the digest; return where that one is kept.

    Without a digest, the policy is new. At every instant, the path names the old text or the new
    one. Raises ``PolicyError`` for an invalid text, and ``UsageError`` if the file is not the one
    that was opened.
    """
    error = checked_text(opened.text, opened.path, settings.config.plugins).error
    if error:
        raise PolicyError(f"not saved: {error}")
    target = os.path.realpath(opened.path)
    try:
        if not opened.digest:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _write(target, opened.text, new=True)
            return None
        _refuse_changed(opened)
        kept = _kept_name(target)
        shutil.copy2(target, kept)
        _write(target, opened.text, new=False)
    except OSError as failure:
        if isinstance(failure, FileExistsError):
            raise UsageError(f"{opened.path} exists already; nothing was saved") from None
        raise PolicyError(
            f"{opened.path} cannot be saved: {failure.strerror}; it is unchanged"
        ) from None
    return kept


def _refuse_changed(opened: OpenedPolicy) -> None:
    if _digest(read_policy_text(opened.path)) != opened.digest:
        raise UsageError(
            f"{opened.path} was changed after it was opened here; nothing was saved: copy your"
            " text, open the policy again, and make the change in it"
        )


def _kept_name(target: str) -> str:
    """Return a free name beside a policy; it does not end in .yaml, so it is no policy itself."""
    base = f"{target}.{datetime.now():%Y%m%d-%H%M%S}"
    number, name = 1, base
    while os.path.lexists(name):
        number += 1
        name = f"{base}-{number}"
    return name


def _write(target: str, text: str, *, new: bool) -> None:
    part = os.path.join(os.path.dirname(target), f"{LEFTOVER_PREFIX}{os.urandom(16).hex()}.policy")
    try:
        with open(part, "xb") as file:
            if not new:
                shutil.copymode(target, part)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(part, target)  # fails where the name is taken
        else:
            os.replace(part, target)
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
