"""A form that moves points is carried out once, however often it is sent: double clicks, reloads, the back button."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from loyalty.base.ids import is_uuid
from loyalty.console.models import SentForm


def once(token: UUID, act: Callable[[], str], *, by: str, at: datetime) -> tuple[str, bool]:
    """Carry out `act`, which answers with the address of its result, unless this form was carried out before.

    Answers the address and whether it is the first time. The token is written in the transaction of the effect: a
    second request waits for the first and then finds it. When `act` raises, nothing is kept and the form may be
    corrected and sent again.
    """
    with transaction.atomic():
        mine = SentForm(token=token, sent_by=by, result="", created_at=at)
        _insert(mine)
        kept = SentForm.objects.select_for_update().get(pk=token)
        if kept.result:
            return kept.result, False
        kept.result = act()
        kept.save(update_fields=["result"])
        return kept.result, True


def result_of(token: object) -> str | None:
    """Where the result of a form is that was carried out already; None for a new one, and for what is no token."""
    if not is_uuid(token):
        return None
    return SentForm.objects.filter(pk=str(token)).exclude(result="").values_list("result", flat=True).first()


def _insert(form: SentForm) -> None:
    SentForm.objects.bulk_create([form], ignore_conflicts=True)
