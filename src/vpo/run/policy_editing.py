"""Reading and saving the policies of the configuration, for those who edit them in a browser."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from vpo.config.builder import Settings
from vpo.discover import LEFTOVER_PREFIX
from vpo.errors import PolicyError, UsageError
from vpo.policy.migration import CURRENT_VERSION
from vpo.policy.policy_files import is_file_name, policy_named, policy_names
from vpo.policy.policy_text import PolicyText, read_policy, with_bases
from vpo.policy.yaml_source import read_policy_text
from vpo.run.libraries import policy_of
from vpo.run.policy_faults import CheckedPolicy, check_policy_text

TextCheck = Callable[[PolicyText, frozenset[str]], CheckedPolicy]
_NAME = re.compile(r"\w(?:[\w -]{0,98}\w)?")
_KEPT = re.compile(r"\.\d{8}-\d{6}(?:-\d+)?")
"""What follows the name of a policy in that of a version that is kept."""


class OpenedPolicy(NamedTuple):
    """A policy's text, and its digest, which says later whether somebody else has changed it.

    A policy that is not saved yet has no digest.
    """

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
            path = os.path.normpath(policy_of(settings, library))
            found.setdefault(path, []).append(library.name)
        except UsageError:
            continue  # it has none yet
    return found


def policies_folder(settings: Settings) -> str:
    """Return the folder of policies that are given by name."""
    return os.path.normpath(settings.config_path.parent / "policies")


def new_policy(settings: Settings, name: str) -> OpenedPolicy:
    """Return the text to begin a policy with; raise ``UsageError`` if the name cannot be used."""
    if not _NAME.fullmatch(name):
        raise UsageError("the name of a policy has letters, digits, spaces, - and _ only")
    folder = policies_folder(settings)
    if name in policy_names(folder):
        raise UsageError(f"there is a policy {name} already; choose another name")
    text = (
        f"schema_version: {CURRENT_VERSION}\n"
        f"name: {json.dumps(name, ensure_ascii=False)}\n"
        "config:\n  audio_languages: [eng]\n"
        "phases:\n  - name: flags\n    default_flags: {}\n"
    )
    return OpenedPolicy(os.path.join(folder, f"{name}.yaml"), text, "")


def open_policy(settings: Settings, path: str) -> OpenedPolicy:
    """Read a policy. Raises ``PolicyError``."""
    _refuse_outside(settings, path)
    text = read_policy_text(path)
    return OpenedPolicy(path, text, _digest(text))


def kept_versions(path: str) -> list[str]:
    """Return the names of the versions that are kept beside a policy, newest first."""
    folder, name = os.path.split(os.path.realpath(path))
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    kept = [each for each in names if each.startswith(name) and _KEPT.fullmatch(each[len(name) :])]
    return sorted(kept, reverse=True)


def open_version(settings: Settings, path: str, version: str) -> OpenedPolicy:
    """Read a version that is kept; what is saved replaces the policy. Raises ``PolicyError``."""
    if version not in kept_versions(path):
        raise PolicyError("there is no such version of this policy")
    now = open_policy(settings, path)
    kept = os.path.join(os.path.dirname(os.path.realpath(path)), version)
    if os.path.islink(kept):
        raise PolicyError(f"{kept} is a link, and was not kept by vpo")
    return now._replace(text=read_policy_text(kept))


def edited_text(settings: Settings, text: str, path: str) -> PolicyText:
    """Return a text that is to be saved at a path, with the policies that it extends.

    It may extend those in the folder of policies, and what the policy extends as it is saved now:
    a browser opens no other file. Raises ``PolicyError``.
    """

    def may_extend(base: str) -> bool:
        real = os.path.realpath(base)
        return _is_in_folder(settings, real) or real == _saved_base(path)

    return with_bases(text, path, may_extend=may_extend)


def check_edited(
    settings: Settings, text: str, path: str, check: TextCheck = check_policy_text
) -> CheckedPolicy:
    """Return what is wrong with a text that is to be saved at a path."""
    try:
        found = edited_text(settings, text, path)
    except PolicyError as error:
        return CheckedPolicy(path, [], [], str(error))
    return check(found, frozenset(settings.config.plugins))


def save_policy(settings: Settings, opened: OpenedPolicy) -> str | None:
    """Save a text in place of the one with the digest; return where that one is kept.

    Without a digest, the policy is new; the same text is not saved again. At every instant, the
    path names the old text or the new one. Raises ``PolicyError`` for an invalid text, and
    ``UsageError`` if the file is not the one that was opened. One at a time: the caller has a lock.
    """
    _refuse_outside(settings, opened.path)
    error = check_edited(settings, opened.text, opened.path).error
    if error:
        raise PolicyError(f"not saved: {error}")
    target = os.path.realpath(opened.path)
    try:
        if not opened.digest:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _write(target, opened.text, new=True)
            return None
        _refuse_changed(opened)
        return _replace(target, opened.text) if _digest(opened.text) != opened.digest else None
    except FileExistsError:
        raise UsageError(f"{opened.path} exists already; nothing was saved") from None
    except OSError as failure:
        raise PolicyError(
            f"{opened.path} cannot be saved: {failure.strerror}; it is unchanged"
        ) from None


def _refuse_outside(settings: Settings, path: str) -> None:
    """Raise ``PolicyError`` for a link out of the folder of policies.

    A file that the configuration names itself may be anywhere.
    """
    real = os.path.realpath(path)
    if not _is_in_folder(settings, real) and path not in _named_files(settings):
        raise PolicyError(
            f"{path} is a link to {real}, outside the folder of policies; edit that file itself"
        )


def _is_in_folder(settings: Settings, real: str) -> bool:
    folder = os.path.realpath(policies_folder(settings))
    return real.startswith(folder.rstrip(os.sep) + os.sep)


def _named_files(settings: Settings) -> set[str]:
    libraries = settings.config.libraries
    return {
        os.path.normpath(policy_of(settings, library))
        for library in libraries
        if is_file_name(os.path.expanduser(library.policy))
    }


def _saved_base(path: str) -> str | None:
    """Return the real path of the policy that a file extends as it is saved now."""
    try:
        base = read_policy(path).base
    except PolicyError:
        return None
    return os.path.realpath(base.name) if base else None


def _refuse_changed(opened: OpenedPolicy) -> None:
    if _digest(read_policy_text(opened.path)) != opened.digest:
        raise UsageError(f"{opened.path} was changed after it was opened here; nothing was saved")


def _replace(target: str, text: str) -> str:
    """Replace a policy; return where it is kept."""
    kept = _kept_name(target)
    try:
        shutil.copy2(target, kept)
        _write(target, text, new=False)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(kept)
        raise
    return kept


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
            _link_or_move(part, target)
        else:
            os.replace(part, target)
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def _link_or_move(part: str, target: str) -> None:
    """Give a file its name; raise ``FileExistsError`` where that is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # this file system has no hard links
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(part, target)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
