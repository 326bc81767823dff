"""What tiers give to the registers of the core."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.console.changes import Child, Told, tell
from loyalty.events.activity import activity_listeners
from loyalty.programs.nightly import nightly_steps
from tiers import preview, program_file, review
from tiers.models import Tier, TierSet


def plug_in() -> None:
    """Called once, when the app is ready."""
    program_file.register()
    tell(
        Told(
            TierSet,
            lambda tier_set: reverse("tiers:ladder", args=[tier_set.pk]),
            children=[Child(Tier, "tier_set", _("Tier"))],
        )
    )
    review.register()
    preview.register()
    nightly_steps.register("tiers", review.step, order=30)
    nightly_steps.register("tiers_again", review.step, order=50)
    activity_listeners.register("tiers", review.changed)
