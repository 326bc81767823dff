"""Where goods are to be sent: what the reward asks for, kept apart because it is personal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from loyalty.base.errors import FieldError, Invalid, LaurelError
from loyalty.base.text import clean
from loyalty.programs.models import Program
from loyalty.programs.nightly import Night
from rewards.models import Delivery, ProductReward, Redemption, Reward

LONGEST: Final = 500
KEPT: Final = timedelta(days=90)


def checked(reward: Reward, details: Mapping[str, Any] | None, *, all_required: bool) -> dict[str, str]:
    """The details as text by code. With `all_required`, what the reward must know is there.

    Raises Invalid `details_required` or `details_invalid`, with the fields.
    """
    asks = reward.delivery_attributes if isinstance(reward, ProductReward) else []
    return check(asks, details or {}, all_required=all_required)


def check(
    asks: Iterable[Mapping[str, Any]], details: Mapping[str, Any], *, all_required: bool
) -> dict[str, str]:
    """The same for the questions of a redemption's terms."""
    asked = {one["code"]: one for one in asks}
    faults, found = [], {}
    for code, value in details.items():
        if code not in asked:
            faults.append(FieldError(f"details/{code}", "unknown_field", _("This is not asked for.")))
            continue
        try:
            found[code] = clean(value, max_length=LONGEST, multiline=True)
        except LaurelError as wrong:
            faults.append(wrong.at_path(f"details/{code}"))
    if faults:
        raise Invalid(faults[0].message, code="details_invalid", errors=faults)
    missing = [code for code, one in asked.items() if one.get("required") and not found.get(code)]
    if all_required and missing:
        errors = [FieldError(f"details/{code}", "required", _("Please fill this in.")) for code in missing]
        raise Invalid(_("It cannot be sent without this."), code="details_required", errors=errors)
    return {code: text for code, text in found.items() if text}


def keep(row: Redemption, details: Mapping[str, str]) -> None:
    """Keep what was told, added to what was told before."""
    if not details:
        return
    own, _made = Delivery.objects.get_or_create(redemption=row)
    own.details = {**own.details, **details}
    own.save(update_fields=["details"])


def of(row: Redemption) -> dict[str, str]:
    """What was told so far; empty when it was deleted."""
    found = Delivery.objects.filter(redemption=row).first()
    return dict(found.details) if found else {}


def forget(program: Program, *, at: datetime) -> int:
    """Delete where things were sent that arrived, or were called off, three months ago: how many."""
    long_ago = at - KEPT
    over = Q(redemption__fulfilled_at__lt=long_ago) | Q(redemption__closed_at__lt=long_ago)
    return Delivery.objects.filter(over, redemption__program=program).delete()[0]


def step(night: Night) -> int:
    """The nightly step."""
    return forget(night.program, at=night.at)
