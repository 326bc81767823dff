"""Endpoints on rewards: the catalogue, what a member can have, and taking it. Edges only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router
from pydantic import Field

from loyalty.base import clock, http
from loyalty.base.errors import Invalid
from loyalty.base.paging import DEFAULT_LIMIT, Cursor, Limit, bad_cursor, page_of, read_cursor
from loyalty.base.schemas import at_path
from loyalty.ledger.acts import Actor
from loyalty.members import members
from loyalty.programs.auth import Caller
from loyalty.programs.endpoint import caller_of, endpoint, once
from loyalty.programs.models import PointType, Program, Scope
from rewards import claiming, examples, offers, options, shelf
from rewards.answers import about_the_body, as_told, with_code
from rewards.claiming import Wish
from rewards.eligibility import MAY_NOT_REDEEM
from rewards.errors import RewardUnknown
from rewards.models import Reward
from rewards.schemas import ClaimBody, OffersShown, RedemptionShown, RewardsShown
from rewards.sheet import write_offer, write_reason, write_reward
from rewards.shelf import Item

router = Router(tags=["Rewards"])

MemberParameter = Annotated[str, Field(min_length=1, max_length=300)]


@endpoint(
    router,
    "GET",
    "/rewards",
    scope=Scope.REWARDS_READ,
    summary="The catalogue",
    answers={200: RewardsShown},
    shows=examples.REWARDS,
)
def get_rewards(
    request: HttpRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor | None = None
) -> HttpResponse:
    """Rewards that are live or paused, in the order of the catalogue, with prices and how many there are now. Whether a
    certain member can have one, GET /offers/available tells."""
    program = caller_of(request).program
    items = _after(shelf.of_program(program.pk).on_offer, cursor)
    left = options.of_program(program.pk, at=clock.now())
    page = page_of(items[: limit + 1], limit, _key)
    return http.answer(
        page.written(lambda item: write_reward(item, left.get(item.reward.pk, []), _picture(request, item)))
    )


def _after(items: Sequence[Item], cursor: str | None) -> list[Item]:
    """From the cursor on."""
    if (key := read_cursor(cursor)) is None:
        return list(items)
    position, _, code = key.partition(":")
    if not (position.isdecimal() and len(position) <= 6 and code):
        raise bad_cursor()
    last = (int(position), code)
    return [item for item in items if (item.reward.position, item.reward.code) > last]


def _key(item: Item) -> str:
    return f"{item.reward.position}:{item.reward.code}"


def _picture(request: HttpRequest, item: Item) -> str | None:
    if not item.picture:
        return None
    return f"{request.scheme}://{request.get_host()}{_address(item.picture)}"


@lru_cache(maxsize=4096)
def _address(digest: str) -> str:
    return reverse("reward-picture", args=[digest])


@endpoint(
    router,
    "GET",
    "/offers/available",
    scope=Scope.REWARDS_READ,
    summary="What a member can have now, and what is nearly in reach",
    answers={200: OffersShown},
    shows=examples.OFFERS,
    refuses=[404],
)
def get_offers(request: HttpRequest, member: MemberParameter) -> HttpResponse:
    """Each with its cost for this member; what is nearly in reach with every reason why it cannot be had yet: at least
    half of the points are there, or it opens within two weeks."""
    at = clock.now()
    found = at_path("?member", lambda: members.find(caller_of(request).program, member))
    return http.answer(
        {
            "member": found.pk,
            "at": at,
            "offers": [write_offer(one, _picture(request, one.item)) for one in offers.available(found, at)],
            "reasons": [] if found.may_redeem else [write_reason(MAY_NOT_REDEEM)],
        }
    )


@endpoint(
    router,
    "POST",
    "/offers/{offer}/claim",
    scope=Scope.REWARDS_REDEEM,
    summary="Take a reward",
    answers={201: RedemptionShown},
    example=examples.CLAIM_BODY,
    shows=examples.REDEMPTION,
    refuses=[404],
    idempotent=True,
)
def claim(request: HttpRequest, offer: str, body: ClaimBody) -> HttpResponse:
    """Takes the points and one unit, together or not at all. Refused (409) with every reason, the one that nothing can
    be done about first: its `code` is the problem's code, all of them are in `reasons`."""
    caller = caller_of(request)
    reward = _reward(caller.program, offer)
    return once(
        request,
        lambda: (201, _claimed(caller, reward, body, clock.now())),
        path=f"{request.path.partition('/offers/')[0]}/offers/{reward.code}/claim",
        complete=with_code,
    )


def _claimed(caller: Caller, reward: Reward, body: ClaimBody, at: datetime) -> dict[str, object]:
    program = caller.program
    member = at_path("/member", lambda: members.find(program, body.member))
    wish = Wish(
        stock=body.option,
        point_type=_point_type(program, body.point_type),
        details=body.details,
        reference=body.reference,
    )
    take = claiming.reserve if body.mode == "reserve" else claiming.redeem
    try:
        row = take(member, reward, wish, at=at, actor=Actor("channel", caller.channel.code))
    except Invalid as wrong:
        raise about_the_body(wrong) from wrong
    return as_told(row, at)


def _reward(program: Program, offer: str) -> Reward:
    """By its code, or by its id."""
    rows = Reward.objects.filter(program=program).exclude(status=Reward.Status.DRAFT)
    found = rows.filter(code=offer).first() if offer.isprintable() else None
    if found is None and offer.isascii() and offer.isdecimal() and len(offer) < 19:
        found = rows.filter(pk=int(offer)).first()
    if found is None:
        raise RewardUnknown
    return found


def _point_type(program: Program, code: str | None) -> PointType | None:
    if code is None:
        return None
    found = PointType.objects.filter(program=program, code=code).first()
    if found is None:
        raise Invalid.field(
            "/point_type", "point_type_unknown", "There is no such point type in this program."
        )
    return found
