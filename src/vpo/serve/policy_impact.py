"""What a policy that is being edited would change in the libraries that use it."""

from __future__ import annotations

import itertools
import os
import time

from vpo.db.library import Library
from vpo.library.impact import Impact, impact
from vpo.media.model import MediaFile
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import load_text
from vpo.run.policy_editing import editable_policies, edited_text
from vpo.run.sidecar_facts import named_sidecars
from vpo.serve.context import ServeContext

_SECONDS = 5.0
"""How long files are looked at: a browser waits for the answer."""


def policy_impact(context: ServeContext, text: str, path: str) -> Impact:
    """Count what would change; of a policy that no library uses, in all. Raises ``PolicyError``."""
    policy = load_text(edited_text(context.settings, text, path))
    store, now, ending = context.store, time.time_ns(), context.work.interrupt()
    ignored = {item.path for item in store.ignored()}
    total, files = Library(context.pool).spread(_folders(context, path))
    files = itertools.takewhile(lambda _: not ending.stop, files)
    media = (each for each in files if each.path not in ignored)

    def facts(file: MediaFile) -> ExternalFacts:
        beside = named_sidecars(file.path) if policy.uses_sidecars else None
        return ExternalFacts(now_ns=now, sidecars=beside)

    return impact([policy], (total, media), facts, _SECONDS)


def _folders(context: ServeContext, path: str) -> list[str]:
    users = editable_policies(context.settings).get(path)
    return [
        os.path.realpath(folder)
        for library in context.settings.config.libraries
        if not users or library.name in users
        for folder in library.folders
    ]
