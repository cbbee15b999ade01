"""Cleaning up after earlier runs; most code for it is imported only if there is something to do."""

from __future__ import annotations

from collections.abc import Sequence

from vpo.config.builder import Settings
from vpo.db.store import Store
from vpo.run.recorder import expired, run_locks
from vpo.run.request import Interrupt


def clean_up_runs(store: Store, settings: Settings) -> list[str]:
    """Clean up after earlier runs, and return what was done."""
    old = expired(store.kept(), settings.config.originals)
    scratch = settings.config.files.temporary_folder
    if not (old or scratch or store.running_runs() or run_locks(settings.data_dir)):
        return []
    from vpo.run.recovery import clean_up

    return clean_up(store, settings)


def clean_up_beside(leftovers: Sequence[str], store: Store, interrupt: Interrupt) -> list[str]:
    """Deal with what runs have left beside films, and return what was done."""
    if not leftovers:
        return []
    from vpo.execute.leftovers import clean_up_leftovers

    done: list[str] = []
    if not interrupt.stop:
        for text in clean_up_leftovers(leftovers, store.forget_file):
            done.append(text)
            if interrupt.stop:
                break
    return done
