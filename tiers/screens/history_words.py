"""How the history of a ladder tells its fields: with the names and units of the editor."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.words import Words
from loyalty.console.changes import Say, trimmed
from tiers.screens.forms import LadderForm
from tiers.screens.rows import TierForm
from tiers.screens.wording import Teller

LABELS: dict[str, Words] = {
    **LadderForm.Meta.labels,
    "window_count": gettext_lazy("Counted over, how many"),
    "window_unit": gettext_lazy("Counted over, months or days"),
    "validity_count": gettext_lazy("A tier lasts, how long"),
    "validity_unit": gettext_lazy("A tier lasts, months or days"),
    "tier.expiry_count": gettext_lazy("Points earned in it lapse after"),
    "tier.expiry_unit": gettext_lazy("Points earned in it lapse after, unit"),
    "tier.reward_price_factor": gettext_lazy("Price of rewards"),
    **{
        f"tier.{name}": TierForm.base_fields[name].label or name
        for name in ("threshold", "earning_multiplier", "early_access_days", "expiry")
    },
}


def _threshold(value: Any, row: Any) -> str:
    """In what the ladder counts by now: which that was at the time is a line of its own."""
    ladder = row.tier_set
    own = {"code": ladder.point_type.code} if ladder.point_type else None
    return Teller(ladder.program).amount({"measure": ladder.measure, "point_type": own}, value)


def _price(value: Any, row: Any) -> str:
    return _("%(percent)s%%") % {"percent": trimmed(Decimal(value) * 100)}


SAY: Mapping[str, Say] = {"tier.threshold": _threshold, "tier.reward_price_factor": _price}
