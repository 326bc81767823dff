"""What tiers give to the registers of the core."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.console.changes import Child, Told, tell
from tiers import program_file
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
