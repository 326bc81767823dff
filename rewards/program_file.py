"""Rewards in program files. A file says what is loaded of each, not what is taken of it.

Pictures and codes are no part of a file: they are uploaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from loyalty.base.clock import write_instant
from loyalty.base.errors import Invalid, LaurelError
from loyalty.base.numbers import MAX_DECIMALS, parse_points, points_of
from loyalty.programs.files.faults import Fault, Path
from loyalty.programs.files.sections import Applying, Section, sections
from loyalty.programs.files.values import exact, in_json, ordered, said
from loyalty.programs.models import PointType, Program
from rewards import catalogue, stock
from rewards.file_entries import OF_KIND, Line, RewardEntry, asks, lines_of, place
from rewards.models import ExperienceReward, PointsReward, Reward, Stock, VoucherReward
from tiers import published
from tiers.models import Tier, TierSet

Types = Mapping[str, PointType]

_PLAIN: Final = (
    "name", "description", "terms", "starts_at", "ends_at", "cooldown_hours", "reserve_minutes", "low_stock_at",
    "unit_cost", "position",
)  # fmt: skip
_EXACT: Final = frozenset({"value", "minimum_order", "unit_cost"})


def _put(applying: Applying, entry: RewardEntry, path: Path) -> None:
    types = _point_types(applying, entry, path)
    found = Reward.objects.filter(program=applying.program, code=entry.code).first()
    wrong = list(_refusals(found, entry, path)) if found else []
    wrong += _unknown_tiers(applying, entry, path)
    applying.faults.extend(wrong)
    if types is None or wrong:
        return
    known = len(applying.faults)
    values = _values(applying, entry, types, path)
    if len(applying.faults) > known:
        return
    try:
        _store(applying, found, entry, values, path)
    except Invalid as refused:
        for one in refused.errors or [refused.at_path("")]:
            applying.refuse((*path, *place(entry.kind, one.path)), one.code, one.message)


def _refusals(found: Reward, entry: RewardEntry, path: Path) -> Iterator[Fault]:
    """What a reward cannot become any more."""
    if found.kind != entry.kind:
        words = f"A reward keeps its kind, which is {found.kind}. Give the other one a new code."
        yield Fault((*path, entry.kind), "unchangeable", words)
    if found.status != Reward.Status.DRAFT and entry.status == "draft":
        words = "What was published cannot be a draft again. Pause it or end it."
        yield Fault((*path, "status"), "already_published", words)
    if found.status == Reward.Status.ENDED and entry.status != "ended":
        words = "This reward has ended for good. Give a new one another code."
        yield Fault((*path, "status"), "reward_ended", words)


def _point_types(applying: Applying, entry: RewardEntry, path: Path) -> Types | None:
    """The program's point types by code, the default by no name; None when one that is named is not there."""
    rows = PointType.objects.select_related("program").filter(program=applying.program)
    types = {code: row for row in rows for code in ((row.code, "") if row.is_default else (row.code,))}
    named = [
        ((*path, "prices", index, "point_type"), one.point_type or "")
        for index, one in enumerate(entry.prices)
    ]
    if entry.points is not None:
        named.append(((*path, "points", "into"), entry.points.into))
    missing = [(where, code) for where, code in named if code not in types]
    for where, code in missing:
        if code and code not in applying.named.get("point_types", ()):  # else it has a fault of its own
            applying.refuse(where, "point_type_unknown", f"This program has no point type {code!r}.")
    return None if missing else types


def _unknown_tiers(applying: Applying, entry: RewardEntry, path: Path) -> Iterator[Fault]:
    """Tiers that have a price, but that nobody can be in. While a ladder of the file has faults of its own, which tiers
    there are is not known."""
    named = [
        ((*path, "prices", index, "tiers", place), code)
        for index, price in enumerate(entry.prices)
        for place, code in enumerate(price.tiers)
    ]
    if not named or not _ladders_are_sound(applying):
        return
    known = _tier_codes(applying.program)
    for where, code in named:
        if code not in known:
            yield Fault(where, "tier_unknown", f"No ladder of this program has a tier {code!r}.")


def _ladders_are_sound(applying: Applying) -> bool:
    stored = set(TierSet.objects.filter(program=applying.program).values_list("code", flat=True))
    return applying.named.get("tiers", set()) <= stored and all(
        one.path[0] != "tiers" for one in applying.faults
    )


def _tier_codes(program: Program) -> set[str]:
    """Of drafts, of what is published, and of older versions, in whose tiers members may still be."""
    drafted = Tier.objects.filter(tier_set__program=program).values_list("code", flat=True)
    versions = [version for one in published.load(program.pk) for version in one.versions]
    return {*drafted, *(code for version in versions for code in version.ladder.by_code)}


# --- Writing ------------------------------------------------------------------------------------------------


def _values(applying: Applying, entry: RewardEntry, types: Types, path: Path) -> dict[str, Any]:
    """The fields of the reward, and its prices, in the form in which they are kept."""

    def units(points: Decimal, point_type: PointType, *where: str | int) -> int:
        try:
            return parse_points(points, point_type.decimals)
        except Invalid as wrong:
            applying.refuse((*path, *where), wrong.code, wrong.detail)
            return 1

    prices = [
        {
            "point_type": types[one.point_type or ""],
            "points": units(one.points, types[one.point_type or ""], "prices", index, "points"),
            "tiers": list(one.tiers),
            "audience": in_json(one.audience or {}),
        }
        for index, one in enumerate(entry.prices)
    ]
    values: dict[str, Any] = {
        **{name: getattr(entry, name) for name in _PLAIN},
        "weekdays": list(entry.weekdays),
        "hours": [list(pair) for pair in entry.hours],
        "caps": [cap.model_dump() for cap in entry.caps],
        "audience": in_json(entry.audience or {}),
        **_of_kind(entry),
        "prices": prices,
        "auto_redeem_at": None,
        "auto_redeem_per_day": 1,
    }
    if entry.points is not None:
        into = types[entry.points.into]
        values |= {"into": into, "gives": units(entry.points.gives, into, "points", "gives")}
    if entry.auto_redeem is not None:
        counted = prices[0]["point_type"] if prices else types[""]
        values["auto_redeem_at"] = units(entry.auto_redeem.at, counted, "auto_redeem", "at")
        values["auto_redeem_per_day"] = entry.auto_redeem.per_day
    return values


def _of_kind(entry: RewardEntry) -> dict[str, Any]:
    part = getattr(entry, entry.kind).model_dump()
    values = {name: part[key] for key, name in OF_KIND[entry.kind].items()}
    if "delivery_attributes" in values:
        values["delivery_attributes"] = asks(values["delivery_attributes"])
    return values


def _store(
    applying: Applying, found: Reward | None, entry: RewardEntry, values: dict[str, Any], path: Path
) -> None:
    """Slots and variants come before the check, which asks for them."""
    by, at = applying.by, applying.at
    changes = _changes(found, values) if found else {}
    if found and found.status == Reward.Status.ENDED and changes:
        words = "This reward has ended for good: its terms stay. Give a new one another code."
        applying.refuse((*path, "status"), "reward_ended", words)
        return
    reward = found or catalogue.create(
        applying.program, entry.kind, {"code": entry.code, **values}, by=by, at=at, loaded=entry.stock
    )
    _put_stock(applying, reward, entry, path)
    if changes:
        reward = catalogue.save(reward, changes, revision=reward.revision, by=by, at=at)
    if wrong := catalogue.faults(reward):
        raise Invalid(wrong[0].message, errors=wrong)
    _enter(applying, reward, entry.status)


def _changes(reward: Reward, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the file says differently."""
    now = {name: getattr(reward, name) for name in values if name != "prices"}
    now["prices"] = catalogue.prices_of(reward)
    if "delivery_attributes" in now:
        now["delivery_attributes"] = asks(now["delivery_attributes"])
    return {name: value for name, value in values.items() if now[name] != value}


def _enter(applying: Applying, reward: Reward, wanted: str) -> None:
    """Publish, pause, resume or end it, as far as it is not so already."""
    by, at, status = applying.by, applying.at, Reward.Status
    if wanted in ("draft", reward.status):
        return
    if reward.status == status.DRAFT:
        reward = catalogue.publish(reward, by=by, at=at)
    if wanted == "ended":
        catalogue.end(reward, by=by, at=at)
    elif wanted == "paused":
        catalogue.pause(reward, by=by, at=at)
    elif reward.status == status.PAUSED:
        catalogue.resume(reward, by=by, at=at)


# --- Stock --------------------------------------------------------------------------------------------------


def _put_stock(applying: Applying, reward: Reward, entry: RewardEntry, path: Path) -> None:
    """Variants and slots that the file does not name are left alone."""
    known = {row.code: row for row in Stock.objects.select_related("reward").filter(reward=reward)}
    lines = lines_of(entry, path)
    for index, line in enumerate(lines):
        try:
            _put_line(applying, reward, known.get(line.code), line, index)
        except LaurelError as wrong:
            applying.refuse((*line.path, _key(wrong, line.counted_by)), wrong.code, wrong.detail)
    if lines:
        _order(reward, lines)
    elif not isinstance(reward, VoucherReward | ExperienceReward):
        _put_own(applying, known, entry.stock, path)


def _key(wrong: LaurelError, otherwise: str) -> str:
    """The key of a line that a refusal is about."""
    named = [one.path for one in wrong.errors if one.path != "loaded"]
    return named[0] if named else otherwise


def _put_own(applying: Applying, known: Mapping[str, Stock], loaded: int | None, path: Path) -> None:
    """The stock of the reward as such."""
    if any(code for code in known):
        words = "This reward has variants: say how many there are of each. Close those that are gone: open: false."
        applying.refuse((*path, "stock"), "stock_has_variants", words)
    elif known[""].loaded != loaded:
        try:
            stock.set_loaded(known[""], loaded, by=applying.by, at=applying.at, note="Program file")
        except LaurelError as wrong:
            applying.refuse((*path, "stock"), wrong.code, wrong.detail)


def _put_line(applying: Applying, reward: Reward, row: Stock | None, line: Line, index: int) -> None:
    by, at = applying.by, applying.at
    told: dict[str, Any] = {"name": line.name, "starts_at": line.starts_at, "ends_at": line.ends_at}
    if row is None:
        row = stock.make(reward, line.code, loaded=line.loaded, by=by, at=at, position=index, **told)
    elif row.loaded != line.loaded:
        row = stock.set_loaded(row, line.loaded, by=by, at=at, note="Program file")
    told["is_open"] = line.is_open
    if any(getattr(row, name) != value for name, value in told.items()):
        stock.describe(row, position=row.position, **told)


def _order(reward: Reward, lines: Sequence[Line]) -> None:
    """Number the lines as the file lists them, unless they come in that order anyway."""
    wanted = [line.code for line in lines]
    rows = {row.code: row for row in _stocks(reward) if row.code in wanted}
    if list(rows) == wanted or len(rows) < len(wanted):  # as it should be; or one of them was refused
        return
    for index, code in enumerate(wanted):
        row = rows[code]
        stock.describe(
            row,
            name=row.name,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            is_open=row.is_open,
            position=index,
        )


def _stocks(reward: Reward) -> list[Stock]:
    return list(Stock.objects.filter(reward=reward).order_by("position", "starts_at", "code"))


# --- Reading ------------------------------------------------------------------------------------------------


def _read(program: Program) -> list[dict[str, Any]]:
    """The rewards in the order of the catalogue; drafts that are not finished are left out."""
    rows = Reward.objects.select_related("program").filter(program=program).order_by("position", "code")
    return [entry_of(row) for row in rows if row.status != Reward.Status.DRAFT or not catalogue.faults(row)]


def entry_of(reward: Reward) -> dict[str, Any]:
    """A reward as a file says it: in one form, without what is not said."""
    prices = catalogue.prices_of(reward)
    made = {
        **{name: getattr(reward, name) for name in ("code", "name", "description", "terms", "status")},
        reward.kind: _kind_of(reward),
        "prices": [_price(one) for one in prices],
        **_stock_of(reward),
        "audience": ordered(reward.audience),
        "caps": [{name: cap[name] for name in ("times", "per")} for cap in reward.caps],
        "cooldown_hours": reward.cooldown_hours,
        **{name: _instant(getattr(reward, name)) for name in ("starts_at", "ends_at")},
        **{name: list(getattr(reward, name)) for name in ("weekdays", "hours")},
        **{name: getattr(reward, name) for name in ("reserve_minutes", "low_stock_at")},
        "unit_cost": None if reward.unit_cost is None else exact(reward.unit_cost),
        "position": reward.position,
        "auto_redeem": _auto(reward, prices),
    }
    return {
        name: value for name, value in made.items() if name == reward.kind or value not in (None, "", [], {})
    }


def _kind_of(reward: Reward) -> dict[str, Any]:
    values = {key: getattr(reward, name) for key, name in OF_KIND[reward.kind].items()}
    values |= {key: exact(value) for key, value in values.items() if key in _EXACT and value is not None}
    if "delivery_attributes" in values:
        values["delivery_attributes"] = asks(values["delivery_attributes"])
    if isinstance(reward, PointsReward):
        values = {"into": reward.into.code, "gives": exact(points_of(reward.gives, reward.into.decimals))}
    return said(values)


def _price(price: Mapping[str, Any]) -> dict[str, Any]:
    point_type = price["point_type"]
    return said(
        {
            "points": exact(points_of(price["points"], point_type.decimals)),
            "point_type": point_type.code,
            "tiers": list(price["tiers"]),
            "audience": ordered(price["audience"]),
        }
    )


def _stock_of(reward: Reward) -> dict[str, Any]:
    if isinstance(reward, VoucherReward):
        return {}
    rows = _stocks(reward)
    lines = [row for row in rows if row.code]
    if isinstance(reward, ExperienceReward):
        return {"slots": [_line(row, "places") for row in lines]}
    if lines:
        return {"variants": [_line(row, "stock") for row in lines]}
    return {"stock": rows[0].loaded}


def _line(row: Stock, counted_by: str) -> dict[str, Any]:
    made: dict[str, Any] = {"code": row.code, "name": row.name}
    made |= {name: _instant(getattr(row, name)) for name in ("starts_at", "ends_at")}
    return said({**made, counted_by: row.loaded}) | ({} if row.is_open else {"open": False})


def _auto(reward: Reward, prices: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if reward.auto_redeem_at is None:
        return None
    decimals = prices[0]["point_type"].decimals if prices else MAX_DECIMALS
    at = exact(points_of(reward.auto_redeem_at, decimals))
    return {"at": at, **({"per_day": reward.auto_redeem_per_day} if reward.auto_redeem_per_day != 1 else {})}


def _instant(at: Any) -> str | None:
    return None if at is None else write_instant(at)


def register() -> None:
    """Called once, when the app is ready."""
    sections.register("rewards", Section(RewardEntry, _read, _put), order=70)
