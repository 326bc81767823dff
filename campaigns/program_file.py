"""Campaigns in program files. A file says what is published; applying it publishes what differs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from campaigns import drafts, versions
from campaigns.definitions import definition_of
from campaigns.errors import Backdated
from campaigns.faults import faults
from campaigns.models import BonusCampaign, Campaign, CampaignPause, CampaignVersion, EarningCampaign
from loyalty.base.clock import write_instant
from loyalty.base.errors import Invalid
from loyalty.base.numbers import MAX_DECIMALS, format_points, parse_points
from loyalty.programs.files.faults import Fault, Path
from loyalty.programs.files.sections import Applying, Section, pointer, sections
from loyalty.programs.files.shapes import Code, Entry, Instant, Name, Number4, Tree, Weekday, text
from loyalty.programs.files.values import exact, in_json, ordered, said
from loyalty.programs.models import PointType, Program


class EarnEntry(Entry):
    """A base rule: `points` for each `step` of its basis."""

    basis: Literal["amount", "item", "fixed", "attribute"] = "amount"
    points: Number4
    step: Number4 = Decimal(1)
    step_rounding: Literal["exact", "down", "half_up", "up"] = "exact"
    attribute: Annotated[str, Field(max_length=60)] = ""


class TableEntry(Entry):
    field: Annotated[str, Field(max_length=80)]
    multipliers: dict[str, Number4]


class BonusEntry(Entry):
    """On top of the base: it is multiplied, perhaps by a table or as the member's tier says, or something fixed is
    added."""

    multiplier: Number4 | None = None
    table: TableEntry | None = None
    extra_points: Number4 | None = None
    as_tier: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> BonusEntry:
        multiplied = self.multiplier is not None or self.table is not None
        if sum([self.extra_points is not None, multiplied, self.as_tier]) != 1:
            raise ValueError(
                "A bonus has either extra_points, or as_tier, or a multiplier, a table or both of these."
            )
        return self


class CapEntry(Entry):
    """At most so many points, or so many times, per member and period."""

    points: Number4 | None = None
    times: int | None = None
    per: Literal["day", "week", "month", "quarter", "year", "lifetime"]

    @model_validator(mode="after")
    def _one_limit(self) -> CapEntry:
        if (self.points is None) == (self.times is None):
            raise ValueError("A cap has either points or times.")
        return self


class CampaignEntry(Entry):
    """`effective_from` is read when something is to be published; without it that is now."""

    code: Code
    name: Name
    description: Annotated[str, text(2000, multiline=True)] = ""
    status: Literal["draft", "published", "paused", "ended"] = "published"
    effective_from: Instant | None = None
    trigger: Annotated[str, Field(max_length=60)] = "order.completed"
    point_type: Code | None = None
    earn: EarnEntry | None = None
    bonus: BonusEntry | None = None
    conditions: Tree | None = None
    audience: Tree | None = None
    items: Tree | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    weekdays: list[Weekday] = []
    hours: list[list[str]] = []
    caps: list[CapEntry] = []
    budget: Number4 | None = None
    priority: Annotated[int, Field(ge=0, le=1000)] = 100
    stacking_group: Annotated[str, text(50)] = ""

    @model_validator(mode="after")
    def _one_effect(self) -> CampaignEntry:
        if (self.earn is None) == (self.bonus is None):
            raise ValueError("A campaign has either earn or bonus.")
        return self


_OF_EARN = ("basis", "points", "step", "step_rounding", "attribute")
_OF_BONUS: dict[str, Path] = {
    "multiplier": ("multiplier",),
    "extra_points": ("extra_points",),
    "table_field": ("table", "field"),
}


def _place(path: str) -> Path:
    """Where the file says what a fault of a draft is about."""
    if path.startswith("table/"):  # the rest is one key, whatever it holds
        return ("bonus", "table", "multipliers", path.removeprefix("table/"))
    first, *rest = pointer(path) or ("",)
    if first in _OF_EARN:
        return ("earn", first, *rest)
    if first in _OF_BONUS:
        return ("bonus", *_OF_BONUS[str(first)])
    return ("bonus", "table", "multipliers") if first == "table" else (first, *rest)


def _put(applying: Applying, entry: CampaignEntry, path: Path) -> None:
    point_type = _point_type(applying, entry, path)
    found = Campaign.objects.filter(program=applying.program, code=entry.code).first()
    before = versions.latest(found) if found else None
    wanted = _unsaved(applying, entry, point_type, path)
    wrong = [Fault((*path, *_place(one.path)), one.code, one.message) for one in faults(wanted)]
    wrong += _refusals(found, before, wanted, entry, path)
    applying.faults.extend(wrong)
    if wrong or point_type.pk is None:
        return
    differs = found is None or entry_of(definition_of(wanted)) != _said_before(found, before)
    try:
        campaign = _store(applying, found, wanted) if differs or found is None else found
    except Invalid as beyond:  # what no draft can hold
        told = beyond.errors or [beyond.at_path("")]
        applying.faults.extend(Fault((*path, *_place(one.path)), one.code, one.message) for one in told)
        return
    if entry.status != "draft":
        if differs or before is None:
            _publish(applying, campaign, before, entry, path)
        _enter(applying, campaign, entry, path)


def _said_before(found: Campaign, before: CampaignVersion | None) -> dict[str, Any] | None:
    """What was published, or else the draft; None for one that cannot be read."""
    try:
        return entry_of(before.definition if before else definition_of(found))
    except Invalid:
        return None


def _refusals(
    found: Campaign | None, before: CampaignVersion | None, wanted: Campaign, entry: CampaignEntry, path: Path
) -> list[Fault]:
    """What a campaign cannot become any more."""
    made: list[Fault] = []
    if found is None:
        return made
    if type(found) is not type(wanted):
        words = "A campaign stays a base rule or a bonus. Give the other one a new code."
        made.append(Fault((*path, "bonus" if entry.bonus else "earn"), "unchangeable", words))
    if before and found.point_type_id != wanted.point_type_id:
        words = "A published campaign keeps its point type."
        made.append(Fault((*path, "point_type"), "unchangeable", words))
    if before and entry.status == "draft":
        words = "What was published cannot be a draft again. End it."
        made.append(Fault((*path, "status"), "already_published", words))
    if before and found.ended_at is not None:
        told = entry_of(before.definition)
        if entry.status != "ended" or (not made and told != entry_of(definition_of(wanted))):
            words = "This campaign has ended for good. Give a new one another code."
            made.append(Fault((*path, "status"), "campaign_ended", words))
    return made


def _point_type(applying: Applying, entry: CampaignEntry, path: Path) -> PointType:
    """The one that is named, or the default. A stand-in without a key where there is none: then the file has a fault,
    here or at its point types, and the campaign is looked at all the same."""
    rows = PointType.objects.select_related("program").filter(program=applying.program)
    found = (
        rows.filter(code=entry.point_type).first()
        if entry.point_type
        else rows.filter(is_default=True).first()
    )
    if found is None and entry.point_type and entry.point_type not in applying.named.get("point_types", ()):
        words = f"This program has no point type {entry.point_type!r}."
        applying.refuse((*path, "point_type"), "point_type_unknown", words)
    return found or PointType(program=applying.program, decimals=MAX_DECIMALS)


def _unsaved(applying: Applying, entry: CampaignEntry, point_type: PointType, path: Path) -> Campaign:
    """The draft that the file describes."""
    kind = EarningCampaign if entry.earn else BonusCampaign
    at, by = applying.at, applying.by
    return kind(program=applying.program, code=entry.code, point_type=point_type, created_at=at, updated_at=at,
                updated_by=by, **_values(applying, entry, point_type, path))  # fmt: skip


def _values(applying: Applying, entry: CampaignEntry, point_type: PointType, path: Path) -> dict[str, Any]:
    """The fields of the draft, in the form in which drafts keep them."""
    budget = None
    if entry.budget is not None:
        try:
            budget = parse_points(entry.budget, point_type.decimals)
        except Invalid as wrong:
            applying.refuse((*path, "budget"), wrong.code, wrong.detail)
    caps = [
        {name: value for name, value in cap.model_dump().items() if value is not None} for cap in entry.caps
    ]
    plain = ("name", "description", "trigger", "starts_at", "ends_at", "priority", "stacking_group")
    return {
        **{name: getattr(entry, name) for name in plain},
        "conditions": in_json(entry.conditions or {}),
        "audience": in_json(entry.audience or {}),
        "items": in_json(entry.items or {}),
        "weekdays": list(entry.weekdays),
        "hours": [list(pair) for pair in entry.hours],
        "caps": in_json(caps),
        "budget": budget,
        **_effect(entry),
    }


def _effect(entry: CampaignEntry) -> dict[str, Any]:
    if entry.earn:
        earn = entry.earn.model_dump()
        return earn | {
            "step_rounding": "" if entry.earn.step_rounding == "exact" else entry.earn.step_rounding
        }
    assert entry.bonus is not None
    bonus, table = entry.bonus, entry.bonus.table
    return {
        "bonus": "tier" if bonus.as_tier else "extra" if bonus.extra_points is not None else "multiplier",
        "multiplier": bonus.multiplier,
        "table_field": table.field if table else "",
        "table": in_json(table.multipliers) if table else {},
        "extra_points": bonus.extra_points,
    }


def _store(applying: Applying, found: Campaign | None, wanted: Campaign) -> Campaign:
    """The row with the draft of the file."""
    values = {name: getattr(wanted, name) for name in drafts.fields_of(wanted)}
    if found is None:
        kind = "earning" if isinstance(wanted, EarningCampaign) else "bonus"
        values |= {"code": wanted.code, "point_type": wanted.point_type}
        return drafts.create(applying.program, kind, values, by=applying.by, at=applying.at)
    return drafts.save(found, values, revision=found.revision, by=applying.by, at=applying.at)


def _publish(
    applying: Applying, campaign: Campaign, before: CampaignVersion | None, entry: CampaignEntry, path: Path
) -> None:
    since = entry.effective_from
    if before is not None and since == before.effective_from:
        since = None  # as it was exported: nobody chose it for this change
    try:
        versions.publish(campaign, by=applying.by, at=applying.at, effective_from=since, note="Program file")
    except Backdated as wrong:
        applying.refuse((*path, "effective_from"), wrong.code, f"{wrong.detail}.")


def _enter(applying: Applying, campaign: Campaign, entry: CampaignEntry, path: Path) -> None:
    """Pause, resume or end it, as far as it is not so already."""
    at, by = applying.at, applying.by
    is_paused = CampaignPause.objects.filter(campaign=campaign, ended_at=None).exists()
    if entry.status == "ended":
        if campaign.ended_at is None:
            versions.end(campaign, by=by, at=at)
    elif entry.status == "published" and is_paused:
        versions.resume(campaign, by=by, at=at)
    elif entry.status == "paused" and not is_paused:
        if versions.state(campaign, at) in ("running", "scheduled"):
            versions.pause(campaign, by=by, at=at)
        else:  # its dates are over; should a later version move them, it is paused
            CampaignPause.objects.create(campaign=campaign, started_at=at, started_by=by)


def _read(program: Program) -> list[dict[str, Any]]:
    rows = Campaign.objects.filter(program=program).select_related("program", "point_type")
    order = sorted(rows, key=lambda row: (isinstance(row, BonusCampaign), row.priority, row.code))
    paused = set(
        CampaignPause.objects.filter(campaign__in=order, ended_at=None).values_list("campaign_id", flat=True)
    )
    made = (_entry(row, is_paused=row.pk in paused) for row in order)
    return [one for one in made if one]


def _entry(campaign: Campaign, *, is_paused: bool) -> dict[str, Any] | None:
    """What was published of a campaign, or its draft; None for a draft that is not finished."""
    version = versions.latest(campaign)
    if version is None:
        return None if faults(campaign) else _headed(entry_of(definition_of(campaign)), status="draft")
    status = "ended" if campaign.ended_at else "paused" if is_paused else "published"
    since = write_instant(version.effective_from)
    return _headed(entry_of(version.definition), status=status, effective_from=since)


def _headed(entry: dict[str, Any], **head: str) -> dict[str, Any]:
    first = {name: entry.pop(name) for name in ("code", "name", "description") if name in entry}
    return first | head | entry


def entry_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as a file says it: in one form, without what is not said."""
    decimals = definition["point_type"]["decimals"]
    budget = definition["budget"]
    made = {
        **{name: definition[name] for name in ("code", "name", "description", "trigger")},
        "point_type": definition["point_type"]["code"],
        **_effect_of(definition),
        **{name: ordered(definition[name]) for name in ("conditions", "audience", "items")},
        **{name: definition[name] for name in ("starts_at", "ends_at")},
        **{name: list(definition[name]) for name in ("weekdays", "hours")},
        "caps": [_cap(cap) for cap in definition["caps"]],
        "budget": None if budget is None else Decimal(format_points(budget, decimals)),
        "priority": definition["priority"],
        "stacking_group": definition["stacking_group"],
    }
    return said(made)


def _cap(cap: Mapping[str, Any]) -> dict[str, Any]:
    """Points as the exact number that they are, however they were written."""
    points = cap.get("points")
    return {**({"times": cap["times"]} if points is None else {"points": exact(points)}), "per": cap["per"]}


def _effect_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    effect = definition["effect"]
    if definition["kind"] == "earning":
        earn = {"basis": effect["basis"], "points": exact(effect["points"]), "step": exact(effect["step"])}
        earn |= {name: effect[name] for name in ("step_rounding", "attribute") if effect[name]}
        return {"earn": earn}
    if effect["bonus"] == "extra":
        return {"bonus": {"extra_points": exact(effect["extra_points"])}}
    if effect["bonus"] == "tier":
        return {"bonus": {"as_tier": True}}
    bonus: dict[str, Any] = {}
    if effect["multiplier"]:
        bonus["multiplier"] = exact(effect["multiplier"])
    if effect["table_field"]:
        rows = {key: exact(value) for key, value in sorted(effect["table"].items())}
        bonus["table"] = {"field": effect["table_field"], "multipliers": rows}
    return {"bonus": bonus}


def register() -> None:
    """Called once, when the app is ready."""
    sections.register("campaigns", Section(CampaignEntry, _read, _put), order=60)
