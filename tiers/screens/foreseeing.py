"""Who would move if the draft were published: numbers, from/to matrix, and the list of people behind each cell.

A program that is quickly counted is counted while the page waits; a big one by a job, whose result is shown here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.base import clock, jobs
from loyalty.base.errors import LaurelError
from loyalty.base.ids import is_uuid
from loyalty.base.models import Job
from loyalty.base.sheets import csv_lines
from loyalty.base.words import Words
from loyalty.console.access import ScreenRequest, actor_name, screen, show
from loyalty.console.member_views import with_identifiers
from loyalty.console.parts import Matrix
from loyalty.console.words import change, money, number
from loyalty.members.models import Member
from loyalty.programs.models import Program
from tiers import preview, versions
from tiers.ladder import definition_of
from tiers.models import TierSet
from tiers.screens.views import ladder_of
from tiers.screens.wording import Teller
from tiers.versions import Rollout

AT_ONCE = 50_000
"""So many members are counted while the page waits."""
PAGE = 50
PAGE_OF_FILE = 10_000
COLUMNS = ("member", "from", "to", "counted")
OPEN = (Job.State.QUEUED, Job.State.RUNNING)


@dataclass(frozen=True, slots=True)
class Way:
    """How it would be published, as the form of the publishing page says it; `day` and `note` are only kept for it."""

    rollout: Rollout
    protect: bool
    day: str = ""
    note: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> Way:
        """Without a form, as the form begins."""
        rollout = query.get("rollout", "now")
        known = rollout if rollout in ("now", "review", "date") else "now"
        protect = "protect" in query or "rollout" not in query
        day, note = query.get("on_day", "")[:10], query.get("note", "")[:500]
        return cls(cast("Rollout", known), protect, day, note)

    @property
    def query(self) -> dict[str, str]:
        """The fields of the form that are filled in."""
        fields = {"protect": "on" if self.protect else "", "on_day": self.day, "note": self.note}
        return {"rollout": self.rollout} | {name: value for name, value in fields.items() if value}

    @property
    def address(self) -> str:
        """The same for the end of an address."""
        return urlencode(self.query)


@require_http_methods(["GET", "POST"])
@screen("tiers.view_tierset")
def foresee(request: ScreenRequest, set_id: int) -> HttpResponse:
    """The numbers of the preview. POST asks a worker to count a big program."""
    tier_set = ladder_of(request, set_id)
    way = Way.read(request.POST or request.GET)
    if request.method == "POST":
        _ask(request, tier_set, way)
        return redirect(f"{reverse('tiers:foresee', args=[tier_set.pk])}?{way.address}")
    context = {"title": tier_set.name, "ladder": tier_set, "way": way, "program": request.program}
    context |= _found(request, tier_set, way)
    if request.htmx:
        return render(request, "tiers/_preview.html", context)
    return show(request, "tiers/preview.html", context)


def _found(request: ScreenRequest, tier_set: TierSet, way: Way) -> dict[str, Any]:
    """What is known of the preview: counted now, by a job, or not yet."""
    try:
        if Member.objects.filter(program=request.program)[: AT_ONCE + 1].count() <= AT_ONCE:
            found = preview.preview(tier_set, rollout=way.rollout, protect=way.protect, at=clock.now())
            return told(found.as_json(), tier_set, way)
    except LaurelError as refused:
        return {"refused": [fault.message for fault in refused.errors] or [refused.detail]}
    job = _job(tier_set, way)
    if job is not None and job.state == Job.State.DONE:
        return told(job.result["preview"], tier_set, way) | {"counted_at": job.finished_at}
    return {"job": job, "is_open": job is not None and job.state in OPEN}


def _ask(request: ScreenRequest, tier_set: TierSet, way: Way) -> None:
    job = _job(tier_set, way)
    if job is not None and job.state in OPEN:
        return
    params = {
        "tier_set": tier_set.code,
        "rollout": way.rollout,
        "protect": way.protect,
        "revision": tier_set.revision,
    }
    jobs.start(
        preview.KIND,
        scope=request.program.code,
        by=actor_name(request),
        at=clock.now(),
        name=tier_set.name,
        params=params,
    )


def _job(tier_set: TierSet, way: Way) -> Job | None:
    """The newest job that counts this very draft in this way."""
    own = Job.objects.filter(kind=preview.KIND, scope=tier_set.program.code, params__tier_set=tier_set.code)
    same = own.filter(
        params__revision=tier_set.revision, params__rollout=way.rollout, params__protect=way.protect
    )
    return same.order_by("-created_at").first()


def told(found: Mapping[str, Any], tier_set: TierSet, way: Way) -> dict[str, Any]:
    """A preview as the page shows it."""
    total = found["total"] or 1
    return {
        "found": found,
        "shares": {name: round(100 * found[name] / total, 1) for name in ("up", "down", "stay")},
        "moves": _matrix(_("Members by tier, now and after"), found["moves"], found, tier_set, way),
        **_in_the_end(found),
        "later": _matrix(
            _("Without protection or a review to come, by what counts today"),
            found["later"],
            found,
            tier_set,
            None,
        )
        if found["later"] != found["moves"]
        else None,
        "cost": _cost(tier_set.program, found["extra_points"]),
    }


def _in_the_end(found: Mapping[str, Any]) -> dict[str, int]:
    """Who will have moved once nothing is protected or waits any more."""
    place = {code: index for index, code in enumerate(_order(found["before"], found["after"]))}
    steps = [(place[cell["to"]] - place[cell["from"]], cell["members"]) for cell in found["later"]]
    return {
        "later_up": sum(members for step, members in steps if step > 0),
        "later_down": sum(members for step, members in steps if step < 0),
    }


def _cost(program: Program, extra: int) -> str:
    """What the new multipliers would have given in the last year, in points and money; empty for nothing."""
    points = program.point_types.filter(is_default=True).first()
    if not extra or points is None:
        return ""
    amount = f"{change(extra, points.decimals)} {points.name_many}"
    if points.redeem_rate is None:
        return amount
    worth = money(abs(extra) * points.redeem_rate / 10**points.decimals, program.currency)
    return _("%(points)s (worth %(money)s)") % {"points": amount, "money": worth}


def _matrix(
    caption: Words,
    cells: Sequence[Mapping[str, Any]],
    found: Mapping[str, Any],
    tier_set: TierSet,
    way: Way | None,
) -> Matrix:
    counts = {(cell["from"], cell["to"]): cell["members"] for cell in cells}
    urls = {key: _people(tier_set, way, *key) for key in counts} if way else None
    used = {code for key in counts for code in key}
    names = names_of(tier_set)
    codes = [code for code in _order(found["before"], found["after"]) if code or code in used]
    return Matrix(caption, [(code, names.get(code, code)) for code in codes], counts, urls)


def _people(tier_set: TierSet, way: Way, before: str, after: str) -> str:
    query = way.query | {"from": before, "to": after}
    return f"{reverse('tiers:movers', args=[tier_set.pk])}?{urlencode(query)}"


def _order(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The tiers of both ladders, lowest first: those that go stand above the one they stood above."""
    made = list(after)
    for below, code in pairwise(before):
        if code not in made:
            made.insert(made.index(below) + 1, code)
    return made


def names_of(tier_set: TierSet) -> dict[str, str]:
    """What the tiers are called, in the draft or before it."""
    newest = versions.latest(tier_set)
    known = [*(newest.definition["tiers"] if newest else ()), *definition_of(tier_set)["tiers"]]
    return {"": str(_("No tier")), **{tier["code"]: tier["name"] for tier in known}}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix, as it is at an instant."""

    tier_set: TierSet
    way: Way
    before: str
    after: str
    at: datetime

    def people(self, follows: UUID | None, limit: int) -> list[preview.Mover]:
        return preview.movers(
            self.tier_set,
            self.before,
            self.after,
            rollout=self.way.rollout,
            protect=self.way.protect,
            at=self.at,
            follows=follows,
            limit=limit,
        )

    def all_people(self) -> Iterator[list[preview.Mover]]:
        follows: UUID | None = None
        while found := self.people(follows, PAGE_OF_FILE):
            yield found
            follows = found[-1].member_id


@require_GET
@screen("tiers.view_tierset", "members.view_member")
def movers(request: ScreenRequest, set_id: int) -> HttpResponseBase:
    """The people of one cell of the matrix, page by page; all of them as a file with `format=csv`."""
    tier_set = ladder_of(request, set_id)
    way, names = Way.read(request.GET), names_of(tier_set)
    before, after = request.GET.get("from", ""), request.GET.get("to", "")
    follows = request.GET.get("after", "")
    if before not in names or after not in names:
        raise Http404
    cell = Cell(tier_set, way, before, after, clock.now())
    if request.GET.get("format") == "csv":
        return _file(cell)
    found = cell.people(UUID(follows) if is_uuid(follows) else None, PAGE + 1)
    definition = definition_of(tier_set)
    context = {
        "title": _("%(before)s to %(after)s") % {"before": names[before], "after": names[after]},
        "ladder": tier_set,
        "way": way,
        "rows": _rows(found[:PAGE], Teller(request.program), definition),
        "next": found[PAGE - 1].member_id if len(found) > PAGE else None,
        "paged": bool(follows),
        "told": {"before": names[before], "after": names[after], "stays": before == after},
        "count": number(len(found[:PAGE])),
    }
    return show(request, "tiers/movers.html", context)


def _file(cell: Cell) -> StreamingHttpResponse:
    """Members by their ids: a file is carried about, and the ids say nothing to strangers."""
    lines = chain([csv_lines([COLUMNS])], (csv_lines(map(_cells, found)) for found in cell.all_people()))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"{cell.tier_set.code}-{cell.before or 'none'}-to-{cell.after or 'none'}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _cells(mover: preview.Mover) -> tuple[object, ...]:
    return mover.member_id, mover.before, mover.after, mover.value


def _rows(
    found: Sequence[preview.Mover], teller: Teller, definition: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The people with what they are known by, masked, and what was counted."""
    known = Member.objects.in_bulk([one.member_id for one in found])
    told = {one["member"].pk: one for one in with_identifiers(list(known.values()))}
    return [
        told[one.member_id] | {"value": teller.amount(definition, one.value)}
        for one in found
        if one.member_id in told
    ]
