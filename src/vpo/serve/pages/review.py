"""The page of the plans that wait for a person."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from vpo.db.reviews import Review, Reviews
from vpo.serve.context import Context, ServeContext
from vpo.serve.pages.forms import form_fields, one
from vpo.serve.pages.rendering import render

router = APIRouter()
_SHOWN = 100
"""The most plans on the page."""


@router.get("/review")
def review_page(context: Context) -> Response:
    """Show the plans, and how many change the same kinds of things."""
    plans = Reviews(context.pool).waiting()
    kinds = Counter(tuple(item.plan.kinds) for item in plans)
    return render(
        "review.html",
        here="review",
        plans=plans[:_SHOWN],
        number=len(plans),
        kinds=kinds.most_common(),
    )


@router.post("/review")
async def decide(request: Request, context: Context) -> Response:
    """Approve or reject one plan, as it was shown, all of a kind, or all."""
    fields = await form_fields(request)
    decision = one(fields, "decision")
    if decision not in ("approve", "reject"):
        raise HTTPException(400, "the form says neither approve nor reject")
    await run_in_threadpool(_decide, context, decision, fields)
    return RedirectResponse("/review", 303)


def _decide(context: ServeContext, decision: str, fields: dict[str, list[str]]) -> None:
    reviews = Reviews(context.pool)
    chosen = _chosen(reviews, fields)
    if decision == "approve":
        reviews.approve({item.plan.path: item.plan.hash for item in chosen})
    else:
        reviews.reject([item.plan.path for item in chosen])


def _chosen(reviews: Reviews, fields: dict[str, list[str]]) -> list[Review]:
    """Return the plans that a form names: by hash, by their kinds of change, or all."""
    waiting = reviews.waiting()
    if one(fields, "all") == "yes":
        return waiting
    if kinds := one(fields, "kinds"):
        return [item for item in waiting if " ".join(item.plan.kinds) == kinds]
    return [item for item in waiting if item.plan.hash == one(fields, "hash")]
