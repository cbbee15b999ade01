"""The pages of the policies: their list, and an editor that says what a change would do."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from vpo.errors import PolicyError, UsageError
from vpo.library.impact import Impact
from vpo.run.policy_editing import (
    OpenedPolicy,
    editable_policies,
    kept_versions,
    new_policy,
    open_policy,
    open_version,
)
from vpo.run.policy_faults import CheckedPolicy
from vpo.serve.context import Context, ServeContext
from vpo.serve.pages.forms import form_fields, one
from vpo.serve.pages.policy_problems import problems_of
from vpo.serve.pages.rendering import render
from vpo.serve.paths_in_urls import policy_url, query_path
from vpo.serve.policy_impact import policy_impact
from vpo.serve.policy_texts import check_text, could_be_policy, in_file, is_policy, save_text

router = APIRouter()
_SAVED, _SAME = "Saved.", "Nothing has changed since it was saved."


class _Answer(NamedTuple):
    """What is said about the text in the editor besides its check.

    ``difference`` are the lines in which it differs from the file, where that was changed.
    """

    effect: Impact | None = None
    problem: str | None = None
    done: str | None = None
    difference: tuple[str, ...] = ()


@router.get("/policies")
def policies_page(context: Context) -> Response:
    """List the policies, with what is wrong with them."""
    return _list(context)


@router.get("/policy")
def policy_page(
    request: Request, context: Context, new: str = "", version: str = "", saved: str = ""
) -> Response:
    """Show one policy in the editor, a version before, or the begin of a new one."""
    settings = context.settings
    if new:
        try:
            return _editor(context, new_policy(settings, new))
        except UsageError as error:
            return _list(context, str(error), 400)
    path = query_path(request)
    if not is_policy(context, path):
        raise HTTPException(404, "there is no such policy in this configuration")
    try:
        opened = open_version(settings, path, version) if version else open_policy(settings, path)
    except PolicyError as error:
        return _list(context, str(error), 404)
    if version:
        return _editor(context, opened, _Answer(done=f"This is {version}; save it to go back."))
    return _editor(context, opened, _Answer(done=_done(path, saved)))


@router.post("/policy")
async def change_policy(request: Request, context: Context) -> Response:
    """Check a text, count what it would change, or save it."""
    fields = await form_fields(request)
    # Browsers send the line ends of forms as CR LF.
    text = fields.get("text", [""])[0].replace("\r\n", "\n")
    opened = OpenedPolicy(query_path(request), text, one(fields, "digest"))
    if not await run_in_threadpool(could_be_policy, context, opened.path):
        raise HTTPException(404, "there is no such policy in this configuration")
    action = one(fields, "action")
    if action == "impact":
        return await context.work.do(_with_impact, context, opened)
    if action == "save":
        return await run_in_threadpool(_saved, context, opened)
    if action != "check":
        raise HTTPException(400, "the form names no action")
    return await run_in_threadpool(_editor, context, opened)


def _saved(context: ServeContext, opened: OpenedPolicy) -> Response:
    now = None
    try:
        now = in_file(context, opened.path)
        if now is not None and "\r\n" in now.text:  # its line ends stay as they are
            opened = opened._replace(text=opened.text.replace("\n", "\r\n"))
        if now is None and opened.digest:
            raise UsageError(f"{opened.path} was deleted after it was opened here")
        kept = save_text(context, opened)
    except PolicyError as error:
        return _editor(context, opened, _Answer(problem=str(error)), 400)
    except UsageError as error:
        return _conflict(context, opened, str(error))
    same = now is not None and kept is None
    saved = "same" if same else kept.rpartition("/")[2] if kept else "new"
    return RedirectResponse(f"{policy_url(opened.path)}&saved={saved}", 303)


def _conflict(context: ServeContext, opened: OpenedPolicy, problem: str) -> Response:
    """Show how the text differs from what is in the file now: saved again, it replaces that."""
    try:
        now = in_file(context, opened.path)
    except PolicyError as error:
        return _editor(context, opened, _Answer(problem=str(error)), 409)
    if now is None:
        again = _Answer(problem=f"{problem}; save again to make it anew")
        return _editor(context, opened._replace(digest=""), again, 409)
    lines = difflib.unified_diff(
        now.text.splitlines(), opened.text.splitlines(), "in the file", "your text", lineterm=""
    )
    again = _Answer(
        problem=f"{problem}. Save again to replace what is in the file now.",
        difference=tuple(lines),
    )
    return _editor(context, opened._replace(digest=now.digest), again, 409)


def _done(path: str, saved: str) -> str | None:
    if saved in kept_versions(path):
        return f"{_SAVED} The version before is {saved}."
    return {"new": _SAVED, "same": _SAME}.get(saved)


def _list(context: ServeContext, problem: str = "", status: int = 200) -> Response:
    rows = [
        (path, users, _check(context, path))
        for path, users in editable_policies(context.settings).items()
    ]
    return render("policies.html", status, here="policies", rows=rows, problem=problem)


def _check(context: ServeContext, path: str) -> CheckedPolicy:
    try:
        text = open_policy(context.settings, path).text
    except PolicyError as error:
        return CheckedPolicy(path, [], [], str(error))
    return check_text(context, text, path)


def _with_impact(context: ServeContext, opened: OpenedPolicy) -> Response:
    try:
        effect = policy_impact(context, opened.text, opened.path)
    except PolicyError:
        return _editor(context, opened)  # the check says why
    return _editor(context, opened, _Answer(effect))


def _editor(
    context: ServeContext, opened: OpenedPolicy, answer: _Answer | None = None, status: int = 200
) -> Response:
    checked = check_text(context, opened.text, opened.path)
    return render(
        "policy.html",
        status,
        here="policies",
        opened=opened,
        users=editable_policies(context.settings).get(opened.path, []),
        checked=checked,
        problems=problems_of(checked),
        versions=kept_versions(opened.path),
        **(answer or _Answer())._asdict(),
    )
