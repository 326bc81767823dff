"""Why an event had no effect: as it is kept with the event, and in words for whoever asks.

Kept is the code of a reason, or `code: words` of what failed here, or, of what nobody foresaw, the text of the
exception: that is for staff and leaves the house nowhere.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.errors import LaurelError
from loyalty.base.words import Words
from loyalty.events.models import Event

REGISTERED_BEFORE = "member_registered_before"
ORDER_OF_ANOTHER = "order_of_another_member"
SELF_REFERRAL = "self_referral"
REJECTED = "rejected"
FAILED = "processing_failed"

_WORDS: dict[str, Words] = {
    REGISTERED_BEFORE: gettext_lazy("This member was registered before."),
    ORDER_OF_ANOTHER: gettext_lazy("Order %(order)s is another member's."),
    SELF_REFERRAL: gettext_lazy("Nobody refers themselves."),
}
_OURS = re.compile(r"([a-z][a-z0-9_]*): (.+)", re.DOTALL)


class Reason(NamedTuple):
    """`code` is stable."""

    code: str
    words: str


def kept(wrong: Exception) -> str:
    """What is kept of a failure. An exception's name begins with a capital, so that it is never taken for a code."""
    if isinstance(wrong, LaurelError):
        return f"{wrong.code}: {wrong.detail}"
    name = type(wrong).__name__
    return f"{name[:1].upper()}{name[1:]}: {wrong}"


def reason(event: Event) -> Reason | None:
    """Why it was rejected or could not be processed so far, fit to be told to a channel; None when nothing is wrong."""
    if not event.error:
        return None
    if words := _WORDS.get(event.error):
        return Reason(event.error, str(words) % {"order": event.order_reference})
    if ours := _OURS.fullmatch(event.error):
        return Reason(ours[1], ours[2])
    if event.status == Event.Status.REJECTED:
        return Reason(REJECTED, event.error)  # always words of our own
    return Reason(FAILED, _("It could not be processed. Staff can see why, and try it again."))


def for_staff(event: Event) -> str:
    """The same in words; of what nobody foresaw what was kept of it."""
    found = reason(event)
    return "" if found is None else event.error if found.code == FAILED else found.words
