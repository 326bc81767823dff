"""Endpoints on members' tiers. Edges only."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse
from ninja import Router

from loyalty.base import clock, http
from loyalty.base.paging import DEFAULT_LIMIT, Cursor, Limit
from loyalty.members import members
from loyalty.programs.endpoint import caller_of, endpoint
from loyalty.programs.models import Scope
from tiers import examples, progress, sheet
from tiers.schemas import MemberTierShown, TierHistoryShown

router = Router(tags=["Members and points"])


@endpoint(
    router,
    "GET",
    "/members/{path:member}/tier",
    scope=Scope.MEMBERS_READ,
    summary="A member's tier, and how far it is to the next one",
    answers={200: MemberTierShown},
    shows=examples.TIER,
    refuses=[404],
)
def get_tier(request: HttpRequest, member: str) -> HttpResponse:
    """On each ladder in force: the tier with what it gives, since when and until when it is safe, what the next one
    takes, what keeps this one, and when it would be lost. Without a ladder: an empty list."""
    found = members.find(caller_of(request).program, member)
    at = clock.now()
    standings = [sheet.write_standing(one) for one in progress.of_member(found, at=at)]
    return http.answer({"member": found.pk, "at": at, "standings": standings})


@endpoint(
    router,
    "GET",
    "/members/{path:member}/tier/history",
    scope=Scope.MEMBERS_READ,
    summary="Why a member has the tier: every change, newest first",
    answers={200: TierHistoryShown},
    shows=examples.HISTORY,
    refuses=[404],
)
def get_tier_history(
    request: HttpRequest, member: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor | None = None
) -> HttpResponse:
    """From, to, when, and the numbers that decided it."""
    found = members.find(caller_of(request).program, member)
    page = sheet.changes(found, limit=limit, cursor=cursor)
    return http.answer(page.written(partial(sheet.write_change, names=sheet.names_of(found))))
