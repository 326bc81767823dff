"""A stored trace in sentences: for agents, with every campaign and why; for the member, short.

One place for the API, the screens and exports. `explained` fills the sentences into a copy of the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from campaigns.words.payments import came_back, paid, sentence
from campaigns.words.phrases import (
    Voice,
    day,
    last,
    listed,
    money,
    number,
    start,
    time_of_day,
    voice_of,
    weekday_and_day,
)
from campaigns.words.phrases import weekday_names as named_days
from campaigns.words.summary import PER, summary
from loyalty.base.clock import parse_instant
from loyalty.base.words import Words
from loyalty.conditions.explain import Outcome
from loyalty.conditions.sentences import say_miss

__all__ = ["Voice", "awarded", "explained", "for_member", "not_given", "reason", "summary", "voice_of"]

Row = Mapping[str, Any]


def awarded(detail: Mapping[str, Any], voice: Voice) -> str:
    """`96 points = 48 base rate (1 per 1.00 GBP, v7) + 48 Gold double points (v3)`; one line per point type.

    Of a return or another change of an order: what it earned before and what it earns now.
    """
    if changes := _changes(detail, voice):
        return "\n".join(changes)
    lines = []
    for code, units in detail.get("points", {}).items():
        rows = [row for row in detail["campaigns"] if row["points"] and row["point_type"] == code]
        name = voice.name_of(code)
        parts = " + ".join(_part(row, voice) for row in rows)
        lines.append(f"{name.units(units)} = {parts}" if parts else name.units(units))
    return "\n".join(lines) or gettext("No points: %(reason)s.") % {"reason": _overall(detail)}


def not_given(detail: Mapping[str, Any], voice: Voice) -> list[str]:
    """A sentence per campaign that gave nothing: `Weekend bonus – runs on Saturday and Sunday, the order was on …`."""
    return [f"{row['name']} – {reason(row, voice)}" for row in detail["campaigns"] if not row["points"]]


def is_settled(detail: Mapping[str, Any]) -> bool:
    """Whether an order that had earned before was brought to what it earns now."""
    return any(detail.get("order", {}).get("before", {}).values())


def _changes(detail: Mapping[str, Any], voice: Voice) -> list[str]:
    """A sentence per point type: what an order earned before, what it earns now, and the difference."""
    if detail.get("reversed"):
        return [_reversed(code, -units, detail, voice) for code, units in detail["points"].items()]
    if not is_settled(detail):
        return []
    order = detail["order"]  # without what is zero: a change of nothing names no points
    return [_change(code, detail, voice) for code in order["change"] or order["before"]]


def _taken(code: str, detail: Mapping[str, Any]) -> int | None:
    """What really left the balance of points that were asked back; the rest had lapsed or was forgiven."""
    ledger = detail.get("ledger", {}).get(code)
    return None if ledger is None else int(ledger["taken"])


def _reversed(code: str, asked: int, detail: Mapping[str, Any], voice: Voice) -> str:
    name, taken = voice.name_of(code), _taken(code, detail)
    told = {"points": name.units(asked if taken is None else taken), "asked": name.units(asked)}
    if taken == 0:
        return gettext("Nothing taken back of the %(asked)s that these items would have earned.") % told
    if taken is not None and taken < asked:
        return gettext("%(points)s taken back of the %(asked)s that these items would have earned.") % told
    return gettext("%(points)s taken back: what these items would have earned.") % told


def _change(code: str, detail: Mapping[str, Any], voice: Voice) -> str:
    order, taken = detail["order"], _taken(code, detail)
    name, change = voice.name_of(code), order["change"].get(code, 0)
    told = {
        "points": name.units(abs(change) if change > 0 or taken is None else taken),
        "order": order["reference"],
        "before": name.units(order["before"].get(code, 0)),
        "now": name.units(order["after"].get(code, 0)),
    }
    if change == 0:
        return gettext("Nothing changed: order %(order)s still earns %(now)s.") % told
    if change < 0 and taken == 0:
        return gettext("Nothing taken back: order %(order)s earned %(before)s and now earns %(now)s.") % told
    if change < 0:
        return (
            gettext("%(points)s taken back: order %(order)s earned %(before)s and now earns %(now)s.") % told
        )
    return gettext("%(points)s more: order %(order)s earned %(before)s and now earns %(now)s.") % told


def called(name: str) -> str:
    """A campaign's name within a sentence: in quotation marks when it begins with a number, which would read on from
    the points before it."""
    return gettext("“%(name)s”") % {"name": name} if name[:1].isdigit() else name


def reason(row: Row, voice: Voice) -> str:
    """Why a campaign of a trace gave what it gave, without its name, capital and full stop."""
    say = _REASONS.get(row["outcome"])
    return say(row, voice) if say else _said(row["outcome"])


def for_member(detail: Mapping[str, Any], voice: Voice) -> str:
    """The same for the member: what was given, for what, and nothing about versions; and which points came back."""
    return " ".join([_for_member(detail, voice), *(f"{said}." for said in came_back(detail, voice))])


def _for_member(detail: Mapping[str, Any], voice: Voice) -> str:
    if changes := _changes(detail, voice):
        return " ".join(changes)
    given = [row for row in detail["campaigns"] if row["points"]]
    if not given:
        return gettext("You got no points for this: %(reason)s.") % {"reason": _overall(detail)}
    totals = [voice.name_of(code).units(units) for code, units in detail["points"].items()]
    parts = [
        gettext("%(points)s for %(campaign)s")
        % {"points": _units(row, voice), "campaign": called(row["name"])}
        for row in given
    ]
    return gettext("You got %(points)s: %(parts)s.") % {"points": listed(totals), "parts": listed(parts)}


def explained(detail: Mapping[str, Any], voice: Voice) -> dict[str, Any]:
    """A copy of the trace with its sentences: `sentence` and `not_given` of the whole, of each campaign a
    `sentence`, of each miss its `label` and `sentence`."""
    campaigns = [
        {**row, "sentence": _sentence(row, voice), "misses": [_miss(miss, voice) for miss in row["misses"]]}
        for row in detail.get("campaigns", ())
    ]
    notes = [{**note, "sentence": _noted(note)} for note in detail.get("notes", ())]
    if notes:
        detail = {**detail, "notes": notes}
    if payments := detail.get("payments"):
        detail = {**detail, "payments": [{**one, "sentence": sentence(one, voice)} for one in payments]}
    if not detail.get("campaigns") and notes:
        return {**detail, "sentence": " ".join(note["sentence"] for note in notes)}
    if "campaigns" not in detail:
        return {**detail, "sentence": _said(str(detail.get("outcome", "")))}
    return {
        **detail,
        "campaigns": campaigns,
        "sentence": awarded(detail, voice),
        "not_given": not_given(detail, voice),
    }


def _noted(note: Mapping[str, Any]) -> str:
    """What is remarked of an event that had another effect than its sender may think."""
    told = {
        "order_known": gettext("Order %(reference)s had come before: it earns once."),
        "stale_revision": gettext("A newer version of order %(reference)s had come before."),
        "order_of_another_member": gettext("Order %(reference)s is another member's."),
        "self_referral": gettext("Nobody refers themselves."),
        "return_known": gettext("This return of order %(reference)s had been taken off before."),
        "line_unknown": gettext("Order %(reference)s has no line %(line)s."),
    }.get(str(note.get("code")))
    return told % note if told else str(note.get("code", ""))


def _sentence(row: Row, voice: Voice) -> str:
    return _part(row, voice) if row["points"] else f"{row['name']} – {reason(row, voice)}"


def pieces(row: Row, voice: Voice) -> dict[str, str]:
    """A campaign's share in pieces, for a table: `shown` points, what `cut` them, or the `reason` for none."""
    if not row["points"]:
        return {"reason": reason(row, voice)}
    return {"shown": _units(row, voice), "cut": _cut(row, voice)}


def _cut(row: Row, voice: Voice) -> str:
    """`80 before the limit of 50 points a month`; empty for what nothing cut."""
    cut = row["detail"].get("cut_by")
    if not cut:
        return ""
    return gettext("%(raw)s before %(limit)s") % {"raw": number(row["raw"]), "limit": _limit(cut, row, voice)}


def _part(row: Row, voice: Voice) -> str:
    """`48 base rate (1 per 1.00 GBP, v7)`"""
    told = [str(row["detail"]["rate"])] if "rate" in row["detail"] else []
    if "tier_name" in row["detail"]:
        told.append(gettext("%(tier)s: %(times)s times the base") % _by_tier(row))
    if row["version"] is not None:
        told.append(f"v{row['version']}")
    if cut := _cut(row, voice):
        told.append(cut)
    return f"{_units(row, voice)} {called(row['name'])}" + (f" ({', '.join(told)})" if told else "")


def _by_tier(row: Row) -> dict[str, str]:
    return {"tier": row["detail"]["tier_name"], "times": number(Decimal(row["detail"]["multiplier"]))}


def _units(row: Row, voice: Voice) -> str:
    return number(Decimal(row["points"]).scaleb(-voice.name_of(row["point_type"]).decimals))


def _miss(miss: Mapping[str, Any], voice: Voice) -> dict[str, Any]:
    field = voice.schema.get(miss.get("field", ""))
    sentence = say_miss(Outcome.from_json(miss), voice.schema)
    return {**miss, "label": str(field.label) if field else miss.get("field", ""), "sentence": sentence}


def _overall(detail: Mapping[str, Any]) -> str:
    """Why nothing at all was given."""
    outcome = detail.get("outcome", "nothing")
    if outcome != "nothing":
        return _said(outcome)
    return gettext("no campaign applied") if detail.get("campaigns") else gettext("no campaign is about this")


def _missed(row: Row, voice: Voice) -> str:
    return "; ".join(say_miss(Outcome.from_json(miss), voice.schema) for miss in row["misses"])


def _not_in_audience(row: Row, voice: Voice) -> str:
    return gettext("for other members: %(misses)s") % {"misses": _missed(row, voice)}


def _outside_dates(row: Row, voice: Voice) -> str:
    told = row["detail"]
    was = datetime.fromisoformat(told["was"])
    when = {"when": weekday_and_day(was), "time": time_of_day(was)}
    match told["dates"]:
        case "before":
            when["date"] = start(told["starts_at"], voice.zone)[1]
            return gettext("starts on %(date)s, this was on %(when)s") % when
        case "after":
            when["date"] = last(told["ends_at"], voice.zone)[1]
            return gettext("ran until %(date)s, this was on %(when)s") % when
        case "weekday":
            when["days"] = listed(named_days(told["weekdays"]))
            return gettext("runs on %(days)s, this was on %(when)s") % when
    when["hours"] = listed([f"{begin}–{end}" for begin, end in told["hours"]])
    return gettext("runs at %(hours)s, this was at %(time)s on %(when)s") % when


def _cap_reached(row: Row, voice: Voice) -> str:
    cap = row["detail"]["cap"]
    if cap.get("times") == 1 and cap["per"] == "lifetime":
        return gettext("already received (once per member)")
    return gettext("used up: %(limit)s") % {"limit": _limit(row["detail"], row, voice)}


def _limit(told: Mapping[str, Any], row: Row, voice: Voice) -> str:
    """The limit that cut or stopped a campaign, in words."""
    name = voice.name_of(row["point_type"])
    if "budget" in told:
        return gettext("the budget of %(points)s") % {"points": name.units(told["budget"])}
    cap = told["cap"]
    per = str(PER[cap["per"]])
    if "points" in cap:
        return gettext("the limit of %(points)s %(per)s") % {"points": name.units(cap["points"]), "per": per}
    pattern = ngettext("the limit of once %(per)s", "the limit of %(times)d times %(per)s", cap["times"])
    return pattern % {"times": cap["times"], "per": per}


def _budget_used_up(row: Row, voice: Voice) -> str:
    return gettext("used up: %(limit)s") % {"limit": _limit(row["detail"], row, voice)}


def _blocked(row: Row, voice: Voice) -> str:
    return gettext("only the best of its group counts, which was %(other)s") % {
        "other": row["detail"]["blocked_by_name"]
    }


def _nothing_qualifies(row: Row, voice: Voice) -> str:
    if row["detail"].get("reason") == "less_than_a_step":
        return gettext("it is less than one full step (%(rate)s)") % {"rate": row["detail"]["rate"]}
    if row["detail"].get("reason") == "nothing_kept":
        return gettext("nothing of the order was kept")
    if row["detail"].get("multiplier") == "1" and "tier_name" in row["detail"]:
        return gettext("%(tier)s earns the base points and no more") % _by_tier(row)
    if row["kind"] == "bonus":
        return gettext("there were no base points for it to multiply")
    return gettext("nothing in it counts for this campaign")


def _rounded(row: Row, voice: Voice) -> str:
    return gettext("%(raw)s, which rounds to none") % {
        "raw": voice.name_of(row["point_type"]).points(Decimal(row["raw"]))
    }


def _since(pattern: Words, plain: Words) -> Callable[[Row, Voice], str]:
    def say(row: Row, voice: Voice) -> str:
        since = row["detail"].get("since")
        if not since:
            return str(plain)
        return str(pattern) % {"date": day(parse_instant(since).astimezone(voice.zone))}

    return say


_REASONS: dict[str, Callable[[Row, Voice], str]] = {
    "condition_not_met": _missed,
    "not_in_audience": _not_in_audience,
    "outside_dates": _outside_dates,
    "cap_reached": _cap_reached,
    "budget_used_up": _budget_used_up,
    "blocked_by_campaign": _blocked,
    "nothing_qualifies": _nothing_qualifies,
    "rounded_to_zero": _rounded,
    "campaign_paused": _since(_("was paused since %(date)s"), _("was paused")),
    "campaign_ended": _since(_("ended on %(date)s"), _("had ended")),
}


def _said(outcome: str) -> str:
    """An outcome that needs no numbers."""
    words = {
        "given": gettext("given"),
        "pending": gettext("given, and still pending"),
        "nothing": gettext("no campaign applied"),
        "not_published": gettext("was not published yet"),
        "program_paused": gettext("the program was paused"),
        "member_may_not_earn": gettext("the membership was suspended or closed then"),
        "held_for_review": gettext("held for review"),
        "duplicate": gettext("the event had been received before"),
        "rejected": gettext("the event was rejected"),
    }
    return words.get(outcome) or outcome.replace("_", " ")


def booked(detail: Mapping[str, Any], voice: Voice) -> list[str]:
    """What became of the points beside the balance, and when they count: a sentence each, without full stop."""
    said = [
        pattern % {"points": voice.name_of(code).units(ledger[key])}
        for code, ledger in detail.get("ledger", {}).items()
        for key, pattern in (
            ("debt", gettext("%(points)s became debt, which the next points pay off")),
            ("already_expired", gettext("%(points)s had lapsed before")),
            ("taken_before", gettext("%(points)s had been taken back by hand before")),
            ("forgiven", gettext("%(points)s were forgiven")),
        )
        if ledger.get(key)
    ]
    said += paid(detail, voice)
    if until := detail.get("pending_until"):
        said.append(gettext("They can be spent from %(date)s") % {"date": start(until, voice.zone)[1]})
    if expires := detail.get("expires_at"):
        said.append(gettext("They lapse after %(date)s") % {"date": last(expires, voice.zone)[1]})
    return said


def rounded(detail: Mapping[str, Any]) -> str:
    """`Rounded to the nearest: 1,186.9 to 1,187`; empty when there was nothing to round."""
    told = detail.get("rounding") or {}
    before, after = str(told.get("before") or ""), str(told.get("after") or "")
    if not before or before == after:
        return ""
    modes = {
        "down": gettext("Rounded down: %(before)s to %(after)s"),
        "up": gettext("Rounded up: %(before)s to %(after)s"),
    }
    nearest = gettext("Rounded to the nearest: %(before)s to %(after)s")
    return modes.get(told["mode"], nearest) % {"before": number(before), "after": number(after)}


def qualified(detail: Mapping[str, Any], voice: Voice) -> list[str]:
    """What of the order did not qualify, a sentence each: `8.05 GBP tax`."""
    names = {
        "tax": gettext("tax"),
        "shipping": gettext("shipping"),
        "gift_card": gettext("gift cards"),
        "discount": gettext("discount"),
        "points_paid": gettext("paid with points"),
    }
    return [
        f"{money(one['amount'], voice.currency)} {names.get(one['what'], one['what'])}"
        for one in detail["excluded"]
    ]
