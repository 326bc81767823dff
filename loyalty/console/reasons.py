"""Why staff may give or take points by hand: one list, so that reports can count the reasons."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty.base.words import Words

REASONS: dict[str, Words] = {
    "missing_order": _("Missing order or receipt"),
    "goodwill": _("Goodwill"),
    "service_recovery": _("Making up for poor service"),
    "promotion": _("Promotion by hand"),
    "correction": _("Correction of a mistake"),
    "misuse": _("Misuse or fraud"),
    "other": _("Other (explain in the note)"),
}
_OWN: dict[str, Words] = {
    "reward": _("Reward"),
    "checkout": _("Paid an order with points"),
    "lapsed": _("The reservation lapsed"),
}


def reason_label(code: str) -> str:
    """The words of a code; one that is not on the list, as channels send them, is read as words: `Missing purchase`."""
    return str(REASONS.get(code) or _OWN.get(code) or code.replace("_", " ").capitalize())
