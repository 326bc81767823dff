"""Publishing a ladder: who would move, what changes, from when on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from loyalty.base import clock, jobs
from loyalty.base.clock import midnight
from loyalty.base.errors import LaurelError
from loyalty.base.text import clean
from loyalty.base.words import Words
from loyalty.console.access import ScreenRequest, actor_name, screen, show
from loyalty.console.words import first_day
from loyalty.programs.models import Program
from tiers import review, versions
from tiers.errors import Backdated
from tiers.faults import faults
from tiers.ladder import definition_of
from tiers.models import LadderVersion, TierSet
from tiers.screens.foreseeing import Way
from tiers.screens.forms import LadderForm
from tiers.screens.views import ladder_of
from tiers.screens.withdrawing import planned_words
from tiers.screens.wording import Teller

ROLLOUTS: list[tuple[str, Words, Words]] = [
    ("now", gettext_lazy("Now"), gettext_lazy("Everybody is placed by it at once.")),
    (
        "review",
        gettext_lazy("At each member's review"),
        gettext_lazy("Everybody moves at their own next review, members without a tier at once."),
    ),
    ("date", gettext_lazy("On a date"), gettext_lazy("Until then the present ladder stays in force.")),
]


class PublishForm(forms.Form):
    """When the new version counts, and for whom."""

    rollout = forms.ChoiceField(
        choices=[(code, label) for code, label, _text in ROLLOUTS], label=gettext_lazy("When it counts")
    )
    on_day = forms.DateField(
        required=False, label=gettext_lazy("From this day on"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    protect = forms.BooleanField(required=False, label=gettext_lazy("Protect current tiers"))
    note = forms.CharField(required=False, max_length=500, label=gettext_lazy("Why"))

    def __init__(self, data: Any, *, program: Program, at: datetime, way: Way) -> None:
        start = {"rollout": way.rollout, "protect": way.protect, "on_day": way.day, "note": way.note}
        super().__init__(data, initial=start)
        self.program, self.at = program, at

    def clean_note(self) -> str:
        try:
            return clean(self.cleaned_data["note"], max_length=500)
        except LaurelError as wrong:
            raise forms.ValidationError(wrong.detail) from wrong

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("rollout") == "date" and "on_day" in data:
            if data["on_day"] is None:
                self.add_error("on_day", _("Give the day on which it begins."))
            elif self.since is not None and self.since <= self.at:
                self.add_error("on_day", _("Give a day to come."))
        return data

    @property
    def since(self) -> datetime | None:
        """The midnight with which it begins; None for at once."""
        day = self.cleaned_data.get("on_day")
        return midnight(day, self.program.zone) if day and self.chosen == "date" else None

    @property
    def chosen(self) -> Literal["now", "review", "date"]:
        """How members move to it, also before the form was sent."""
        value = self["rollout"].value()
        return value if value in ("review", "date") else "now"


@require_http_methods(["GET", "POST"])
@screen("tiers.view_tierset", "tiers.add_ladderversion")
def publish(request: ScreenRequest, set_id: int) -> HttpResponse:
    """Look at what changes and who would move, then publish it."""
    tier_set = ladder_of(request, set_id)
    at = clock.now()
    way = Way.read(request.GET)  # the lists of members lead back with what was chosen
    planned = versions.planned(tier_set, at)
    if planned:
        way = replace(way, rollout="date")
    form = PublishForm(request.POST or None, program=request.program, at=at, way=way)
    problems: list[str] = []
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = versions.publish(
                tier_set,
                rollout=form.chosen,
                protect=data["protect"],
                effective_from=form.since,
                note=data["note"],
                by=actor_name(request),
                at=at,
            )
        except Backdated as refused:
            problems = [planned_words(planned[-1], request.program.zone) if planned else refused.detail]
        except LaurelError as refused:
            problems = [fault.message for fault in refused.errors] or [refused.detail]
        else:
            return _published(request, made, at)
    problems += [f"{form[name].label}: {error}" for name, errors in form.errors.items() for error in errors]
    return _page(request, tier_set, form, problems, planned[-1] if planned else None)


def _published(request: ScreenRequest, made: LadderVersion, at: datetime) -> HttpResponse:
    """Say so. A worker brings everybody up to it at once; what begins later, the night of its day does."""
    messages.success(request, _("Version %(number)d is published.") % {"number": made.number})
    if made.effective_from > at:
        return redirect("tiers:ladder", made.tier_set_id)
    job = jobs.start(
        review.PLACE,
        scope=request.program.code,
        by=actor_name(request),
        at=at,
        name=_("%(ladder)s, version %(number)d") % {"ladder": made.tier_set.name, "number": made.number},
        params={"tier_set": made.tier_set_id},
    )
    return redirect("console:job", job.pk)


@require_POST
@screen("tiers.view_tierset", "tiers.change_tierset")
def recalculate(request: ScreenRequest, set_id: int) -> HttpResponse:
    """Compute every standing of the program from the beginning, as a job."""
    tier_set = ladder_of(request, set_id)
    job = jobs.start(
        review.RECALCULATE,
        scope=request.program.code,
        by=actor_name(request),
        at=clock.now(),
        name=tier_set.name,
        params={"tier_set": tier_set.pk},
    )
    return redirect("console:job", job.pk)


def _page(
    request: ScreenRequest,
    tier_set: TierSet,
    form: PublishForm,
    problems: list[str],
    planned: LadderVersion | None,
) -> HttpResponse:
    newest = versions.latest(tier_set)
    teller = Teller(request.program)
    draft = definition_of(tier_set)
    context = {
        "title": _("Publish %(ladder)s") % {"ladder": tier_set.name},
        "ladder": tier_set,
        "newest": newest,
        "next": versions.next_number(tier_set),
        "planned": planned,
        "planned_for": first_day(planned.effective_from, request.program.zone) if planned else "",
        "nothing": newest is not None and newest.definition == draft,
        "changes": teller.changes(newest.definition if newest else None, draft),
        "summary": teller.summary(draft),
        "blockers": _blockers(tier_set),
        "edit_url": reverse("tiers:edit", args=[tier_set.pk]),
        "problems": problems,
        "form": form,
        "rollouts": [one for one in ROLLOUTS if one[0] == "date" or planned is None],
    }
    return show(request, "tiers/publish.html", context, status=422 if problems else 200)


def _blockers(tier_set: TierSet) -> list[dict[str, str]]:
    """What has to be put right first, each with the way to its field."""
    form = LadderForm(instance=tier_set, tiers=list(tier_set.tiers.order_by("rank")))
    address = reverse("tiers:edit", args=[tier_set.pk])
    if not faults(tier_set):
        return []
    return [
        {"message": fault["message"], "url": f"{address}#{fault['anchor']}"}
        for fault in form.publishing_faults()
    ]
