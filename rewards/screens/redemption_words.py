"""What became of a redemption, in words: its way as stages, each thing that happened, where its points came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.words import Words
from loyalty.console import words as console_words
from loyalty.console.parts import Stage
from loyalty.ledger.models import Entry, Lot
from rewards.fulfilment import WAYS
from rewards.models import Redemption, RedemptionStep
from rewards.records import state_at
from rewards.snapshot import done_at_once, gives_code

State, Step = Redemption.State, Redemption.Step

HAPPENED: Final[dict[str, tuple[str, Words]]] = {
    "reserved": ("hourglass_top", gettext_lazy("Reserved")),
    "confirmed": ("check_circle", gettext_lazy("Confirmed")),
    "used": ("done_all", gettext_lazy("Used")),
    "sent": ("local_shipping", gettext_lazy("Sent")),
    "ready": ("inventory", gettext_lazy("Ready to be picked up")),
    "delivered": ("home", gettext_lazy("Delivered")),
    "picked_up": ("storefront", gettext_lazy("Picked up")),
    "fulfilled": ("task_alt", gettext_lazy("Done")),
    "cancelled": ("cancel", gettext_lazy("Cancelled, points back")),
    "refunded": ("replay", gettext_lazy("Refunded")),
    "lapsed": ("event_busy", gettext_lazy("Reservation ran out, points back")),
    "expired": ("event_busy", gettext_lazy("Ran out unused")),
    "problem": ("report", gettext_lazy("Problem")),
    "solved": ("handyman", gettext_lazy("Problem solved")),
    "tracking": ("edit_note", gettext_lazy("Tracking changed")),
    "revealed": ("visibility", gettext_lazy("Code shown to staff")),
    "new_code": ("sync", gettext_lazy("New code")),
    "details": ("edit_location", gettext_lazy("Delivery details changed")),
}
TONES: Final[Mapping[str, str]] = {
    State.RESERVED: "warn",
    State.CONFIRMED: "info",
    State.FULFILLED: "good",
    State.CANCELLED: "quiet",
    State.REFUNDED: "quiet",
    State.LAPSED: "quiet",
    State.EXPIRED: "quiet",
}
STOPPED: Final = (State.CANCELLED, State.REFUNDED, State.LAPSED, State.EXPIRED)


class Shown(NamedTuple):
    """A state with its tone and word, as it counts now."""

    code: str
    tone: str
    label: str


class Happening(NamedTuple):
    """A line of what happened."""

    icon: str
    title: str
    at: datetime
    recorded_at: datetime | None
    """When that was later than it happened."""
    by: str
    parts: list[str]


class FromLot(NamedTuple):
    """Points out of one credit, and how many of them are back."""

    lot: Lot
    points: int
    back: int


def shown_state(row: Redemption, at: datetime) -> Shown:
    code = state_at(row, at)
    if code == State.CONFIRMED and row.step:
        label = Step(row.step).label if row.step != Step.ORDERED else _("To be sent")
        if row.step == Step.ORDERED and row.terms.get("delivery") == "pick_up":
            label = _("To be made ready")
        return Shown(code, "bad" if row.problem else "info", _("Problem") if row.problem else str(label))
    if code == State.FULFILLED and row.step:
        return Shown(code, "good", str(Step(row.step).label))
    return Shown(code, TONES[State(code)], str(State(code).label))


def stages(row: Redemption, steps: Sequence[RedemptionStep], at: datetime) -> list[Stage]:
    """The way of this redemption: what is behind it, where it is, what is ahead; or where it stopped."""
    when = {step.kind: step.occurred_at for step in steps}
    way = [name for name in ("reserved",) if name in when or row.state == State.RESERVED]
    way += ["confirmed", *_rest(row)]
    state = state_at(row, at)
    done = [name for name in way if name in when]
    found = [_stage(name, "done", when) for name in done]
    if state in STOPPED:
        at_stop = when.get(state) or row.closed_at or row.reserved_until or row.expires_at
        return [*found, Stage(HAPPENED[state][1], "stopped", row.reason, at_stop)]
    if found and len(done) < len(way):
        found[-1] = _stage(done[-1], "current", when)
    return found + [_stage(name, "ahead", when) for name in way if name not in when]


def _rest(row: Redemption) -> list[str]:
    if done_at_once(row.terms):
        return ["fulfilled"]
    if row.terms["kind"] == "product":
        return list(WAYS[row.terms["delivery"]][1:])
    return ["used"]


def _stage(name: str, state: str, when: Mapping[str, datetime]) -> Stage:
    return Stage(HAPPENED[name][1], state, at=when.get(name))  # type: ignore[arg-type]


def happenings(steps: Iterable[RedemptionStep]) -> list[Happening]:
    """Everything that happened, the last first; that it was done when its last step was taken is left out."""
    listed = list(steps)
    kinds = {step.kind for step in listed}
    hide_done = bool(kinds & {"used", "delivered", "picked_up"})
    return [_happening(step) for step in reversed(listed) if not (hide_done and step.kind == "fulfilled")]


def _happening(step: RedemptionStep) -> Happening:
    icon, title = HAPPENED.get(step.kind, ("circle", step.kind))
    late = step.recorded_at if (step.recorded_at - step.occurred_at).total_seconds() > 60 else None
    by = step.actor or str(step.get_actor_kind_display())
    return Happening(
        icon, str(title), step.occurred_at, late, by, [*_told(step.data), *filter(None, [step.note])]
    )


def _told(data: Mapping[str, object]) -> list[str]:
    labels = {
        "carrier": _("carrier %(x)s"),
        "tracking": _("tracking %(x)s"),
        "reference": _("reference %(x)s"),
        "amount": _("%(x)s spent"),
        "remaining": _("%(x)s left"),
    }
    return [text % {"x": data[name]} for name, text in labels.items() if data.get(name)]


def lots_of(row: Redemption) -> list[FromLot]:
    """Which credits its points came from, the earliest to lapse first, and what of each is back."""
    if row.transaction_id is None:
        return []
    entries = Entry.objects.filter(transaction=row.transaction_id).select_related("lot").order_by("id")
    back = _back(row)
    return [
        FromLot(entry.lot, -entry.amount, back.get(entry.lot_id, 0))
        for entry in entries
        if entry.lot is not None and entry.amount < 0
    ]


def _back(row: Redemption) -> dict[object, int]:
    entries = Entry.objects.filter(transaction__reverses=row.transaction_id, amount__gt=0)
    found: dict[object, int] = {}
    for lot_id, origin, amount in entries.values_list("lot", "lot__origin", "amount"):
        key = origin or lot_id  # what had lapsed comes back as a lot of its own, for some days
        found[key] = found.get(key, 0) + amount
    return found


def what(row: Redemption) -> str:
    """`Coffee mug, Blue`: the reward as it was taken, with its variant or date."""
    stock = row.terms.get("stock") or {}
    name = stock.get("name") or stock.get("code")
    return f"{row.terms['name']}, {name}" if name else str(row.terms["name"])


def value_left(row: Redemption) -> str:
    """`12.00 of 20.00 EUR left` of a gift."""
    if row.remaining is None:
        return ""
    told = {"left": row.remaining, "all": console_words.money(row.terms["value"], row.terms["currency"])}
    told["left"] = console_words.money(row.remaining, row.terms["currency"])
    return _("%(left)s of %(all)s left") % told


def has_code(row: Redemption) -> bool:
    return row.code_id is not None and gives_code(row.terms)
