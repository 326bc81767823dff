"""What tiers give to the registers of the core."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.console.changes import Child, Told, tell
from loyalty.console.panels import FactWords, Panel, counted_effects, fact_words, member_panels
from loyalty.events.activity import activity_listeners
from loyalty.ledger.proof import checks
from loyalty.programs.nightly import nightly_steps
from tiers import announcing, preview, program_file, review
from tiers.checks import TIER_CHECKS
from tiers.imports import work
from tiers.models import Tier, TierSet
from tiers.screens import history_words
from tiers.screens.member_words import counted_effect, fact_title


def plug_in() -> None:
    """Called once, when the app is ready."""
    program_file.register()
    review.register()
    preview.register()
    work.register()
    nightly_steps.register("tiers", review.step, order=30)
    nightly_steps.register("tiers_again", review.step, order=50)
    activity_listeners.register("tiers", review.changed)
    for name, check in TIER_CHECKS.items():
        checks.register(name, check)
    _screens()


def _screens() -> None:
    member_panels.register("tier", Panel(_("Tier"), "tiers:panel", top=True), order=10)
    counted_effects.register("tier", counted_effect)
    for kind in announcing.TOLD:
        fact_words.register(kind, FactWords(fact_title, "workspace_premium"))
    tell(
        Told(
            TierSet,
            lambda tier_set: reverse("tiers:ladder", args=[tier_set.pk]),
            say=history_words.SAY,
            labels=history_words.LABELS,
            children=[Child(Tier, "tier_set", _("Tier"))],
        )
    )
