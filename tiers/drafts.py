"""Editing draft ladders: a save says which revision it started from, so that nobody overwrites what they never saw."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction

from loyalty.base.clock import write_instant
from loyalty.base.errors import Conflict, FieldError, Invalid
from loyalty.programs.models import Program
from tiers.errors import StaleDraft
from tiers.ladder import counts_points, definition_of
from tiers.models import LadderVersion, Tier, TierSet, Unit
from tiers.versions import latest, locked

FIELDS: Final = (
    "name", "measure", "point_type", "window", "window_count", "window_unit", "upgrade", "validity", "validity_count",
    "validity_unit", "downgrade", "grace_days", "rollover", "warn_days",
)  # fmt: skip
TIER_FIELDS: Final = (
    "code", "name", "threshold", "earning_multiplier", "reward_price_factor", "early_access_days", "expiry",
    "expiry_count", "expiry_unit", "perks",
)  # fmt: skip
_IDENTITY: Final = ("code", "is_main")
Rows = Sequence[Mapping[str, Any]]


@transaction.atomic
def create(
    program: Program, values: Mapping[str, Any], tiers: Rows = (), *, by: str, at: datetime
) -> TierSet:
    """A new draft ladder with these tiers, lowest first; nobody has a tier of it until it is published. The first one
    of a program is its main one unless said otherwise.

    Raises Conflict `code_taken` or `main_taken`, and Invalid `draft_invalid` with the fields that no draft can hold.
    """
    has_main = TierSet.objects.filter(program=program, is_main=True).exists()
    tier_set = TierSet(program=program, is_main=not has_main, created_at=at, updated_at=at, updated_by=by)
    _check_free(program, values, has_main)
    _set(tier_set, values, (*_IDENTITY, *FIELDS))
    try:
        with transaction.atomic():
            _store(tier_set)
    except IntegrityError as clash:  # somebody took the code in the same moment
        raise Conflict("Another ladder of this program has this code.", code="code_taken") from clash
    _replace_tiers(tier_set, tiers)
    return tier_set


@transaction.atomic
def save(
    tier_set: TierSet,
    changes: Mapping[str, Any],
    *,
    tiers: Rows | None = None,
    revision: int,
    by: str,
    at: datetime,
) -> TierSet:
    """Save changed fields, and all tiers when given (lowest first, told apart by their codes), of the draft that was
    shown as `revision`. What is in force is not touched until it is published.

    Faults that only keep it from being published are allowed. The code and which set is the main one can change until
    the first version. Raises StaleDraft, Conflict `already_published`, Invalid `draft_invalid`.
    """
    tier_set = check_revision(tier_set, revision=revision)
    moved = [name for name in _IDENTITY if name in changes and changes[name] != getattr(tier_set, name)]
    if moved and latest(tier_set) is not None:
        raise Conflict("The code of a ladder stays once it was published.", code="already_published")
    _set(tier_set, changes, (*_IDENTITY, *FIELDS))
    tier_set.revision += 1
    tier_set.updated_by, tier_set.updated_at = by, at
    _store(tier_set)
    if tiers is not None:
        _replace_tiers(tier_set, tiers)
    return tier_set


def check_revision(tier_set: TierSet, *, revision: int) -> TierSet:
    """The ladder, locked, when it is still at this revision. Within a transaction. Raises StaleDraft."""
    current = locked(tier_set)
    if current.revision != revision:
        who = current.updated_by or "Someone"
        told = {"by": current.updated_by, "at": write_instant(current.updated_at)}
        raise StaleDraft(
            f"{who} saved this draft after you opened it. Look at the changes, then save again.",
            extra=told | {"revision": current.revision, "changes": changes_since(current, revision)},
        )
    return current


def changes_since(tier_set: TierSet, revision: int) -> list[dict[str, Any]]:
    """What became of the fields of the draft since that revision: [{"field", "before", "after"}]."""
    before = tier_set.history.filter(revision=revision).order_by("history_date", "history_id").last()
    if before is None:
        return []
    changes = []
    for name in FIELDS:
        column = "point_type_id" if name == "point_type" else name
        old, new = getattr(before, column), getattr(tier_set, column)
        if old != new:
            changes.append({"field": name, "before": old, "after": new})
    return changes


def unpublished(tier_set: TierSet, version: LadderVersion | None) -> list[dict[str, Any]]:
    """What publishing the draft would change against a version, tiers told apart by code; everything for a first
    one."""
    return differences(version.definition if version else {}, definition_of(tier_set))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields in which two definitions differ: [{"field", "before", "after"}], tiers as `tiers/gold/threshold`."""
    old, new = _flat(before), _flat(after)
    return [
        {"field": name, "before": old.get(name), "after": new.get(name)}
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


@transaction.atomic
def restore(tier_set: TierSet, version: LadderVersion, *, revision: int, by: str, at: datetime) -> TierSet:
    """Make an old version's words the draft again; publishing it is another step. Raises StaleDraft."""
    if version.tier_set_id != tier_set.pk:
        raise ValueError("the version is another ladder's")
    values, tiers = from_definition(tier_set.program, version.definition)
    return save(tier_set, values, tiers=tiers, revision=revision, by=by, at=at)


def from_definition(
    program: Program, definition: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The fields and the tiers that `create` and `save` take, from a definition (of a version, of a file)."""
    point_type = definition["point_type"]
    own = program.point_types.filter(code=point_type["code"]).first() if point_type else None
    window, validity = definition["window"], definition["validity"]
    values = {
        "name": definition["name"],
        "measure": definition["measure"],
        "point_type": own if counts_points(definition["measure"]) else None,
        "window": window["kind"],
        "validity": validity["kind"],
        **_span("window", window.get("span")),
        **_span("validity", validity.get("span")),
        **{
            name: definition[name] for name in ("upgrade", "downgrade", "grace_days", "rollover", "warn_days")
        },
    }
    return values, [_tier_values(raw) for raw in definition["tiers"]]


def _span(name: str, raw: Mapping[str, Any] | None) -> dict[str, Any]:
    count, unit = (raw["count"], raw["unit"]) if raw else (None, Unit.MONTHS)
    return {f"{name}_count": count, f"{name}_unit": unit}


def _tier_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: raw[name] for name in TIER_FIELDS if name in raw and name != "expiry"}
    match raw.get("expiry"):
        case None:
            return values | {"expiry": Tier.Expiry.SAME, "expiry_count": None}
        case "never":
            return values | {"expiry": Tier.Expiry.NEVER, "expiry_count": None}
        case span:
            spelt = {"expiry_count": span["count"], "expiry_unit": span["unit"]}
            return values | {"expiry": Tier.Expiry.AFTER} | spelt


def _flat(definition: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in definition.items():
        if name == "tiers":
            for rank, tier in enumerate(value, 1):
                flat[f"tiers/{tier['code']}/rank"] = rank
                flat |= {f"tiers/{tier['code']}/{key}": one for key, one in tier.items() if key != "code"}
        else:
            flat[name] = value
    return flat


def _check_free(program: Program, values: Mapping[str, Any], has_main: bool) -> None:
    if TierSet.objects.filter(program=program, code=values.get("code")).exists():
        raise Conflict("Another ladder of this program has this code.", code="code_taken")
    if values.get("is_main") and has_main:
        raise Conflict("The program has a main ladder already.", code="main_taken")


def _set(row: TierSet | Tier, values: Mapping[str, Any], allowed: Collection[str]) -> None:
    unknown = set(values) - set(allowed)
    if unknown:
        raise ValueError(f"a draft has no {', '.join(sorted(unknown))}")
    for name, value in values.items():
        setattr(row, name, value)


def _store(tier_set: TierSet) -> None:
    try:
        tier_set.full_clean(validate_constraints=False)
    except ValidationError as wrong:
        raise _invalid(_field_errors(wrong)) from wrong
    tier_set.save()


def _replace_tiers(tier_set: TierSet, rows: Rows) -> None:
    """Bring the tiers to these, lowest first: rows of known codes are changed, others made, the rest removed."""
    known = {tier.code: tier for tier in tier_set.tiers.all()}
    wanted: list[Tier] = []
    errors: list[FieldError] = []
    for rank, values in enumerate(rows, 1):
        tier = known.pop(str(values.get("code", "")), None) or Tier(tier_set=tier_set)
        _set(tier, values, TIER_FIELDS)
        tier.rank = rank
        errors += _tier_errors(tier, rank - 1)
        wanted.append(tier)
    errors += _twice(wanted)
    if errors:
        raise _invalid(errors)
    for gone in known.values():
        gone.delete()
    for tier in wanted:
        tier.save()


def _tier_errors(tier: Tier, index: int) -> list[FieldError]:
    try:
        tier.clean_fields(exclude=["tier_set"])
    except ValidationError as wrong:
        return _field_errors(wrong, f"tiers/{index}/")
    return []


def _twice(tiers: Iterable[Tier]) -> list[FieldError]:
    seen: set[str] = set()
    errors = []
    for index, tier in enumerate(tiers):
        if tier.code in seen:
            errors.append(FieldError(f"tiers/{index}/code", "code_taken", "Another tier has this code."))
        seen.add(tier.code)
    return errors


def _field_errors(wrong: ValidationError, prefix: str = "") -> list[FieldError]:
    return [
        FieldError(
            "" if name == NON_FIELD_ERRORS else prefix + name,
            str(error.code or "invalid"),
            " ".join(error.messages),
        )
        for name, found in wrong.error_dict.items()
        for error in found
    ]


def _invalid(errors: list[FieldError]) -> Invalid:
    return Invalid(errors[0].message, code="draft_invalid", errors=errors)
