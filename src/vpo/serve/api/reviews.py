"""``/api/v1/reviews``: the plans that wait for a person, and decisions about them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from vpo.db.reviews import Review, Reviews
from vpo.report.queue_json import review_json
from vpo.serve.answers import AsciiJSON
from vpo.serve.context import Context

router = APIRouter(tags=["reviews"])


class ChosenPlans(BaseModel):
    """Plans by their hashes, or all that change nothing but these kinds of things."""

    model_config = ConfigDict(extra="forbid")
    hashes: Annotated[list[str], Field(max_length=10_000)] = []
    kinds: Annotated[list[str], Field(max_length=100)] = []


@router.get("/reviews", response_class=AsciiJSON)
def list_reviews(
    context: Context,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> AsciiJSON:
    """List the plans, in the order of their paths."""
    found = Reviews(context.pool).waiting(cursor + limit + 1)[cursor:]
    behind = cursor + limit if len(found) > limit else None
    return AsciiJSON({"reviews": [review_json(item) for item in found[:limit]], "cursor": behind})


@router.post("/reviews/approve")
def approve_plans(context: Context, chosen: ChosenPlans) -> dict[str, Any]:
    """Have plans be carried out, exactly as they are."""
    reviews = Reviews(context.pool)
    plans = _chosen(reviews, chosen)
    return {"approved": len(reviews.approve({item.plan.path: item.plan.hash for item in plans}))}


@router.post("/reviews/reject")
def reject_plans(context: Context, chosen: ChosenPlans) -> dict[str, Any]:
    """Leave files as they are, as long as their plans stay the same."""
    reviews = Reviews(context.pool)
    return {"rejected": reviews.reject([item.plan.path for item in _chosen(reviews, chosen)])}


def _chosen(reviews: Reviews, chosen: ChosenPlans) -> list[Review]:
    if bool(chosen.hashes) == bool(chosen.kinds):
        raise HTTPException(422, 'give either "hashes" or "kinds"')
    if chosen.kinds:
        return reviews.of_kinds(chosen.kinds)
    wanted = set(chosen.hashes)
    return [item for item in reviews.waiting() if item.plan.hash in wanted]
