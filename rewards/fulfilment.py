"""Sending goods and handing them over: the queue, who works on what, and the steps of each order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from loyalty.base.locking import retrying
from loyalty.ledger.acts import Actor
from loyalty.programs.models import Program
from rewards import codes, records
from rewards.errors import ClaimedByOther, WrongState
from rewards.models import Redemption
from rewards.redemption import finish

State, Step = Redemption.State, Redemption.Step
LOCKED_FOR: Final = timedelta(minutes=15)
WAYS: Final[dict[str, tuple[str, ...]]] = {
    "ship": (Step.ORDERED, Step.SENT, Step.DELIVERED),
    "pick_up": (Step.ORDERED, Step.READY, Step.PICKED_UP),
}
TABS: Final = ("new", "in_progress", "sent", "problem")


def queue(program: Program, tab: str, *, at: datetime) -> QuerySet[Redemption]:
    """Orders to work on, by tab: new, in progress (somebody has taken it up, or it is ready to be picked up), sent,
    problem. The most urgent first."""
    open_ones = Redemption.objects.filter(program=program, state=State.CONFIRMED).exclude(step="")
    taken_up = Q(claimed_until__gt=at) | Q(step=Step.READY)
    to_send = open_ones.filter(problem="", step__in=[Step.ORDERED, Step.READY])
    chosen = {
        "new": to_send.exclude(taken_up),
        "in_progress": to_send.filter(taken_up),
        "sent": open_ones.filter(problem="", step=Step.SENT),
        "problem": open_ones.exclude(problem=""),
    }[tab]
    return chosen.select_related("reward", "member", "stock", "point_type").order_by("due_at", "pk")


def overdue(program: Program, *, at: datetime) -> int:
    """How many should have been sent or ready by now."""
    late = Redemption.objects.filter(
        program=program, state=State.CONFIRMED, step=Step.ORDERED, due_at__lte=at
    )
    return late.count()


def find_by_code(program: Program, text: str) -> Redemption | None:
    """The redemption whose code was typed or scanned; None when there is none."""
    code = codes.find(program, text)
    if code is None:
        return None
    rows = Redemption.objects.filter(program=program, code=code)
    return rows.select_related("reward", "member", "stock", "code", "point_type", "program").first()


@retrying
@transaction.atomic
def take_up(redemption: Redemption, *, by: str, at: datetime) -> Redemption:
    """Lock it to a person for a quarter of an hour, so that two do not pack the same.

    Raises ClaimedByOther, WrongState.
    """
    row = _open(redemption, at)
    _check_free(row, by, at)
    row.claimed_by, row.claimed_until = by, at + LOCKED_FOR
    row.save(update_fields=["claimed_by", "claimed_until"])
    return row


@retrying
@transaction.atomic
def let_go(redemption: Redemption, *, by: str, at: datetime) -> Redemption:
    """Leave it to others. Raises ClaimedByOther when it is not this person's."""
    row = records.locked(redemption)
    _check_free(row, by, at)
    row.claimed_by, row.claimed_until = "", None
    row.save(update_fields=["claimed_by", "claimed_until"])
    return row


@retrying
@transaction.atomic
def advance(
    redemption: Redemption,
    step: str,
    *,
    at: datetime,
    actor: Actor,
    carrier: str = "",
    tracking: str = "",
) -> Redemption:
    """The next step: sent, delivered; or ready, picked up. Steps may be left out, not gone back. The same step again
    only notes another carrier or tracking number. The last one fulfils the redemption.

    Raises WrongState; ClaimedByOther for staff while somebody else works on it.
    """
    row = records.locked(redemption)
    if row.step == step and row.state in (State.CONFIRMED, State.FULFILLED):
        return _retracked(row, carrier, tracking, at=at, actor=actor)
    _check_open(row, at)
    way = WAYS[row.terms["delivery"]]
    if step not in way or way.index(step) < way.index(row.step):
        raise WrongState(
            f"From {row.step} it does not go to {step}.", extra={"state": row.state, "step": row.step}
        )
    if actor.kind == "staff":
        _check_free(row, actor.name, at)
    row.step, row.problem = step, ""
    row.carrier, row.tracking = carrier or row.carrier, tracking or row.tracking
    is_last = step == way[-1]
    if is_last:
        finish(row, at=at)
    row.save()
    records.note(row, step, at=at, actor=actor, data=_tracking(row))
    if is_last:
        records.note(row, "fulfilled", at=at, actor=actor)
    return row


@retrying
@transaction.atomic
def set_problem(redemption: Redemption, problem: str, *, at: datetime, actor: Actor) -> Redemption:
    """What keeps it from being sent; empty when it is solved. Raises WrongState."""
    row = _open(redemption, at)
    if row.problem != problem[:200]:
        row.problem = problem[:200]
        row.save(update_fields=["problem"])
        records.note(row, "problem" if problem else "solved", at=at, actor=actor, words=problem)
    return row


def _open(redemption: Redemption, at: datetime) -> Redemption:
    row = records.locked(redemption)
    _check_open(row, at)
    return row


def _check_open(row: Redemption, at: datetime) -> None:
    state = records.state_at(row, at)
    if state != State.CONFIRMED or not row.step:
        raise WrongState(extra={"state": state, "step": row.step})


def _check_free(row: Redemption, by: str, at: datetime) -> None:
    if row.claimed_until is not None and row.claimed_until > at and row.claimed_by != by:
        raise ClaimedByOther(extra={"by": row.claimed_by, "until": row.claimed_until.isoformat()})


def _retracked(row: Redemption, carrier: str, tracking: str, *, at: datetime, actor: Actor) -> Redemption:
    changed = (carrier or row.carrier, tracking or row.tracking)
    if changed != (row.carrier, row.tracking):
        row.carrier, row.tracking = changed
        row.save(update_fields=["carrier", "tracking"])
        records.note(row, "tracking", at=at, actor=actor, data=_tracking(row))
    return row


def _tracking(row: Redemption) -> dict[str, object]:
    found = {"carrier": row.carrier, "tracking": row.tracking}
    return {name: value for name, value in found.items() if value}
