"""``/api/v1/policies``: the policies, checking a text, what it would change, and saving it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from vpo.errors import PolicyError, UsageError
from vpo.run.policy_editing import (
    OpenedPolicy,
    editable_policies,
    kept_versions,
    new_policy,
    open_policy,
    open_version,
)
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context, ServeContext
from vpo.serve.policy_impact import policy_impact
from vpo.serve.policy_texts import check_text, is_policy, save_text

router = APIRouter(tags=["policies"])
Text = Annotated[str, Field(max_length=1_000_000)]


class PolicyInput(BaseModel):
    """A text for one of the policies."""

    model_config = ConfigDict(extra="forbid")
    path: str
    text: Text


class ChangedPolicy(PolicyInput):
    """A text in place of the one with this digest."""

    digest: Annotated[str, Field(min_length=1)]


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
def read_policy_file(context: Context, path: str, version: str | None = None) -> AsciiJSON:
    """Return a policy's text, or that of a version before, and the digest to save it with."""
    _require_known(context, path)
    settings = context.settings
    try:
        opened = open_version(settings, path, version) if version else open_policy(settings, path)
    except PolicyError as error:
        raise HTTPException(404, str(error)) from None
    return AsciiJSON({**opened._asdict(), "versions": kept_versions(path)})


@router.post("/policies/check", response_class=AsciiJSON)
def check_policy(context: Context, wanted: PolicyInput) -> AsciiJSON:
    """Return what is wrong with a text, as ``vpo policy check`` does."""
    _require_known(context, wanted.path)
    return AsciiJSON(check_text(context, wanted.text, wanted.path)._asdict())


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
    return _saved(context, OpenedPolicy(wanted.path, wanted.text, wanted.digest))


@router.post("/policies", status_code=201)
def add_policy(context: Context, wanted: NewPolicy) -> dict[str, Any]:
    """Save a new policy."""
    begun = new_policy(context.settings, wanted.name)
    return _saved(context, begun._replace(text=wanted.text))


def _saved(context: ServeContext, opened: OpenedPolicy) -> dict[str, Any]:
    try:
        return {"path": opened.path, "kept": save_text(context, opened)}
    except UsageError as error:  # somebody else was first
        raise HTTPException(409, str(error)) from None


def _require_known(context: ServeContext, path: str) -> None:
    if not is_policy(context, path):
        raise HTTPException(404, "there is no such policy in this configuration")
