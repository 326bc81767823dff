"""A member's tier in words: where they stand, what is missing, and why a tier changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.clock import parse_date
from loyalty.base.words import Words
from loyalty.console.reasons import REASONS
from loyalty.console.words import day
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from tiers import published
from tiers.models import LadderVersion, TierChange
from tiers.progress import Progress, with_points
from tiers.screens.wording import MEASURES, Teller
from tiers.windows import DAY

KINDS: dict[str, Words] = {
    "joined": gettext_lazy("Reached %(to)s"),
    "upgraded": gettext_lazy("Up from %(from)s to %(to)s"),
    "retained": gettext_lazy("Kept %(to)s"),
    "downgraded": gettext_lazy("Down from %(from)s to %(to)s"),
    "corrected": gettext_lazy("Corrected from %(from)s to %(to)s"),
    "imported": gettext_lazy("Brought along: %(to)s"),
    "manual": gettext_lazy("Set by hand: %(to)s instead of %(from)s"),
    "manual_ended": gettext_lazy("The tier set by hand ended: back to %(to)s"),
}
ICONS = {
    "joined": "trending_up", "upgraded": "trending_up", "retained": "check_circle", "downgraded": "trending_down",
    "corrected": "build", "imported": "input", "manual": "back_hand", "manual_ended": "undo",
}  # fmt: skip
_FACTS: dict[str, Words] = {
    "tier.joined": gettext_lazy("Reached %(to)s"),
    "tier.upgraded": gettext_lazy("Up from %(from)s to %(to)s"),
    "tier.retained": gettext_lazy("Kept %(to)s"),
    "tier.downgraded": gettext_lazy("Down from %(from)s to %(to)s"),
}


def counted_effect(member: Member, points: int, at: datetime) -> str:
    """What points that count would do to the tier, before they are booked."""
    turn = with_points(member, points, at=at)
    if turn is None:
        return _("The program has no tiers yet.")
    told = {"before": turn.before, "after": turn.after}
    if turn.before == turn.after:
        words = _("The tier stays %(after)s.") if turn.after else _("The member stays without a tier.")
    elif not turn.before:
        words = _("The member rises to %(after)s.")
    elif not turn.after:
        words = _("The member loses %(before)s and has no tier then.")
    elif turn.step < 0:
        words = _("The tier drops from %(before)s to %(after)s.")
    else:
        words = _("The tier rises from %(before)s to %(after)s.")
    said = words % told
    if turn.was_counted:
        return said
    what = str(MEASURES[turn.measure])
    return _("The ladder counts something else: %(what)s. %(said)s") % {"what": what.lower(), "said": said}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands on one ladder, ready to be read."""

    progress: Progress
    tier: str
    next: str
    percent: int
    until: str
    keep: str
    risk: str
    beneath: str


class MemberTeller:
    """Says where members stand on the ladders of one program."""

    def __init__(self, member: Member) -> None:
        self._teller = Teller(member.program)

    def standing(self, one: Progress) -> Standing:
        """One ladder in sentences; empty where there is nothing to say."""
        return Standing(
            progress=one,
            tier=one.tier_name or _("No tier"),
            next=self._next(one),
            percent=_percent(one),
            until=self._until(one),
            keep=self._keep(one),
            risk=_risk(one),
            beneath=self._beneath(one),
        )

    def amount(self, one: Progress, value: str) -> str:
        """So much of what the ladder counts."""
        definition = {"measure": one.measure, "point_type": {"code": one.point_type}}
        return self._teller.amount(definition, value)

    def _next(self, one: Progress) -> str:
        if one.next is None:
            return ""
        told = {"amount": self.amount(one, one.next.missing), "tier": one.next.name}
        if one.manual:
            told["now"] = one.computed_name or _("no tier")
            return _("Computed: %(now)s, %(amount)s to %(tier)s") % told
        return _("%(amount)s to %(tier)s") % told

    def _until(self, one: Progress) -> str:
        if one.until is None:
            return ""
        if one.manual:
            return _("set by hand until %(day)s") % {"day": day(one.until)}
        return _("until %(day)s") % {"day": day(one.until)}

    def _keep(self, one: Progress) -> str:
        if one.keep is None or one.manual:
            return ""
        told = {
            "tier": one.computed_name,
            "missing": self.amount(one, one.keep.missing),
            "needed": self.amount(one, one.keep.needed),
            "day": day(one.keep.by),
        }
        if not one.keep.can:
            return _("%(tier)s ends after %(day)s, whatever is done before.") % told
        if Decimal(one.keep.missing) == 0:
            return _("%(tier)s is kept: %(needed)s or more are there.") % told
        return _("%(missing)s more by %(day)s keep %(tier)s (%(needed)s in all).") % told

    def _beneath(self, one: Progress) -> str:
        if not one.manual or one.next is not None:
            return ""
        return _("Computed: %(tier)s") % {"tier": one.computed_name or _("no tier")}


def _percent(one: Progress) -> int:
    """How much of the next tier's threshold is there."""
    if one.next is None or not Decimal(one.next.needed):
        return 100
    share = 1 - Decimal(one.next.missing) / Decimal(one.next.needed)
    return max(0, min(100, int(share * 100)))


def _risk(one: Progress) -> str:
    if one.risk is None or one.manual:
        return ""
    told = {"day": day(one.risk.on), "to": one.risk.to_name or _("no tier"), "tier": one.computed_name}
    if one.in_grace:
        return (
            _(
                "%(tier)s was missed at the review; unless it is reached in time, it becomes %(to)s on %(day)s."
            )
            % told
        )
    return _("Without more activity it becomes %(to)s on %(day)s.") % told


@dataclass(frozen=True, slots=True)
class Told:
    """One change of a tier with its reason."""

    at: datetime
    icon: str
    title: str
    why: str
    until: str
    change: TierChange
    reason: str


class ChangeTeller:
    """Says changes of tiers, each by the version that it was decided under."""

    def __init__(self, member: Member) -> None:
        self._teller = Teller(member.program)
        own = LadderVersion.objects.filter(program_id=member.program_id, withdrawn_at=None)
        rows = own.order_by("number")
        self._definitions = {row.pk: row.definition for row in rows}
        self._numbers = {row.pk: row.number for row in rows}
        self._names: dict[tuple[int, str], str] = {}
        for row in rows:
            for tier in row.definition["tiers"]:
                self._names[row.tier_set_id, tier["code"]] = tier["name"]

    def told(self, change: TierChange) -> Told:
        """What happened and why."""
        names = {"from": self._name(change, change.from_code), "to": self._name(change, change.to_code)}
        return Told(
            change.at,
            ICONS[change.kind],
            str(KINDS[change.kind]) % names,
            self._why(change),
            _until(change),
            change,
            _reason(change),
        )

    def _name(self, change: TierChange, code: str) -> str:
        return self._names.get((change.tier_set_id, code), code) or _("no tier")

    def _why(self, change: TierChange) -> str:
        """The numbers that decided it, in a sentence that can be read aloud."""
        numbers = change.numbers
        if "value" not in numbers or numbers.get("needed") == "0":
            return ""
        definition = self._definitions[change.version_id]
        told = {
            "value": self._teller.amount(definition, numbers["value"]),
            "needed": self._teller.amount(definition, numbers.get("needed")),
            "days": _days(numbers),
            "number": self._numbers[change.version_id],
        }
        return _("%(value)s counted %(days)s, %(needed)s needed (version %(number)d)") % told


def _until(change: TierChange) -> str:
    """How long it lasts: to the day before it is looked at again."""
    if change.valid_until is None:
        return ""
    return _("until %(day)s") % {"day": day(change.valid_until - DAY)}


def _reason(change: TierChange) -> str:
    """What a person gave as the reason: the code in words, and the note."""
    placed = change.placement
    if placed is None or change.kind == TierChange.Kind.MANUAL_ENDED:
        return str(REASONS.get(change.reason, change.reason))
    return ": ".join(
        part for part in (str(REASONS.get(placed.reason_code, placed.reason_code)), placed.note) if part
    )


def _days(numbers: Mapping[str, Any]) -> str:
    """Over which days it was counted."""
    first, last = numbers.get("from"), numbers.get("on")
    if first and last:
        return _("from %(first)s to %(last)s") % {
            "first": day(parse_date(first)),
            "last": day(parse_date(last)),
        }
    return _("up to %(last)s") % {"last": day(parse_date(last))} if last else ""


def fact_title(fact: Fact) -> str:
    """How a fact about a tier stands in the timeline."""
    program = published.of_program(fact.program_id)
    tier_set = next((one for one in program if one.code == fact.data.get("tier_set")), None)

    def name(code: str | None) -> str:
        if not code:
            return str(_("no tier"))
        return tier_set.name_of(code, fact.occurred_at) if tier_set else code

    if fact.type == "tier.will_downgrade":
        told = {"tier": name(fact.data["tier"]), "day": day(parse_date(fact.data["drops_on"]))}
        return _("Announced: %(tier)s ends on %(day)s") % told
    return str(_FACTS[fact.type]) % {"from": name(fact.data.get("from")), "to": name(fact.data.get("to"))}
