"""Ladders of tiers in program files. A file says what is published; applying it publishes what differs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from loyalty.base.clock import write_instant
from loyalty.programs.files.faults import Fault, Path
from loyalty.programs.files.sections import Applying, Section, pointer, sections
from loyalty.programs.files.shapes import Code, Days, Entry, Instant, Name, Number4, text
from loyalty.programs.models import PointType, Program
from tiers import drafts, versions
from tiers.errors import Backdated
from tiers.faults import faults
from tiers.ladder import counts_points, definition_of
from tiers.models import LadderVersion, Tier, TierSet

Count = Annotated[int, Field(ge=1, le=32_767)]


class TierExpiryEntry(Entry):
    """As a point type says it: `none` for points that never lapse, or `rolling` from the day they can be spent."""

    kind: Literal["none", "rolling"]
    count: Count | None = None
    unit: Literal["days", "months", "years"] | None = None

    @model_validator(mode="after")
    def _counted(self) -> TierExpiryEntry:
        if (self.kind == "rolling") != (self.count is not None and self.unit is not None):
            raise ValueError("Rolling needs count and unit; none has none.")
        return self


class WindowEntry(Entry):
    """Over which days it is counted; only `rolling` needs to say how many."""

    kind: Literal["lifetime", "rolling", "calendar_year", "anniversary"]
    count: Count | None = None
    unit: Literal["days", "months"] | None = None

    @model_validator(mode="after")
    def _counted(self) -> WindowEntry:
        if (self.kind == "rolling") != (self.count is not None and self.unit is not None):
            raise ValueError("Rolling needs count and unit; the others have none.")
        return self


class ValidityEntry(Entry):
    """How long a tier lasts; only `duration` needs to say how long."""

    kind: Literal["period", "next_period", "duration", "while_qualified"]
    count: Count | None = None
    unit: Literal["days", "months"] | None = None

    @model_validator(mode="after")
    def _counted(self) -> ValidityEntry:
        if (self.kind == "duration") != (self.count is not None and self.unit is not None):
            raise ValueError("Duration needs count and unit; the others have none.")
        return self


class PerkEntry(Entry):
    code: Code
    icon: Annotated[str, text(20)] = ""
    text: Annotated[str, text(300, required=True)]


class TierEntry(Entry):
    """One tier and what it gives. `expiry` replaces that of the points earned in it."""

    code: Code
    name: Annotated[str, text(80, required=True)]
    threshold: Number4
    earning_multiplier: Number4 = Decimal(1)
    reward_price_factor: Number4 = Decimal(1)
    early_access_days: Days = 0
    expiry: TierExpiryEntry | None = None
    perks: list[PerkEntry] = []


class LadderEntry(Entry):
    """`effective_from`, `rollout` and `protect` are read when something is to be published."""

    code: Code
    name: Name
    main: bool = True
    status: Literal["draft", "published"] = "published"
    effective_from: Instant | None = None
    rollout: Literal["now", "review", "date"] = "now"
    protect: bool = True
    measure: Literal["spend", "orders", "visits", "points", "balance"]
    point_type: Code | None = None
    window: WindowEntry
    upgrade: Literal["at_once", "next_period"] = "at_once"
    validity: ValidityEntry
    downgrade: Literal["never", "fit", "one_step"] = "fit"
    grace_days: Days = 0
    rollover: bool = False
    warn_days: Days = 30
    tiers: list[TierEntry]


_PLACES: dict[str, Path] = {
    "window_count": ("window", "count"),
    "validity_count": ("validity", "count"),
    "expiry_count": ("expiry", "count"),
}


def _place(path: str) -> Path:
    """Where the file says what a fault of a draft is about."""
    made: Path = ()
    for part in pointer(path):
        made += _PLACES.get(str(part), (part,))
    return made


def _put(applying: Applying, entry: LadderEntry, path: Path) -> None:
    point_type = _point_type(applying, entry, path)
    found = TierSet.objects.filter(program=applying.program, code=entry.code).first()
    before = versions.latest(found) if found else None
    values, tiers = _values(entry, point_type), [_tier(one) for one in entry.tiers]
    wanted = TierSet(program=applying.program, code=entry.code, **values)
    rows = [Tier(tier_set=wanted, rank=rank, **one) for rank, one in enumerate(tiers, 1)]
    wrong = [Fault((*path, *_place(one.path)), one.code, one.message) for one in faults(wanted, rows)]
    wrong += _refusals(applying, found, before, entry, path)
    applying.faults.extend(wrong)
    if wrong or (point_type is not None and point_type.pk is None):
        return
    new = entry_of(definition_of(wanted, rows))
    if found is None or _differs(found, before, new, entry):
        found = _store(applying, found, entry, values, tiers)
        if entry.status != "draft":
            _publish(applying, found, before, entry, path)
    elif before is None and entry.status != "draft":
        _publish(applying, found, before, entry, path)


def _differs(found: TierSet, before: LadderVersion | None, new: dict[str, Any], entry: LadderEntry) -> bool:
    told = entry_of(before.definition if before else definition_of(found))
    return new != told or found.is_main != entry.main


def _refusals(
    applying: Applying, found: TierSet | None, before: LadderVersion | None, entry: LadderEntry, path: Path
) -> list[Fault]:
    """What a ladder cannot become."""
    made: list[Fault] = []
    if before and found and found.is_main != entry.main:
        words = "Which ladder is the main one stays once it was published."
        made.append(Fault((*path, "main"), "unchangeable", words))
    others = TierSet.objects.filter(program=applying.program, is_main=True).exclude(code=entry.code)
    if entry.main and others.exists():
        words = "A program has one main ladder. Say main: false for the others."
        made.append(Fault((*path, "main"), "main_taken", words))
    if before and entry.status == "draft":
        words = "What was published cannot be a draft again."
        made.append(Fault((*path, "status"), "already_published", words))
    if entry.rollout == "date" and entry.effective_from is None:
        words = "Say from when on: effective_from."
        made.append(Fault((*path, "rollout"), "date_missing", words))
    if entry.point_type and not counts_points(entry.measure):
        words = "Only points and balance are of a point type."
        made.append(Fault((*path, "point_type"), "not_points", words))
    return made


def _point_type(applying: Applying, entry: LadderEntry, path: Path) -> PointType | None:
    """The one that is named, None for the program's default. A stand-in without a key where there is none: then the
    file has a fault, here or at its point types, and the ladder is looked at all the same."""
    if not counts_points(entry.measure):
        return None
    own = PointType.objects.filter(program=applying.program)
    named = "point_types" in applying.named
    if entry.point_type is None:
        has_default = own.filter(is_default=True).exists()
        return PointType(program=applying.program) if named and not has_default else None
    found = own.filter(code=entry.point_type).first()
    if found is None and entry.point_type not in applying.named.get("point_types", ()):
        words = f"This program has no point type {entry.point_type!r}."
        applying.refuse((*path, "point_type"), "point_type_unknown", words)
    return found or PointType(program=applying.program)


_PLAIN = ("name", "measure", "upgrade", "downgrade", "grace_days", "rollover", "warn_days")


def _values(entry: LadderEntry, point_type: PointType | None) -> dict[str, Any]:
    """The fields of the draft."""
    window, validity = entry.window, entry.validity
    return {
        **{name: getattr(entry, name) for name in _PLAIN},
        "is_main": entry.main,
        "point_type": point_type,
        "window": window.kind,
        "window_count": window.count,
        "window_unit": window.unit or "months",
        "validity": validity.kind,
        "validity_count": validity.count,
        "validity_unit": validity.unit or "months",
    }


def _tier(entry: TierEntry) -> dict[str, Any]:
    names = ("code", "name", "threshold", "earning_multiplier", "reward_price_factor", "early_access_days")
    expiry = entry.expiry
    kinds = {"none": Tier.Expiry.NEVER, "rolling": Tier.Expiry.AFTER}
    return {
        **{name: getattr(entry, name) for name in names},
        "expiry": kinds[expiry.kind] if expiry else Tier.Expiry.SAME,
        "expiry_count": expiry.count if expiry else None,
        "expiry_unit": (expiry.unit if expiry else None) or "months",
        "perks": [_perk(one.model_dump()) for one in entry.perks],
    }


def _perk(raw: Mapping[str, Any]) -> dict[str, str]:
    """In one order, whatever order the database gives its keys; without an icon that is not there."""
    return {name: raw[name] for name in ("code", "icon", "text") if raw.get(name)}


def _store(
    applying: Applying,
    found: TierSet | None,
    entry: LadderEntry,
    values: dict[str, Any],
    tiers: list[dict[str, Any]],
) -> TierSet:
    """The row with the draft of the file."""
    at, by = applying.at, applying.by
    if found is None:
        return drafts.create(applying.program, {"code": entry.code, **values}, tiers, by=by, at=at)
    return drafts.save(found, values, tiers=tiers, revision=found.revision, by=by, at=at)


def _publish(
    applying: Applying, tier_set: TierSet, before: LadderVersion | None, entry: LadderEntry, path: Path
) -> None:
    since = entry.effective_from
    if before is not None and since == before.effective_from:
        since = None  # as it was exported: nobody chose it for this change
    try:
        versions.publish(
            tier_set,
            rollout=entry.rollout,
            protect=entry.protect,
            effective_from=since,
            by=applying.by,
            at=applying.at,
            note="Program file",
        )
    except Backdated as wrong:
        applying.refuse((*path, "effective_from"), wrong.code, f"{wrong.detail}.")


def _read(program: Program) -> list[dict[str, Any]]:
    rows = TierSet.objects.filter(program=program).select_related("program", "point_type")
    made = (_entry(row) for row in rows.order_by("-is_main", "code"))
    return [one for one in made if one]


def _entry(tier_set: TierSet) -> dict[str, Any] | None:
    """What was published of a ladder, or its draft; None for a draft that is not finished."""
    version = versions.latest(tier_set)
    if version is None:
        if faults(tier_set):
            return None
        return _headed(tier_set, entry_of(definition_of(tier_set)), status="draft")
    rest = {
        "effective_from": write_instant(version.effective_from),
        "rollout": version.rollout,
        "protect": version.protect,
    }
    return _headed(tier_set, entry_of(version.definition), status="published", **rest)


def _headed(tier_set: TierSet, entry: dict[str, Any], **head: Any) -> dict[str, Any]:
    first = {name: entry.pop(name) for name in ("code", "name")}
    return first | {"main": tier_set.is_main} | head | entry


def entry_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as a file says it: in one form, without what is not said."""
    point_type = definition["point_type"]
    made = {
        **{name: definition[name] for name in ("code", "name", "measure")},
        "point_type": point_type["code"] if point_type else None,
        "window": _timed(definition["window"]),
        "upgrade": definition["upgrade"],
        "validity": _timed(definition["validity"]),
        **{name: definition[name] for name in ("downgrade", "grace_days", "rollover", "warn_days")},
        "tiers": [_tier_entry(tier) for tier in definition["tiers"]],
    }
    return {name: value for name, value in made.items() if value is not None}


def _timed(raw: Mapping[str, Any]) -> dict[str, Any]:
    span = raw.get("span")
    return {"kind": raw["kind"], **({"count": span["count"], "unit": span["unit"]} if span else {})}


def _tier_entry(tier: Mapping[str, Any]) -> dict[str, Any]:
    """A tier without the benefits that it does not give."""
    made = {name: Decimal(tier[name]) for name in ("threshold", "earning_multiplier", "reward_price_factor")}
    told: dict[str, tuple[Any, Any]] = {
        "earning_multiplier": (made["earning_multiplier"], 1),
        "reward_price_factor": (made["reward_price_factor"], 1),
        "early_access_days": (tier["early_access_days"], 0),
        "expiry": (_expiry(tier["expiry"]), None),
        "perks": ([_perk(perk) for perk in tier["perks"]], []),
    }
    given = {name: value for name, (value, without) in told.items() if value != without}
    return {"code": tier["code"], "name": tier["name"], "threshold": made["threshold"], **given}


def _expiry(raw: Any) -> dict[str, Any] | None:
    if raw == "never":
        return {"kind": "none"}
    return {"kind": "rolling", "count": raw["count"], "unit": raw["unit"]} if raw else None


def register() -> None:
    """Called once, when the app is ready."""
    sections.register("tiers", Section(LadderEntry, _read, _put), order=50)
