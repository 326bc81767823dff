"""What the page of a redemption offers is what would be done, for every kind of reward, however far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

import pytest
from django.db import transaction

from loyalty.base import clock, job_runs
from loyalty.base.errors import LaurelError
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import redemption, sweep, vouchers
from rewards.claiming import Wish
from rewards.models import Redemption, Reward
from rewards.records import state_at
from rewards.screens import acts
from tests.rewards.shop import DAY, NOON, OLGA, TILL, a_point_type, a_reward

pytestmark = pytest.mark.django_db

LONG_AFTER = NOON + 400 * DAY
ASKS = [{"code": "address", "label": "Address", "required": True}]
DETAILS = {"address": "Main street 1"}
KINDS: dict[str, dict[str, Any]] = {
    "discount": {"valid_days": 30},
    "voucher": {"valid_days": 30},
    "gift": {"valid_days": 30},
    "ship": {"kind": "product", "delivery_attributes": ASKS},
    "pick_up": {"kind": "product", "delivery": "pick_up"},
    "experience": {},
    "donation": {},
    "partner": {},
    "points": {"gives": 7},
}
AT_ONCE = {"reserved", "fulfilled", "refunded", "cancelled", "lapsed"}
REACHED = {
    **dict.fromkeys(["donation", "partner", "points"], AT_ONCE),
    **dict.fromkeys(["ship", "pick_up"], AT_ONCE | {"confirmed"}),
    **dict.fromkeys(["discount", "voucher", "gift", "experience"], AT_ONCE | {"confirmed", "expired"}),
}
GIVEN_BACK = {"cancel": "cancelled", "refund": "refunded"}
Place: TypeAlias = tuple[str, str, bool, Any]


def a_reward_of(kind: str, points: PointType) -> Reward:
    terms = dict(KINDS[kind])
    if kind == "points":
        terms["into"] = a_point_type(points.program, "stars")
    reward = a_reward(points, terms.pop("kind", kind), **terms)
    if kind == "voucher":
        vouchers.start(reward, b"AAAA-1\nBBBB-2\nCCCC-3", name="", by="olga", at=NOON)
        with clock.pinned(NOON):
            job_runs.run_waiting(clock.now)
    return reward


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def told(row: Redemption, **more: Any) -> dict[str, Any]:
    """What would be typed into the form."""
    details = DETAILS if row.terms.get("asks") else {}
    points = 1 if row.remaining == 0 else None  # nothing comes back by itself
    return {"reason": "Wrong one", "problem": "Broken", "details": details, "points": points, **more}


def place(row: Redemption) -> Place:
    return row.state, row.step, bool(row.problem), row.remaining


def walk(row: Redemption, seen: set[Place]) -> None:
    """From here to everywhere that the acts lead to, and on to what time makes of it; each place is looked at once."""
    row = Redemption.objects.select_related("member", "stock", "point_type__program", "program").get(
        pk=row.pk
    )
    if place(row) in seen:
        return
    seen.add(place(row))
    check(row, LONG_AFTER)
    for name in check(row, NOON):
        for data in [{"amount": 5}, {}] if name == "use" else [{}]:
            with undone():
                walk(acts.ACTS[name].do(row, told(row, **data), NOON, OLGA), seen)
    with undone():
        sweep.run(LONG_AFTER)
        walk(row, seen)


def check(row: Redemption, at: datetime) -> list[str]:
    """What is offered is accepted, and points come back by what is offered only."""
    offered = acts.possible(row, at)
    for name in {*offered, *GIVEN_BACK}:
        after = becomes(row, name, at)
        if name in offered:
            assert after, (place(row), name)
        else:
            assert after != GIVEN_BACK[name] or after == state_at(row, at), (place(row), name)
    return offered


def becomes(row: Redemption, name: str, at: datetime) -> str:
    """The state that the act would bring it into; empty when it is refused."""
    with undone():
        try:
            return acts.ACTS[name].do(row, told(row), at, OLGA).state
        except LaurelError:
            return ""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_offered_is_accepted_wherever_it_is(points: PointType, ada: Member, kind: str) -> None:
    reward, seen = a_reward_of(kind, points), set[Place]()
    with undone():
        walk(redemption.reserve(ada, reward, at=NOON, actor=TILL), seen)
    details = DETAILS if kind == "ship" else {}
    walk(redemption.redeem(ada, reward, Wish(details=details), at=NOON, actor=TILL), seen)
    assert {state for state, *_ in seen} == REACHED[kind]


@pytest.mark.parametrize("stop", [members.suspend, members.close])
def test_whose_points_are_stopped_has_nothing_to_confirm(
    points: PointType, ada: Member, stop: Callable[..., Member]
) -> None:
    row = redemption.reserve(ada, a_reward(points), at=NOON, actor=TILL)
    stop(ada, at=NOON)
    row = Redemption.objects.get(pk=row.pk)
    assert check(row, NOON) == ["cancel"]
    assert becomes(row, "confirm", NOON) == ""
