"""What rewards add to a member's history: the redemption that points paid for, and what was taken for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy

from loyalty.ledger.history import About, Line, Span, Teller
from loyalty.ledger.models import Transaction
from rewards.claiming import REASON
from rewards.models import Redemption

REDEMPTION: Final = "redemption"
_ABOUT: Final = """
    SELECT transaction_id, credit_id, id, terms->>'name' FROM rewards_redemption
    WHERE transaction_id = ANY(%(ids)s) OR credit_id = ANY(%(ids)s)
"""
_HOLDS: Final = {Redemption.State.RESERVED: "open", Redemption.State.LAPSED: "released"}


def about(ids: Sequence[UUID]) -> Mapping[UUID, About]:
    """The redemptions that these transactions paid for, or gave the points of."""
    found: dict[UUID, About] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ABOUT, {"ids": list(ids)})
        for paid, given, redemption_id, name in cursor.fetchall():
            for one in (paid, given):
                if one is not None:
                    found[one] = About(REDEMPTION, redemption_id, name)
    return found


def free(span: Span) -> Iterable[Line]:
    """Rewards that cost nothing: no transaction tells of them."""
    if span.kinds and Transaction.Kind.REDEEM not in span.kinds:
        return []
    rows = Redemption.objects.filter(member_id=span.member_id, transaction=None).select_related("point_type")
    if span.before is not None:
        rows = rows.filter(pk__lt=span.before)
    if span.point_type_id is not None:
        rows = rows.filter(point_type_id=span.point_type_id)
    return [_line(row) for row in rows.order_by("-pk")[: span.limit]]


def _line(row: Redemption) -> Line:
    return Line(
        id=row.pk,
        kind=Transaction.Kind.REDEEM,
        point_type=row.point_type.code,
        decimals=row.point_type.decimals,
        amount=0,
        event_id=None,
        reference=str(row.pk),
        reverses_id=None,
        counterpart_id=None,
        forgiven=0,
        already_expired=0,
        actor_kind=row.actor_kind,
        actor=row.actor,
        reason_code=REASON,
        note=row.terms["name"],
        occurred_at=row.created_at,
        recorded_at=row.created_at,
        hold_state=_HOLDS.get(Redemption.State(row.state)),
        hold_lapses_at=row.reserved_until,
        about=About(REDEMPTION, row.pk, row.terms["name"]),
    )


TELLER: Final = Teller(
    about,
    free,
    instead=gettext_lazy("These points belong to a reward: cancel or refund its redemption instead."),
)
