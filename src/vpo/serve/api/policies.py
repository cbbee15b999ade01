"""``/api/v1/policies``: the policies, checking a text, what it would change, and saving it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from vpo.errors import PolicyError
from vpo.run.policy_editing import (
    OpenedPolicy,
    editable_policies,
    new_policy_path,
    open_policy,
    save_policy,
)
from vpo.run.policy_faults import checked_text
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context, ServeContext
from vpo.serve.policy_impact import policy_impact

router = APIRouter(tags=["policies"])
Text = Annotated[str, Field(max_length=1_000_000)]


class PolicyInput(BaseModel):
    """A text for one of the policies."""

    model_config = ConfigDict(extra="forbid")
    path: str
    text: Text


class ChangedPolicy(PolicyInput):
    """A text in place of the one with this digest."""

    digest: str


class NewPolicy(BaseModel):
    """A new policy in the folder of policies."""

    model_config = ConfigDict(extra="forbid")
    name: str
    text: Text


@router.get("/policies", response_class=AsciiJSON)
def list_policies(context: Context) -> AsciiJSON:
    """List the policies with the libraries that use each."""
    known = editable_policies(context.settings)
    return AsciiJSON(
        {"policies": [{"path": path, "libraries": users} for path, users in known.items()]}
    )


@router.get("/policies/text", response_class=AsciiJSON)
def read_policy_file(context: Context, path: str) -> AsciiJSON:
    """Return a policy's text, and the digest with which it can be saved."""
    _require_known(context, path)
    try:
        return AsciiJSON(open_policy(path)._asdict())
    except PolicyError as error:
        raise HTTPException(404, str(error)) from None


@router.post("/policies/check", response_class=AsciiJSON)
def check_policy(context: Context, wanted: PolicyInput) -> AsciiJSON:
    """Return what is wrong with a text, as ``vpo policy check`` does."""
    _require_known(context, wanted.path)
    plugins = context.settings.config.plugins
    return AsciiJSON(checked_text(wanted.text, wanted.path, plugins)._asdict())


@router.post("/policies/impact", response_class=AsciiJSON)
async def read_impact(context: Context, wanted: PolicyInput) -> AsciiJSON:
    """Count what a text would change in the libraries that use the policy."""
    _require_known(context, wanted.path)
    found = await context.work.do(policy_impact, context, wanted.text, wanted.path)
    return AsciiJSON(found._asdict())


@router.put("/policies/text")
def change_policy_file(context: Context, wanted: ChangedPolicy) -> dict[str, Any]:
    """Save a text, unless somebody else has changed the policy; the version before is kept."""
    _require_known(context, wanted.path)
    opened = OpenedPolicy(wanted.path, wanted.text, wanted.digest)
    return {"path": wanted.path, "kept": save_policy(context.settings, opened)}


@router.post("/policies", status_code=201)
def add_policy(context: Context, wanted: NewPolicy) -> dict[str, Any]:
    """Save a new policy."""
    path = new_policy_path(context.settings, wanted.name)
    save_policy(context.settings, OpenedPolicy(path, wanted.text, ""))
    return {"path": path, "kept": None}


def _require_known(context: ServeContext, path: str) -> None:
    if path not in editable_policies(context.settings):
        raise HTTPException(404, "there is no such policy in this configuration")
