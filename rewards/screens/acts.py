"""What can be done with a redemption: when it can, what it means, what is asked, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.words import Words
from loyalty.console import words as console_words
from loyalty.ledger.acts import Actor
from loyalty.ledger.balances import balances_now
from rewards import fulfilment, redemption, replacing
from rewards.models import Redemption
from rewards.readdressing import readdress
from rewards.records import state_at
from rewards.screens.redemption_words import shown_state, value_left
from rewards.snapshot import from_pool, gives_code

State, Step = Redemption.State, Redemption.Step
Do = Callable[[Redemption, Mapping[str, Any], datetime, Actor], Redemption]


@dataclass(frozen=True, slots=True)
class Act:
    """`asks` are the names of the fields of its form. `gives_back` says whether points return."""

    title: Words
    button: Words
    effect: Words
    done: Words
    icon: str
    do: Do
    asks: tuple[str, ...] = ()
    tone: str = ""
    gives_back: bool = False


def _confirm(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return redemption.confirm(row, at=at, actor=actor, details=data.get("details"))


def _cancel(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return redemption.cancel(row, at=at, actor=actor, reason=data["reason"])


def _refund(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return redemption.refund(
        row,
        at=at,
        actor=actor,
        reason=data["reason"],
        points=data.get("points"),
        restock=data.get("restock", False),
    )


def _use(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return redemption.use(
        row, at=at, actor=actor, amount=data.get("amount"), reference=data.get("reference", "")
    )


def _replace(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return replacing.replace(row, at=at, actor=actor, reason=data["reason"])


def _readdress(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return readdress(row, data["details"], at=at, actor=actor)


def _problem(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return fulfilment.set_problem(row, data["problem"], at=at, actor=actor)


def _solved(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
    return fulfilment.set_problem(row, "", at=at, actor=actor)


def _advance(step: str) -> Do:
    def do(row: Redemption, data: Mapping[str, Any], at: datetime, actor: Actor) -> Redemption:
        carrier, tracking = data.get("carrier", ""), data.get("tracking", "")
        return fulfilment.advance(row, step, at=at, actor=actor, carrier=carrier, tracking=tracking)

    return do


def _step(step: str, *words: Words, icon: str, asks: tuple[str, ...] = ()) -> Act:
    """A step of sending or handing over; `words` are its title, button, effect and what is said afterwards."""
    title, button, effect, done = words
    return Act(title, button, effect, done, icon, _advance(step), asks=asks, tone="main")


ACTS: Final[dict[str, Act]] = {
    "confirm": Act(
        gettext_lazy("Confirm the reservation"),
        gettext_lazy("Confirm it"),
        gettext_lazy("The points stay spent, and the member gets what was reserved."),
        gettext_lazy("Confirmed."),
        "check_circle", _confirm, asks=("details",), tone="main",
    ),
    "sent": _step(
        "sent", gettext_lazy("Mark as sent"), gettext_lazy("Mark as sent"),
        gettext_lazy("Once it is sent it cannot be cancelled any more, only refunded."),
        gettext_lazy("Marked as sent."), icon="local_shipping", asks=("carrier", "tracking"),
    ),
    "ready": _step(
        "ready", gettext_lazy("Ready to be picked up"), gettext_lazy("Mark as ready"),
        gettext_lazy("It waits for the member, who shows the code."), gettext_lazy("Marked as ready."),
        icon="inventory",
    ),
    "delivered": _step(
        "delivered", gettext_lazy("Mark as delivered"), gettext_lazy("Mark as delivered"),
        gettext_lazy("It has arrived: nothing is left to do."), gettext_lazy("Delivered."), icon="home",
    ),
    "picked_up": _step(
        "picked_up", gettext_lazy("Hand over"), gettext_lazy("Hand over now"),
        gettext_lazy("The member has it: the code is used, and nothing is left to do."),
        gettext_lazy("Handed over."), icon="storefront",
    ),
    "use": Act(
        gettext_lazy("Mark as used"),
        gettext_lazy("Mark as used"),
        gettext_lazy("The code was used at the till or in the shop. It cannot be used again."),
        gettext_lazy("Marked as used."),
        "done_all", _use, asks=("amount", "reference"), tone="main",
    ),
    "new-code": Act(
        gettext_lazy("Give another code"),
        gettext_lazy("Give another code"),
        gettext_lazy("The code that the member has is revoked and cannot be used any more. Points stay as they are."),
        gettext_lazy("There is a new code; the old one is revoked."),
        "sync", _replace, asks=("reason",),
    ),
    "details": Act(
        gettext_lazy("Correct where it goes"),
        gettext_lazy("Save where it goes"),
        gettext_lazy("Only before it is sent. That it was changed is noted, not what it says."),
        gettext_lazy("Saved where it goes."),
        "edit_location", _readdress, asks=("details",), tone="main",
    ),
    "problem": Act(
        gettext_lazy("Note a problem"),
        gettext_lazy("Put it aside"),
        gettext_lazy("It goes to the tab of problems until it is solved or cancelled."),
        gettext_lazy("Put aside."),
        "report", _problem, asks=("problem",),
    ),
    "solved": Act(
        gettext_lazy("The problem is solved"),
        gettext_lazy("Put it back into the queue"),
        gettext_lazy("It can be sent again like any other."),
        gettext_lazy("It is back in the queue."),
        "handyman", _solved, tone="main",
    ),
    "cancel": Act(
        gettext_lazy("Cancel with points back"),
        gettext_lazy("Cancel it and give the points back"),
        gettext_lazy("The points go back to where they came from, with their own expiry. It counts against no limit."),
        gettext_lazy("Cancelled. The points are back."),
        "cancel", _cancel, asks=("reason",), tone="bad", gives_back=True,
    ),
    "refund": Act(
        gettext_lazy("Refund the points"),
        gettext_lazy("Refund the points"),
        gettext_lazy("It was used, sent or done at once: the points are given back all the same."),
        gettext_lazy("Refunded."),
        "replay", _refund, asks=("points", "reason", "restock"), tone="bad", gives_back=True,
    ),
}  # fmt: skip


def possible(row: Redemption, at: datetime) -> list[str]:
    """The names of what can be done now, the usual next step first."""
    state = state_at(row, at)
    if state == State.RESERVED:
        return ["confirm", "cancel"] if row.member.may_redeem else ["cancel"]
    if state == State.FULFILLED:
        return ["refund"]
    if state != State.CONFIRMED:
        return []
    return _of_goods(row) if row.step else _of_code(row)


def _of_goods(row: Redemption) -> list[str]:
    way = fulfilment.WAYS[row.terms["delivery"]]
    ahead = [str(step) for step in way[way.index(row.step) + 1 :]]
    gone = row.step in redemption.GONE
    return [
        *(["solved"] if row.problem else []),
        *ahead,
        *(["details"] if row.terms.get("asks") and not gone else []),
        *([] if row.problem else ["problem"]),
        *(["new-code"] if row.code_id else []),
        "refund" if gone else "cancel",
    ]


def _of_code(row: Redemption) -> list[str]:
    own = ["use", "new-code"] if gives_code(row.terms) else []
    return [*own, "refund" if is_partly_used(row) else "cancel"]


def is_partly_used(row: Redemption) -> bool:
    """Whether some of a gift value was spent."""
    return row.remaining is not None and row.remaining < Decimal(row.terms["value"])


class Line(NamedTuple):
    """What a step changes."""

    label: str
    before: str
    after: str


def effects(row: Redemption, name: str, at: datetime) -> list[Line]:
    """Before and after, as far as that can be said."""
    act = ACTS[name]
    now, then = shown_state(row, at).label, _state_after(row, name)
    lines = [Line(_("State"), now, then)] if then else []
    if act.gives_back:
        lines += _points_back(row, at)
        if name == "cancel":
            lines += _stock_back(row)
    if name == "use" and row.remaining is not None:
        lines.append(Line(_("Value"), value_left(row), _("what is left after this")))
    if name in ("cancel", "new-code") and row.code is not None and state_at(row, at) != State.RESERVED:
        lines.append(Line(_("Code"), str(row.code), _("revoked")))
    return lines


def _state_after(row: Redemption, name: str) -> str:
    if name in ("sent", "ready", "delivered", "picked_up"):
        return str(Step(name).label)
    words: dict[str, Words] = {
        "confirm": State.CONFIRMED.label,
        "cancel": State.CANCELLED.label,
        "refund": State.REFUNDED.label,
        "problem": gettext_lazy("Problem"),
        "solved": gettext_lazy("In the queue"),
        "use": gettext_lazy("Used"),
    }
    return str(words.get(name, ""))


def _points_back(row: Redemption, at: datetime) -> list[Line]:
    kind = row.point_type
    back = redemption.refundable(row)
    if row.points and not back:
        return [Line(_("Points back"), "–", _("as many as you say"))]
    balance = next((one for one in balances_now(row.member_id, at=at) if one.point_type.id == kind.pk), None)
    has = balance.available if balance else 0
    told = Line(_("Points back"), "–", console_words.points(back, kind))
    return [
        told,
        Line(
            _("The member can spend"), console_words.points(has, kind), console_words.points(has + back, kind)
        ),
    ]


def _stock_back(row: Redemption) -> list[Line]:
    left = row.stock.left
    if left is None or not row.holds_stock:
        return []
    after = left if from_pool(row.terms) and row.state != State.RESERVED else left + 1
    return [Line(_("Left to take"), console_words.number(left), console_words.number(after))]
