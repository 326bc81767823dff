"""A campaign in one plain sentence: who earns what, on what, when, within which limits, and how it adds up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns.words.phrases import Voice, last, listed, money, number, start, weekday_names
from loyalty.base.numbers import parse_points
from loyalty.base.words import Words
from loyalty.conditions.sentences import say

PER: dict[str, Words] = {
    "day": _("a day"),
    "week": _("a week"),
    "month": _("a month"),
    "quarter": _("a quarter"),
    "year": _("a year"),
    "lifetime": _("per member in all"),
}
_TOPICS = ("item.category", "item.brand", "item.name", "item.sku")


def summary(definition: Mapping[str, Any], voice: Voice) -> str:
    """The definition (of a draft or of a version) in plain words, for example: "Members in Gold earn 2 points per
    1 EUR on Coffee, on Saturdays and Sundays, from 5 to 27 Dec 2026, at most 500 points each a month, until 200,000
    points are given. Adds to the base rate."
    """
    told = {"who": _who(definition, voice), "gain": _gain(definition, voice)}
    first = gettext("%(who)s earn %(gain)s") % told
    clauses = [first, *_when(definition, voice.zone), *_asked(definition, voice), *_limits(definition, voice)]
    return f"{', '.join(clauses)}. {_stacking(definition)}"


def _who(definition: Mapping[str, Any], voice: Voice) -> str:
    audience = definition["audience"]
    if not audience:
        return gettext("All members")
    if audience.get("field") == "member.tier" and audience.get("op") in ("eq", "in"):
        return gettext("Members in %(tiers)s") % {"tiers": listed(_labels(audience, voice), either=True)}
    if audience.get("field") == "member.segments" and audience.get("op") == "has_any":
        return gettext("Members of %(segments)s") % {
            "segments": listed(_labels(audience, voice), either=True)
        }
    return gettext("Members (where %(condition)s)") % {"condition": say(audience, voice.schema)}


def _labels(leaf: Mapping[str, Any], voice: Voice) -> list[str]:
    """The values of a leaf by their labels; without one, a code with a capital. Dots while none is chosen."""
    field = voice.schema.get(leaf["field"])
    choices = (field.choices if field else None) or {}
    values = leaf["value"] if isinstance(leaf["value"], list) else [leaf["value"]]
    named = [str(choices.get(one) or str(one).replace("_", " ").capitalize()) for one in values if one != ""]
    return named or ["…"]


def _gain(definition: Mapping[str, Any], voice: Voice) -> str:
    effect = definition["effect"]
    earned = (
        _earned(definition, effect, voice)
        if definition["kind"] == "earning"
        else _extra(definition, effect, voice)
    )
    parts = [earned]
    if topic := _topic(definition, voice):
        parts.append(gettext("on %(items)s") % {"items": topic})
    if event := _event(definition["trigger"]):
        parts.append(event)
    return " ".join(parts)


def _earned(definition: Mapping[str, Any], effect: Mapping[str, Any], voice: Voice) -> str:
    points = voice.name_of(definition["point_type"]["code"]).points(Decimal(effect["points"]))
    told = {"points": points, "step": _step(effect, voice)}
    if effect["basis"] == "fixed":
        return gettext("%(points)s") % told
    match effect["step_rounding"]:
        case "down":
            return gettext("%(points)s per full %(step)s") % told
        case "up":
            return gettext("%(points)s per started %(step)s") % told
        case "half_up":
            return gettext("%(points)s per %(step)s, to the nearest step,") % told
    return gettext("%(points)s per %(step)s") % told


def _step(effect: Mapping[str, Any], voice: Voice) -> str:
    step = Decimal(effect["step"])
    match effect["basis"]:
        case "amount":
            return money(step, voice.currency)
        case "item":
            return gettext("item") if step == 1 else gettext("%(count)s items") % {"count": number(step)}
    field = voice.schema.get(f"event.{effect['attribute']}")
    name = str(field.phrase or field.label) if field else effect["attribute"]
    return f"{number(step)} {name}"


def _extra(definition: Mapping[str, Any], effect: Mapping[str, Any], voice: Voice) -> str:
    if effect["bonus"] == "extra":
        name = voice.name_of(definition["point_type"]["code"])
        return gettext("an extra %(points)s") % {"points": name.points(Decimal(effect["extra_points"]))}
    if effect["bonus"] == "tier":
        return gettext("the base points times what the member's tier says")
    field = voice.schema.get(effect["table_field"]) if effect["table_field"] else None
    rows = []
    for key, value in effect["table"].items():
        choices = (field.choices if field else None) or {}
        told = {"times": number(value), "value": str(choices.get(key) or key.replace("_", " ").capitalize())}
        rows.append(gettext("%(times)s times (%(value)s)") % told)
    if effect["multiplier"]:
        plain = {"times": number(effect["multiplier"])}
        rows.append((gettext("%(times)s times (others)") if rows else gettext("%(times)s times")) % plain)
    return gettext("%(times)s the base points") % {"times": listed(rows, either=True)}


def _topic(definition: Mapping[str, Any], voice: Voice) -> str:
    items = definition["items"]
    if not items:
        return ""
    if items.get("field") in _TOPICS and items.get("op") in ("eq", "in"):
        values = items["value"] if isinstance(items["value"], list) else [items["value"]]
        return listed([str(one) for one in values], either=True)
    return gettext("items with %(traits)s") % {"traits": say(items, voice.schema, of_item=True)}


def _event(trigger: str) -> str:
    match trigger:
        case "order.completed":
            return ""
        case "member.registered":
            return gettext("for joining")
        case "referral.converted":
            return gettext("for each friend who joins")
        case "review.submitted":
            return gettext("for each review")
        case "visit.checked_in":
            return gettext("for each visit")
    return gettext("for each event “%(event)s”") % {"event": trigger}


def _when(definition: Mapping[str, Any], zone: tzinfo) -> list[str]:
    clauses = []
    if definition["weekdays"]:
        clauses.append(
            gettext("on %(days)s") % {"days": listed([_plural(one) for one in definition["weekdays"]])}
        )
    if definition["hours"]:
        hours = listed([f"{begin}–{end}" for begin, end in definition["hours"]])
        clauses.append(gettext("at %(hours)s") % {"hours": hours})
    if dates := _dates(definition, zone):
        clauses.append(dates)
    return clauses


def _plural(code: str) -> str:
    return gettext("%(weekday)ss") % {"weekday": weekday_names([code])[0]}


def _dates(definition: Mapping[str, Any], zone: tzinfo) -> str:
    starts, ends = definition["starts_at"], definition["ends_at"]
    if starts and ends:
        (first, said), (final, final_said) = start(starts, zone), last(ends, zone)
        if "," not in said + final_said and (first.year, first.month) == (final.year, final.month):
            said = str(first.day)
        return gettext("from %(first)s to %(last)s") % {"first": said, "last": final_said}
    if starts:
        return gettext("from %(first)s on") % {"first": start(starts, zone)[1]}
    return gettext("until %(last)s") % {"last": last(ends, zone)[1]} if ends else ""


def _asked(definition: Mapping[str, Any], voice: Voice) -> list[str]:
    if not definition["conditions"]:
        return []
    return [gettext("when %(condition)s") % {"condition": say(definition["conditions"], voice.schema)}]


def _limits(definition: Mapping[str, Any], voice: Voice) -> list[str]:
    name = voice.name_of(definition["point_type"]["code"])
    clauses = []
    for cap in definition["caps"]:
        per = str(PER[cap["per"]])
        if cap.get("points") is not None:
            points = name.units(parse_points(cap["points"], name.decimals))
            if cap["per"] == "lifetime":
                clauses.append(gettext("at most %(points)s each") % {"points": points})
            else:
                clauses.append(gettext("at most %(points)s each %(per)s") % {"points": points, "per": per})
        elif cap["per"] == "lifetime" and cap["times"] == 1:
            clauses.append(gettext("once per member"))
        else:
            pattern = ngettext("at most once %(per)s", "at most %(times)d times %(per)s", cap["times"])
            clauses.append(pattern % {"times": cap["times"], "per": per})
    if definition["budget"] is not None:
        clauses.append(gettext("until %(points)s are given") % {"points": name.units(definition["budget"])})
    return clauses


def _stacking(definition: Mapping[str, Any]) -> str:
    if definition["stacking_group"]:
        return gettext("Of the group “%(group)s” only the best counts.") % {
            "group": definition["stacking_group"]
        }
    if definition["kind"] == "earning":
        return gettext("Adds to other base rules.")
    return gettext("Adds to the base rate.")
