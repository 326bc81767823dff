"""Editing drafts: a save says which revision it started from, so that nobody overwrites what they never saw."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.forms.models import model_to_dict

from campaigns.definitions import definition_of
from campaigns.errors import Ended, StaleDraft
from campaigns.models import BonusCampaign, Campaign, CampaignVersion, EarningCampaign
from campaigns.versions import latest, locked
from loyalty.base.clock import parse_instant, write_instant
from loyalty.base.errors import Conflict, FieldError, Invalid
from loyalty.conditions.tree import literal_json
from loyalty.programs.models import Program

_COMMON: Final = (
    "name", "description", "trigger", "conditions", "audience", "items", "starts_at", "ends_at", "weekdays", "hours",
    "caps", "budget", "priority", "stacking_group",
)  # fmt: skip
_EARNING: Final = ("basis", "points", "step", "step_rounding", "attribute")
_BONUS: Final = ("bonus", "multiplier", "table_field", "table", "extra_points")
_MISSING: Final = object()


_IDENTITY: Final = ("code", "point_type")
_KINDS: Final = {"earning": EarningCampaign, "bonus": BonusCampaign}


@transaction.atomic
def create(program: Program, kind: str, values: Mapping[str, Any], *, by: str, at: datetime) -> Campaign:
    """A new draft of kind `earning` or `bonus`; it gives nothing until it is published.

    Raises Conflict `code_taken` and Invalid `draft_invalid` with the fields that no draft can hold.
    """
    campaign = _KINDS[kind](program=program, created_at=at, updated_at=at, updated_by=by)
    check_code(program, values.get("code"))
    _set(campaign, values, (*_IDENTITY, *fields_of(campaign)))
    try:
        with transaction.atomic():
            _store(campaign)
    except IntegrityError as clash:  # somebody took the code in the same moment
        raise Conflict("Another campaign of this program has this code.", code="code_taken") from clash
    return campaign


def check_code(program: Program, code: object) -> None:
    """Raises Conflict `code_taken` where a campaign of the program has this code."""
    if Campaign.objects.filter(program=program, code=code).exists():
        raise Conflict("Another campaign of this program has this code.", code="code_taken")


def fields_of(campaign: Campaign) -> tuple[str, ...]:
    """The fields that a save may change at any time."""
    return (*_COMMON, *(_EARNING if isinstance(campaign, EarningCampaign) else _BONUS))


@transaction.atomic
def save(campaign: Campaign, changes: Mapping[str, Any], *, revision: int, by: str, at: datetime) -> Campaign:
    """Save changed fields of the draft that was shown as `revision`; what runs is not touched until it is published.

    Faults that only keep it from being published are allowed. Code and point type can change until the first version.
    Raises StaleDraft when someone saved in the meantime, Ended, Conflict `already_published` for these two, and
    Invalid `draft_invalid` with the fields that no draft can hold.
    """
    campaign = check_revision(campaign, revision=revision)
    if campaign.ended_at is not None:
        raise Ended
    moved = [name for name in _IDENTITY if name in changes and changes[name] != getattr(campaign, name)]
    if moved and latest(campaign) is not None:
        raise Conflict("The code and the points stay once it was published.", code="already_published")
    _set(campaign, changes, (*_IDENTITY, *fields_of(campaign)))
    campaign.revision += 1
    campaign.updated_by, campaign.updated_at = by, at
    _store(campaign)
    return campaign


def check_revision(campaign: Campaign, *, revision: int) -> Campaign:
    """The campaign, locked, when it is still at this revision. Within a transaction. Raises StaleDraft."""
    current = locked(campaign)
    if current.revision != revision:
        told = {
            "by": current.updated_by,
            "at": write_instant(current.updated_at),
            "revision": current.revision,
        }
        who = current.updated_by or "Someone"
        raise StaleDraft(
            f"{who} saved this draft after you opened it. Look at the changes, then save again.",
            extra=told | {"changes": changes_since(current, revision)},
        )
    return current


def changes_since(campaign: Campaign, revision: int) -> list[dict[str, Any]]:
    """What became of the draft since that revision, field by field: [{"field", "before", "after"}]."""
    before = campaign.history.filter(revision=revision).order_by("history_date", "history_id").last()
    if before is None:
        return []
    names = fields_of(campaign)
    now = model_to_dict(campaign, names)
    return differences({name: getattr(before, name) for name in names}, {name: now[name] for name in names})


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields in which two drafts or two definitions differ; an effect is compared part by part."""
    changes: list[dict[str, Any]] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        if isinstance(old, Mapping) and isinstance(new, Mapping) and name == "effect":
            changes += differences(old, new)
        elif old != new:
            changes.append({"field": name, "before": _plain(old), "after": _plain(new)})
    return changes


def unpublished(campaign: Campaign, version: CampaignVersion | None) -> list[dict[str, Any]]:
    """What publishing the draft would change against a version; everything for a first one."""
    return differences(version.definition if version else {}, definition_of(campaign))


@transaction.atomic
def restore(
    campaign: Campaign, version: CampaignVersion, *, revision: int, by: str, at: datetime
) -> Campaign:
    """Make an old version's words the draft again; publishing it is another step. Raises StaleDraft, Ended."""
    if version.campaign_id != campaign.pk:
        raise ValueError("the version is another campaign's")
    definition = version.definition
    changes = {name: definition[name] for name in _COMMON if name in definition} | dict(definition["effect"])
    for name in ("starts_at", "ends_at"):
        changes[name] = parse_instant(changes[name]) if changes[name] else None
    for name in ("conditions", "audience", "items"):
        changes[name] = changes[name] or {}
    for name in ("multiplier", "extra_points"):
        if changes.get(name) == "":
            changes[name] = None
    return save(campaign, changes, revision=revision, by=by, at=at)


def _set(campaign: Campaign, values: Mapping[str, Any], allowed: Collection[str]) -> None:
    unknown = set(values) - set(allowed)
    if unknown:
        raise ValueError(f"a draft has no {', '.join(sorted(unknown))}")
    for name, value in values.items():
        setattr(campaign, name, value)


def _store(campaign: Campaign) -> None:
    try:
        campaign.full_clean()
    except ValidationError as wrong:
        errors = [
            FieldError(
                "" if name == NON_FIELD_ERRORS else name,
                str(error.code or "invalid"),
                " ".join(error.messages),
            )
            for name, found in wrong.error_dict.items()
            for error in found
        ]
        raise Invalid(errors[0].message, code="draft_invalid", errors=errors) from wrong
    campaign.save()


def _plain(value: Any) -> Any:
    if value is _MISSING:
        return None
    if isinstance(value, Mapping | list):
        return value
    return value if isinstance(value, int) else literal_json(value)
