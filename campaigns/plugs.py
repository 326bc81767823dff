"""What campaigns give to the screens of the core: the explanation of an event, trying failed ones again, what needs
attention, a step of setting up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import program_file
from campaigns.builder.describe import Describer, draft_definition
from campaigns.checks import CAMPAIGN_CHECKS
from campaigns.earning import retry
from campaigns.models import BonusCampaign, BudgetUse, Campaign, CampaignVersion, EarningCampaign
from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console.changes import Change, Told, tell
from loyalty.console.panels import Notice, Panel, Step, event_panels, setup_steps, watchers
from loyalty.events.actions import EventAction, event_actions
from loyalty.ledger.proof import checks
from loyalty.programs.models import Program


def plug_in() -> None:
    """Called once, when the app is ready."""
    program_file.register()
    event_panels.register("why", Panel(gettext_lazy("Why?"), "campaigns:why"), order=10)
    event_actions.register("retry", EventAction(gettext_lazy("Try failed events again"), retry_events))
    for name, check in CAMPAIGN_CHECKS.items():
        checks.register(name, check)
    watchers.register("budgets", budgets_nearly_used, order=40)
    setup_steps.register("campaign", has_campaign, order=40)
    for model in (EarningCampaign, BonusCampaign):
        tell(Told(model, _page_of, permission="campaigns.view_campaign", compare=_compare))


def _page_of(campaign: Campaign) -> str:
    return reverse("campaigns:campaign", args=[campaign.pk])


def _compare(old: Campaign | None, new: Campaign, program: Program) -> list[Change]:
    """Two states of a draft, part by part in the words of the builder."""
    before = draft_definition(old) if old else None
    found = Describer(program).changes(before, draft_definition(new))
    return [Change(str(one.label), one.old, one.new) for one in found]


def retry_events(model_admin: Any, request: HttpRequest, events: Any) -> None:
    """Only failed ones are tried again; the others are left alone and counted."""
    done = 0
    at = clock.now()
    for event in events.iterator(chunk_size=500):
        try:
            retry(event, at=at)
        except LaurelError:
            continue
        done += 1
    text = ngettext("%(n)d failed event is tried again.", "%(n)d failed events are tried again.", done) % {
        "n": done
    }
    model_admin.message_user(request, text, messages.SUCCESS if done else messages.WARNING)


def budgets_nearly_used(program: Program, at: datetime) -> list[Notice]:
    """Campaigns that have given nine tenths of their budget."""
    uses = BudgetUse.objects.filter(
        campaign__program=program, campaign__ended_at=None, campaign__budget__isnull=False
    )
    nearly = uses.filter(points__gte=F("campaign__budget") * 9 / 10).select_related("campaign")
    return [
        Notice(
            "warn",
            _("%(campaign)s has given %(percent)d%% of its budget.")
            % {"campaign": use.campaign.name, "percent": 100 * use.points // (use.campaign.budget or 1)},
            reverse("campaigns:campaign", args=[use.campaign_id]),
            _("Look at it"),
            "campaigns.view_campaign",
        )
        for use in nearly[:5]
    ]


def has_campaign(program: Program) -> Step:
    return Step(
        _("Publish a campaign"),
        _("For example one point for each unit of money spent."),
        CampaignVersion.objects.filter(program=program).exists(),
        reverse("campaigns:choose"),
        _("Choose a campaign"),
        "campaigns.add_campaign",
    )
