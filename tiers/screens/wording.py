"""A ladder in plain words: a summary in sentences, one line per part, each tier with what it gives, and what differs.

Works on definitions (the JSON of a version, or of a draft that may not be complete yet), so that drafts and versions
read the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.base.words import Words
from loyalty.console.changes import Change, trimmed
from loyalty.console.words import NONE, money
from loyalty.programs.models import Program
from tiers.ladder import counts_points

Definition = Mapping[str, Any]

PARTS: dict[str, Words] = {
    "name": gettext_lazy("Name"),
    "measure": gettext_lazy("What counts"),
    "window": gettext_lazy("Counted over"),
    "upgrade": gettext_lazy("A reached tier counts"),
    "validity": gettext_lazy("A tier lasts"),
    "downgrade": gettext_lazy("Who misses it at the review"),
    "grace_days": gettext_lazy("Time to keep it after the review"),
    "rollover": gettext_lazy("Surplus"),
    "warn_days": gettext_lazy("A coming drop is announced"),
}
MEASURES: dict[str, Words] = {
    "spend": gettext_lazy("Qualifying spend"),
    "orders": gettext_lazy("Orders"),
    "visits": gettext_lazy("Visits"),
    "points": gettext_lazy("Points earned"),
    "balance": gettext_lazy("Balance of points"),
}
WINDOWS: dict[str, Words] = {
    "lifetime": gettext_lazy("since they joined"),
    "calendar_year": gettext_lazy("in a calendar year"),
    "anniversary": gettext_lazy("in a year of membership"),
}
UPGRADES: dict[str, Words] = {
    "at_once": gettext_lazy("at once"),
    "next_period": gettext_lazy("from the next year on"),
}
LASTS: dict[str, Words] = {
    "period": gettext_lazy("to the end of the year"),
    "next_period": gettext_lazy("to the end of the next year"),
    "while_qualified": gettext_lazy("while the member qualifies"),
}
DROPS: dict[str, Words] = {
    "never": gettext_lazy("keeps the tier"),
    "fit": gettext_lazy("drops to the tier that fits"),
    "one_step": gettext_lazy("drops one tier"),
}
REACHED: dict[str, Words] = {
    "spend": gettext_lazy("Members reach %(steps)s spent %(window)s."),
    "orders": gettext_lazy("Members reach %(steps)s %(window)s."),
    "visits": gettext_lazy("Members reach %(steps)s %(window)s."),
    "points": gettext_lazy("Members reach %(steps)s earned %(window)s."),
    "balance": gettext_lazy("Members reach %(steps)s on their balance."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a ladder in words."""

    label: Words
    text: str


@dataclass(frozen=True, slots=True)
class TierLine:
    """One tier in words: what reaches it, and what it gives."""

    code: str
    name: str
    reached: str
    gives: list[str]
    perks: list[Mapping[str, str]]


class Teller:
    """Says the ladders of one program."""

    def __init__(self, program: Program) -> None:
        self.currency = program.currency
        self._types = {one.code: one for one in program.point_types.all()}

    # --- the whole ------------------------------------------------------------------------------------------------

    def summary(self, definition: Definition) -> str:
        """The ladder in a few sentences; empty while it is not complete enough for them."""
        tiers = definition["tiers"]
        if not tiers or any(not tier["name"] or tier["threshold"] == "" for tier in tiers):
            return ""
        return " ".join([*self._reached(definition), self._lasting(definition), *self._dropping(definition)])

    def lines(self, definition: Definition) -> list[Line]:
        """Every part that says something, in the order of the editor."""
        told = ((PARTS[key], self._text(key, definition)) for key in PARTS if key != "name")
        return [Line(label, text) for label, text in told if text]

    def tiers(self, definition: Definition) -> list[TierLine]:
        """The tiers from the lowest to the highest."""
        return [
            TierLine(
                tier["code"],
                tier["name"] or _("Tier without a name"),
                self.reached(definition, tier["threshold"]),
                list(self._gives(tier)),
                tier["perks"],
            )
            for tier in definition["tiers"]
        ]

    def changes(self, old: Definition | None, new: Definition) -> list[Change]:
        """The parts that differ, tiers told apart by code. With no old one, everything that the new one says."""
        found = [
            Change(
                str(PARTS[key]), self._text(key, old) or NONE if old else NONE, self._text(key, new) or NONE
            )
            for key in PARTS
        ]
        found = [change for change in found if change.old != change.new]
        return [*found, *self._tier_changes(old, new)]

    # --- sentences ------------------------------------------------------------------------------------------------

    def _reached(self, definition: Definition) -> Iterator[str]:
        tiers = definition["tiers"]
        base = tiers[0]["name"] if _number(tiers[0]["threshold"]) == 0 else ""
        if base:
            yield _("Every member is %(tier)s.") % {"tier": base}
        steps = [
            _("%(tier)s with %(amount)s")
            % {"tier": tier["name"], "amount": self.amount(definition, tier["threshold"])}
            for tier in (tiers[1:] if base else tiers)
        ]
        if steps:
            told = {"steps": _listed(steps), "window": self._window(definition)}
            yield str(REACHED[definition["measure"]]) % told

    def _lasting(self, definition: Definition) -> str:
        told = {"when": UPGRADES[definition["upgrade"]], "lasts": self._lasts(definition)}
        return _("A tier counts %(when)s and lasts %(lasts)s.") % told

    def _dropping(self, definition: Definition) -> Iterator[str]:
        drops, grace = DROPS[definition["downgrade"]], definition["grace_days"]
        falls = definition["validity"]["kind"] == "while_qualified"
        if definition["downgrade"] == "never":
            yield _("Nobody drops.")
        elif grace:
            told = {"days": _days(grace), "drops": drops}
            pattern = (
                _("Who falls below it has %(days)s more, then %(drops)s.")
                if falls
                else _("Who has not reached it again by then has %(days)s more, then %(drops)s.")
            )
            yield pattern % told
        else:
            pattern = (
                _("Who falls below it %(drops)s.")
                if falls
                else _("Who has not reached it again by then %(drops)s.")
            )
            yield pattern % {"drops": drops}
        if definition["rollover"]:
            yield _("What is beyond a tier's threshold counts in the next year.")

    # --- parts ----------------------------------------------------------------------------------------------------

    def _text(self, key: str, definition: Definition) -> str:
        value = definition[key]
        match key:
            case "measure":
                return self.measure(definition)
            case "window":
                return self._window(definition)
            case "validity":
                return self._lasts(definition)
            case "upgrade":
                return str(UPGRADES.get(value, value))
            case "downgrade":
                return str(DROPS.get(value, value))
            case "rollover":
                return str(_("counts in the next year")) if value else ""
            case "grace_days":
                return _days(value) if value else ""
            case "warn_days":
                return _("%(days)s before") % {"days": _days(value)} if value else _("not at all")
        return str(value)

    def measure(self, definition: Definition) -> str:
        """What is counted, by the name of its points where it is points."""
        label = str(MEASURES.get(definition["measure"], definition["measure"]))
        if not counts_points(definition["measure"]) or not definition["point_type"]:
            return label
        return _("%(what)s (%(points)s)") % {"what": label, "points": self._points(definition, many=True)}

    def _window(self, definition: Definition) -> str:
        window = definition["window"]
        if window["kind"] != "rolling":
            return str(WINDOWS.get(window["kind"], window["kind"]))
        return _("in the last %(span)s") % {"span": span(window.get("span"))}

    def _lasts(self, definition: Definition) -> str:
        validity = definition["validity"]
        if validity["kind"] == "duration":
            return span(validity.get("span"))
        return str(LASTS.get(validity["kind"], validity["kind"]))

    def amount(self, definition: Definition, value: Any) -> str:
        """So much of what is counted: `300.00 EUR`, `12 orders`, `25,000 status miles`."""
        number = _number(value)
        if number is None:
            return "…"
        match definition["measure"]:
            case "spend":
                return money(number, self.currency)
            case "orders":
                return ngettext("%(n)s order", "%(n)s orders", int(number)) % {"n": trimmed(number)}
            case "visits":
                return ngettext("%(n)s visit", "%(n)s visits", int(number)) % {"n": trimmed(number)}
        return f"{trimmed(number)} {self._points(definition, many=number != 1)}"

    def unit(self, definition: Definition) -> str:
        """In what thresholds are given."""
        match definition["measure"]:
            case "spend":
                return self.currency
            case "orders":
                return _("orders")
            case "visits":
                return _("visits")
        return self._points(definition, many=True)

    def reached(self, definition: Definition, threshold: Any) -> str:
        """What it takes to have the tier."""
        if _number(threshold) == 0:
            return _("every member")
        return _("from %(amount)s") % {"amount": self.amount(definition, threshold)}

    def _points(self, definition: Definition, *, many: bool) -> str:
        known = self._types.get((definition["point_type"] or {}).get("code", ""))
        if known is None:
            return _("points") if many else _("point")
        return known.name_many if many else known.name_one

    # --- tiers ----------------------------------------------------------------------------------------------------

    def _gives(self, tier: Definition) -> Iterator[str]:
        for key in ("earning_multiplier", "reward_price_factor", "early_access_days", "expiry"):
            if text := self._benefit(key, tier):
                yield text

    def _benefit(self, key: str, tier: Definition) -> str:
        """One benefit in words; empty when the tier does not give it."""
        value = tier[key]
        match key:
            case "earning_multiplier" if _number(value) not in (1, None):
                return _("%(times)s × the points") % {"times": value}
            case "reward_price_factor" if _number(value) not in (1, None):
                percent = trimmed((_number(value) or Decimal(0)) * 100)
                return _("rewards at %(percent)s%% of their price") % {"percent": percent}
            case "early_access_days" if value:
                return _("new rewards %(days)s earlier") % {"days": _days(value)}
            case "expiry" if value == "never":
                return _("points never lapse")
            case "expiry" if value:
                return _("points lapse after %(span)s") % {"span": span(value)}
        return ""

    def _tier_changes(self, old: Definition | None, new: Definition) -> Iterator[Change]:
        before = {tier["code"]: tier for tier in old["tiers"]} if old else {}
        after = {tier["code"]: tier for tier in new["tiers"]}
        kept = [code for code in before if code in after]
        if kept != [code for code in after if code in before]:
            names = _(", ").join(str(after[code]["name"]) for code in after if code in before)
            yield Change(_("Order of the tiers"), _(", ").join(before[one]["name"] for one in kept), names)
        for code in dict.fromkeys([*before, *after]):
            if code not in after:
                yield Change(before[code]["name"], self._in_short(old, before[code]), _("removed"))
            elif code not in before:
                yield Change(after[code]["name"], NONE, self._in_short(new, after[code]))
            else:
                yield from self._of_tier(old, before[code], new, after[code])

    def _of_tier(self, old: Any, before: Definition, new: Definition, after: Definition) -> Iterator[Change]:
        texts = {
            _("Name"): (before["name"], after["name"]),
            _("Threshold"): (self.amount(old, before["threshold"]), self.amount(new, after["threshold"])),
            _("Points"): tuple(self._benefit("earning_multiplier", one) for one in (before, after)),
            _("Price of rewards"): tuple(
                self._benefit("reward_price_factor", one) for one in (before, after)
            ),
            _("Early access"): tuple(self._benefit("early_access_days", one) for one in (before, after)),
            _("Expiry"): tuple(self._benefit("expiry", one) for one in (before, after)),
            _("Perks"): (_perks(before), _perks(after)),
        }
        for part, (was, becomes) in texts.items():
            if was != becomes:
                label = _("%(tier)s: %(part)s") % {"tier": after["name"], "part": part.lower()}
                yield Change(label, was or NONE, becomes or NONE)

    def _in_short(self, definition: Any, tier: Definition) -> str:
        parts = [self.reached(definition, tier["threshold"]), *self._gives(tier), _perks(tier)]
        return _("; ").join(part for part in parts if part)


def span(raw: Mapping[str, Any] | None) -> str:
    """`12 months`; dots while it is not typed yet."""
    if not raw or not raw.get("count"):
        return "…"
    count = raw["count"]
    if raw["unit"] == "months":
        return ngettext("%(n)d month", "%(n)d months", count) % {"n": count}
    if raw["unit"] == "years":
        return ngettext("%(n)d year", "%(n)d years", count) % {"n": count}
    return _days(count)


def _days(count: int) -> str:
    return ngettext("%(n)d day", "%(n)d days", count) % {"n": count}


def _perks(tier: Definition) -> str:
    return _(", ").join(" ".join(filter(None, (perk.get("icon"), perk["text"]))) for perk in tier["perks"])


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return None


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return _("%(first)s and %(last)s") % {"first": _(", ").join(parts[:-1]), "last": parts[-1]}
