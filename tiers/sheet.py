"""Standings and changes of tiers as the API writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loyalty.base.paging import Page, bad_cursor, page_of, read_cursor
from loyalty.members.models import Member
from tiers.ladder import Benefits, plain
from tiers.models import LadderVersion, TierChange
from tiers.progress import Progress

Json = dict[str, Any]


def write_standing(one: Progress) -> Json:
    """Where a member stands on one ladder."""
    keep, risk = one.keep, one.risk
    return {
        "ladder": one.tier_set,
        "name": one.name,
        "main": one.is_main,
        "tier": _held(one) if one.tier else None,
        "computed": _named(one.computed, one.computed_name),
        "measure": one.measure,
        "point_type": one.point_type or None,
        "counted": one.value,
        "counted_from": one.window_starts,
        "next": {name: getattr(one.next, name) for name in ("code", "name", "needed", "missing")}
        if one.next
        else None,
        "begins_with_next_period": one.waiting or None,
        "keep": {
            "needed": keep.needed,
            "counted": keep.counted,
            "missing": keep.missing,
            "counted_from": keep.starts,
            "by": keep.by,
            "possible": keep.can,
        }
        if keep
        else None,
        "risk": {"on": risk.on, "to": _named(risk.to, risk.to_name)} if risk else None,
        "in_grace": one.in_grace,
    }


def _held(one: Progress) -> Json:
    return {
        "code": one.tier,
        "name": one.tier_name,
        "since": one.since,
        "until": one.until,
        "manual": one.manual,
        "benefits": write_benefits(one.benefits),
    }


def write_benefits(given: Benefits) -> Json:
    """What a tier gives."""
    expiry = given.expiry
    return {
        "earning_multiplier": plain(given.earning_multiplier),
        "price_factor": plain(given.price_factor),
        "early_access_days": given.early_access_days,
        "points_expiry": expiry
        if expiry is None or expiry == "never"
        else {"count": expiry.count, "unit": expiry.unit},
        "perks": [{"code": perk.code, "icon": perk.icon, "text": perk.text} for perk in given.perks],
    }


def _named(code: str, name: str) -> Json | None:
    return {"code": code, "name": name} if code else None


def changes(member: Member, *, limit: int, cursor: str | None) -> Page[TierChange]:
    """A member's changes of tiers, newest first. Raises Invalid `cursor_invalid`."""
    rows = TierChange.objects.filter(member=member).select_related("tier_set", "version").order_by("-pk")
    before = read_cursor(cursor)
    if before is not None:
        if not before.isdecimal() or len(before) > 18:
            raise bad_cursor()
        rows = rows.filter(pk__lt=int(before))
    return page_of(list(rows[: limit + 1]), limit, lambda row: str(row.pk))


def names_of(member: Member) -> Mapping[tuple[int, str], str]:
    """What the tiers of all ladders are called, by set and code; the newest name where it changed."""
    own = LadderVersion.objects.filter(program_id=member.program_id, withdrawn_at=None)
    return {
        (version.tier_set_id, tier["code"]): tier["name"]
        for version in own.order_by("number")
        for tier in version.definition["tiers"]
    }


def write_change(change: TierChange, names: Mapping[tuple[int, str], str]) -> Json:
    """One change with the numbers that decided it."""
    own = change.tier_set_id
    return {
        "id": change.pk,
        "ladder": change.tier_set.code,
        "kind": change.kind,
        "before": _named(change.from_code, names.get((own, change.from_code), change.from_code)),
        "after": _named(change.to_code, names.get((own, change.to_code), change.to_code)),
        "at": change.at,
        "review_on": change.valid_until,
        "numbers": change.numbers,
        "version": change.version.number,
        "beneath": change.beneath,
        "event": change.event_id,
    }
