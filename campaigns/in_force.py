"""Which versions were in force at an instant, and which campaigns were paused, ended or not yet published then.

Read once per batch. Compiled terms are kept per process by version id: versions never change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from campaigns.definitions import Terms, compile_terms, label_only
from campaigns.models import Campaign, CampaignPause, CampaignVersion
from campaigns.runs import Standing
from loyalty.programs.models import ProgramPause

REMEMBERED = timedelta(days=60)  # how long after its end a campaign is still named in traces
NEVER = datetime(9999, 1, 1, tzinfo=UTC)

_terms: dict[int, Terms] = {}
_labels: dict[tuple[int, int], Terms] = {}


class VersionRow(NamedTuple):
    id: int
    campaign_id: int
    number: int
    effective_from: datetime


class Span(NamedTuple):
    """[start, end)"""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        return self.start <= at < self.end


class Chosen(NamedTuple):
    """The terms to consider for an event, and why some of them could not run."""

    terms: tuple[Terms, ...]
    standing: dict[int, Standing]

    @property
    def version_ids(self) -> list[int]:
        """The versions that ran: kept with an order, whose returns are rated under the very same."""
        return [
            one.version_id for one in self.terms if one.version_id and one.campaign_id not in self.standing
        ]


@dataclass(slots=True)
class Timeline:
    """One campaign through time."""

    campaign_id: int
    versions: list[VersionRow]  # by number
    ended_at: datetime | None
    label: Terms | None = None  # for drafts that were never published
    pauses: list[Span] = field(default_factory=list)

    def version_at(self, at: datetime) -> VersionRow | None:
        """The newest version that was in force; what is published later replaces what was scheduled before."""
        return next((one for one in reversed(self.versions) if one.effective_from <= at), None)

    def standing_at(self, at: datetime) -> Standing | None:
        """Why it could not run at that instant; None when it could."""
        if self.ended_at is not None and self.ended_at <= at:
            return Standing("campaign_ended", self.ended_at)
        if self.version_at(at) is None:
            return Standing("not_published")
        pause = next((one for one in self.pauses if one.holds(at)), None)
        return Standing("campaign_paused", pause.start) if pause else None

    def is_forgotten(self, at: datetime) -> bool:
        return self.ended_at is not None and self.ended_at + REMEMBERED <= at

    def turns(self) -> Iterable[datetime]:
        """The instants at which any answer changes."""
        yield from (one.effective_from for one in self.versions)
        for pause in self.pauses:
            yield from pause
        if self.ended_at is not None:
            yield self.ended_at
            yield self.ended_at + REMEMBERED


class InForce:
    """The campaigns of one program between two instants."""

    def __init__(self, timelines: Sequence[Timeline], program_pauses: Sequence[Span]) -> None:
        self._timelines = timelines
        self._program_pauses = program_pauses
        self._turns = sorted({turn for timeline in timelines for turn in timeline.turns()})
        self._chosen: dict[tuple[str, int], Chosen] = {}

    def at(self, event_type: str, occurred_at: datetime) -> Chosen:
        """What to rate an event of this kind and time under. The same object for all times between two changes."""
        key = event_type, bisect_right(self._turns, occurred_at)
        found = self._chosen.get(key)
        if found is None:
            found = self._chosen[key] = self._choose(event_type, occurred_at)
        return found

    def program_paused(self, at: datetime) -> bool:
        return any(pause.holds(at) for pause in self._program_pauses)

    def _choose(self, event_type: str, at: datetime) -> Chosen:
        rows: list[tuple[Timeline, Terms]] = []
        for timeline in self._timelines:
            if not timeline.is_forgotten(at):
                terms = _terms_of(timeline, at)
                if terms is not None and terms.trigger == event_type and not _is_over(terms, at):
                    rows.append((timeline, terms))
        standing = {timeline.campaign_id: timeline.standing_at(at) for timeline, _ in rows}
        terms_in_order = tuple(sorted((terms for _, terms in rows), key=lambda one: one.rank))
        return Chosen(terms_in_order, {key: why for key, why in standing.items() if why is not None})


def in_force(program_id: int, at_min: datetime, at_max: datetime) -> InForce:
    """The campaigns of a program for events of [at_min, at_max]. Four queries, five when versions are new here."""
    versions: dict[int, list[VersionRow]] = defaultdict(list)
    rows = CampaignVersion.objects.filter(program_id=program_id).order_by("number")
    for row in rows.values_list("id", "campaign_id", "number", "effective_from"):
        versions[row[1]].append(VersionRow(*row))
    timelines = _timelines(program_id, versions)
    _add_pauses(timelines, at_min, at_max)
    compiled(_needed(timelines, at_min, at_max))
    pauses = ProgramPause.objects.filter(_overlaps(at_min, at_max), program_id=program_id)
    return InForce(
        timelines, [Span(start, end or NEVER) for start, end in pauses.values_list("started_at", "ended_at")]
    )


def compiled(version_ids: Collection[int]) -> tuple[Terms, ...]:
    """The terms of these versions, in the order of rating: an order's own, for its returns."""
    missing = [version_id for version_id in version_ids if version_id not in _terms]
    if missing:
        for version in CampaignVersion.objects.filter(pk__in=missing):
            _terms[version.pk] = compile_terms(
                version.definition,
                campaign_id=version.campaign_id,
                version_id=version.pk,
                number=version.number,
            )
    return tuple(sorted((_terms[version_id] for version_id in version_ids), key=lambda one: one.rank))


def _timelines(program_id: int, versions: dict[int, list[VersionRow]]) -> list[Timeline]:
    campaigns = Campaign.objects.non_polymorphic().filter(program_id=program_id).select_related("point_type")
    timelines = []
    for campaign in campaigns:
        assert isinstance(campaign, Campaign)
        own = versions.get(campaign.pk, [])
        label = None if own else _label(campaign)
        timelines.append(Timeline(campaign.pk, own, campaign.ended_at, label))
    return timelines


def _label(campaign: Campaign) -> Terms:
    key = campaign.pk, campaign.revision
    if key not in _labels:
        _labels[key] = label_only(campaign)
    return _labels[key]


def _add_pauses(timelines: Sequence[Timeline], at_min: datetime, at_max: datetime) -> None:
    by_id = {timeline.campaign_id: timeline for timeline in timelines}
    pauses = CampaignPause.objects.filter(_overlaps(at_min, at_max), campaign__in=by_id)
    for campaign_id, start, end in pauses.values_list("campaign_id", "started_at", "ended_at"):
        by_id[campaign_id].pauses.append(Span(start, end or NEVER))


def _overlaps(at_min: datetime, at_max: datetime) -> Q:
    return Q(started_at__lte=at_max) & (Q(ended_at__isnull=True) | Q(ended_at__gt=at_min))


def _needed(timelines: Sequence[Timeline], at_min: datetime, at_max: datetime) -> set[int]:
    """The versions that any event of the interval may meet."""
    needed = set()
    for timeline in timelines:
        first = timeline.version_at(at_min) or (timeline.versions[0] if timeline.versions else None)
        if first is not None:
            needed.add(first.id)
        needed |= {one.id for one in timeline.versions if at_min < one.effective_from <= at_max}
    return needed


def _terms_of(timeline: Timeline, at: datetime) -> Terms | None:
    """The version in force; before the first one the first names the campaign, a mere draft names itself."""
    version = timeline.version_at(at) or (timeline.versions[0] if timeline.versions else None)
    return timeline.label if version is None else compiled([version.id])[0]


def _is_over(terms: Terms, at: datetime) -> bool:
    ends_at = terms.schedule.ends_at
    return ends_at is not None and ends_at + REMEMBERED <= at
