"""What a policy that is being edited would change in the libraries that use it."""

from __future__ import annotations

import os
import time

from vpo.db.library import Library
from vpo.library.impact import Impact, impact
from vpo.media.model import MediaFile
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import parse_policy
from vpo.run.policy_editing import editable_policies
from vpo.run.sidecar_facts import named_sidecars
from vpo.serve.context import ServeContext

_SECONDS = 5.0
"""How long files are looked at: a browser waits for the answer."""


def policy_impact(context: ServeContext, text: str, path: str) -> Impact:
    """Count what would change; of a policy that no library uses, in all. Raises ``PolicyError``."""
    policy = parse_policy(text, path)
    libraries = context.settings.config.libraries
    users = editable_policies(context.settings).get(path)
    roots = [
        os.path.realpath(folder)
        for library in libraries
        if not users or library.name in users
        for folder in library.folders
    ]
    store, now = context.store, time.time_ns()
    ignored = {item.path for item in store.ignored()}
    media = (each for each, _ in Library(context.pool).media(roots) if each.path not in ignored)

    def facts(file: MediaFile) -> ExternalFacts:
        beside = named_sidecars(file.path) if policy.uses_sidecars else None
        return ExternalFacts(now_ns=now, sidecars=beside)

    return impact([policy], media, facts, _SECONDS)
