"""Publishing, pausing, resuming and ending campaigns. A published version never changes; an edit makes a draft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.db.models import OuterRef, Subquery

from campaigns.definitions import definition_of
from campaigns.errors import Backdated, Ended, NotPaused, NotReady, NotRunning, Unchanged
from campaigns.faults import faults
from campaigns.in_force import Chosen, InForce, compiled, in_force
from campaigns.models import Campaign, CampaignPause, CampaignVersion
from loyalty.base.clock import write_instant
from loyalty.events.models import Event
from loyalty.outbox import facts
from loyalty.programs.schedule import Schedule

__all__ = [
    "Chosen",
    "InForce",
    "compiled",
    "end",
    "faults",
    "in_force",
    "latest",
    "locked",
    "pause",
    "publish",
    "resume",
    "state",
    "states",
]

State = Literal["draft", "scheduled", "running", "paused", "ended"]


@transaction.atomic
def publish(
    campaign: Campaign, *, by: str, at: datetime, effective_from: datetime | None = None, note: str = ""
) -> CampaignVersion:
    """Freeze the draft as the next version, in force from `effective_from` (now when None) on.

    Events before that keep the version of their time. Raises NotReady with all faults, Ended, Unchanged when the
    newest version says the same, and Backdated when events since `effective_from` were already processed.
    """
    campaign = locked(campaign)
    if campaign.ended_at is not None:
        raise Ended
    if found := faults(campaign):
        raise NotReady(errors=found)
    since, definition, before = effective_from or at, definition_of(campaign), latest(campaign)
    if before is not None and before.definition == definition and before.effective_from <= since:
        raise Unchanged
    if since < at and _was_processed(campaign, since):
        raise Backdated
    version = CampaignVersion.objects.create(
        campaign=campaign,
        program_id=campaign.program_id,
        number=before.number + 1 if before else 1,
        definition=definition,
        effective_from=since,
        published_at=at,
        published_by=by,
        note=note,
    )
    _record(
        campaign, "campaign.published", at, version=version.number, effective_from=write_instant(since), by=by
    )
    return version


@transaction.atomic
def pause(campaign: Campaign, *, by: str, at: datetime) -> CampaignPause:
    """From `at` on it gives nothing, until it is resumed; one that is scheduled does not start. Raises NotRunning."""
    campaign = locked(campaign)
    if state(campaign, at) not in ("running", "scheduled"):
        raise NotRunning
    made = CampaignPause.objects.create(campaign=campaign, started_at=at, started_by=by)
    _record(campaign, "campaign.paused", at, by=by)
    return made


@transaction.atomic
def resume(campaign: Campaign, *, by: str, at: datetime) -> CampaignPause:
    """From `at` on it gives again; what happened during the pause stays without points. Raises NotPaused, Ended."""
    campaign = locked(campaign)
    if campaign.ended_at is not None:
        raise Ended
    if not (closed := _close_pause(campaign, by=by, at=at)):
        raise NotPaused
    _record(campaign, "campaign.resumed", at, by=by)
    return closed


@transaction.atomic
def end(campaign: Campaign, *, by: str, at: datetime) -> Campaign:
    """End it for good: events from `at` on get nothing. Raises Ended, and NotRunning for a mere draft."""
    campaign = locked(campaign)
    if campaign.ended_at is not None:
        raise Ended
    if latest(campaign) is None:
        raise NotRunning("A campaign that was never published has nothing to end.")
    _close_pause(campaign, by=by, at=at)
    campaign.ended_at = campaign.updated_at = at
    campaign.updated_by = by
    campaign.save(update_fields=["ended_at", "updated_at", "updated_by"])
    _record(campaign, "campaign.ended", at, by=by)
    return campaign


def state(campaign: Campaign, at: datetime) -> State:
    """Draft, scheduled, running, paused or ended at an instant."""
    return states([campaign], at)[campaign.pk]


def states(campaigns: Iterable[Campaign], at: datetime) -> dict[int, State]:
    """The state of each campaign, by id. Two queries for all of them."""
    listed = list(campaigns)
    ids = [campaign.pk for campaign in listed]
    paused = set(
        CampaignPause.objects.filter(campaign__in=ids, started_at__lte=at)
        .exclude(ended_at__lte=at)
        .values_list("campaign_id", flat=True)
    )
    definitions = _newest(ids, at)
    return {campaign.pk: _state(campaign, definitions, campaign.pk in paused, at) for campaign in listed}


def latest(campaign: Campaign) -> CampaignVersion | None:
    """The version published last, whether in force already or not."""
    return CampaignVersion.objects.filter(campaign=campaign).order_by("-number").first()


def locked(campaign: Campaign) -> Campaign:
    """The campaign as it is in the database now, with its row locked to the end of the transaction."""
    Campaign.objects.non_polymorphic().select_for_update(no_key=True).get(pk=campaign.pk)
    return Campaign.objects.select_related("program", "point_type").get(pk=campaign.pk)


def _newest(campaign_ids: list[int], at: datetime) -> dict[int, tuple[Mapping[str, Any], bool]]:
    """Per campaign with versions: the definition in force (or, before that, to come), and whether it is in force."""
    own = CampaignVersion.objects.filter(campaign=OuterRef("campaign")).order_by("-number")
    in_force_id = own.filter(effective_from__lte=at).values("pk")[:1]
    rows = CampaignVersion.objects.filter(campaign__in=campaign_ids).annotate(current=Subquery(in_force_id))
    found: dict[int, tuple[Mapping[str, Any], bool]] = {}
    for version in rows.order_by("campaign_id", "number"):
        current = version.current
        if current is None or current == version.pk:
            found[version.campaign_id] = version.definition, current is not None
    return found


def _state(
    campaign: Campaign, definitions: Mapping[int, tuple[Mapping[str, Any], bool]], paused: bool, at: datetime
) -> State:
    if campaign.ended_at is not None and campaign.ended_at <= at:
        return "ended"
    if campaign.pk not in definitions:
        return "draft"
    definition, is_current = definitions[campaign.pk]
    schedule = Schedule.parse(definition)
    if schedule.ends_at is not None and schedule.ends_at <= at:
        return "ended"
    if paused:
        return "paused"
    is_ahead = not is_current or (schedule.starts_at is not None and at < schedule.starts_at)
    return "scheduled" if is_ahead else "running"


def _was_processed(campaign: Campaign, since: datetime) -> bool:
    processed = Event.objects.filter(program_id=campaign.program_id, status=Event.Status.PROCESSED)
    return processed.filter(occurred_at__gte=since).exists()


def _close_pause(campaign: Campaign, *, by: str, at: datetime) -> CampaignPause | None:
    open_pause = CampaignPause.objects.filter(campaign=campaign, ended_at__isnull=True).first()
    if open_pause is not None:
        open_pause.ended_at, open_pause.ended_by = max(at, open_pause.started_at), by
        open_pause.save(update_fields=["ended_at", "ended_by"])
    return open_pause


def _record(campaign: Campaign, kind: str, at: datetime, **data: object) -> None:
    told = {"campaign": campaign.code, "name": campaign.name, **data}
    facts.record(campaign.program_id, None, kind, told, occurred_at=at, recorded_at=at)
