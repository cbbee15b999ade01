"""The pages of the policies: their list, and an editor that says what a change would do."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from vpo.errors import PolicyError, UsageError
from vpo.library.impact import Impact
from vpo.run.policy_editing import (
    OpenedPolicy,
    editable_policies,
    new_policy_path,
    open_policy,
    save_policy,
)
from vpo.run.policy_faults import CheckedPolicy, checked_text
from vpo.serve.context import Context, ServeContext
from vpo.serve.pages.forms import form_fields, one
from vpo.serve.pages.rendering import render
from vpo.serve.policy_impact import policy_impact

router = APIRouter()
_NEW = """\
schema_version: 13
name: {name}
config:
  audio_languages: [eng]
phases:
  - name: flags
    default_flags: {{}}
"""


class _Answer(NamedTuple):
    """What is said about the text in the editor besides its check."""

    effect: Impact | None = None
    problem: str | None = None
    done: str | None = None


@router.get("/policies")
def policies_page(context: Context) -> Response:
    """List the policies, with what is wrong with them."""
    return _list(context)


@router.get("/policy")
def policy_page(context: Context, path: str = "", new: str = "", kept: str = "") -> Response:
    """Show one policy in the editor, or the begin of a new one."""
    if new:
        try:
            opened = OpenedPolicy(new_policy_path(context.settings, new), _NEW.format(name=new), "")
        except UsageError as error:
            return _list(context, str(error), 400)
        return _editor(context, opened)
    try:
        opened = open_policy(_known(context, path))
    except PolicyError as error:
        raise HTTPException(404, str(error)) from None
    done = f"Saved. The version before is {kept}." if kept else None
    return _editor(context, opened, _Answer(done=done))


@router.post("/policy")
async def change_policy(request: Request, context: Context) -> Response:
    """Check a text, count what it would change, or save it."""
    fields = await form_fields(request)
    # Browsers send the line ends of forms as CR LF.
    text = fields.get("text", [""])[0].replace("\r\n", "\n")
    opened = OpenedPolicy(one(fields, "path"), text, one(fields, "digest"))
    return await context.work.do(_changed, context, opened, one(fields, "action"))


def _changed(context: ServeContext, opened: OpenedPolicy, action: str) -> Response:
    if opened.digest:
        _known(context, opened.path)
    else:
        name = opened.path.rpartition("/")[2].removesuffix(".yaml")
        opened = opened._replace(path=_new_path(context, name))
    if action == "check":
        return _editor(context, opened)
    if action == "impact":
        return _with_impact(context, opened)
    if action != "save":
        raise HTTPException(400, "the form names no action")
    try:
        kept = save_policy(context.settings, opened)
    except (PolicyError, UsageError) as error:
        return _editor(context, opened, _Answer(problem=str(error)), 400)
    more = {"kept": kept.rpartition("/")[2]} if kept else {}
    return RedirectResponse(f"/policy?{urlencode({'path': opened.path, **more})}", 303)


def _new_path(context: ServeContext, name: str) -> str:
    try:
        return new_policy_path(context.settings, name)
    except UsageError as error:
        raise HTTPException(400, str(error)) from None


def _known(context: ServeContext, path: str) -> str:
    """Return the path if it is one of the policies: nothing else is ever opened."""
    if path not in editable_policies(context.settings):
        raise HTTPException(404, "there is no such policy in this configuration")
    return path


def _list(context: ServeContext, problem: str = "", status: int = 200) -> Response:
    rows = [
        (path, users, _check(context, path))
        for path, users in editable_policies(context.settings).items()
    ]
    return render("policies.html", status, here="policies", rows=rows, problem=problem)


def _check(context: ServeContext, path: str) -> CheckedPolicy:
    try:
        text = open_policy(path).text
    except PolicyError as error:
        return CheckedPolicy(path, [], [], str(error))
    return checked_text(text, path, context.settings.config.plugins)


def _with_impact(context: ServeContext, opened: OpenedPolicy) -> Response:
    try:
        effect = policy_impact(context, opened.text, opened.path)
    except PolicyError:
        return _editor(context, opened)  # the check says why
    return _editor(context, opened, _Answer(effect))


def _editor(
    context: ServeContext, opened: OpenedPolicy, answer: _Answer | None = None, status: int = 200
) -> Response:
    checked = checked_text(opened.text, opened.path, context.settings.config.plugins)
    users = editable_policies(context.settings).get(opened.path, [])
    more = (answer or _Answer())._asdict()
    return render(
        "policy.html", status, here="policies", opened=opened, users=users, checked=checked, **more
    )
