"""What an import brought, from the books themselves."""

from __future__ import annotations

from django.db import connection

from loyalty.base.numbers import format_points
from loyalty.programs.models import Program

_FROM_SOURCE = """
    SELECT t.point_type_id,
        coalesce(sum(t.amount) FILTER (WHERE t.kind IN ('earn', 'correct')), 0)::bigint,
        coalesce(sum(t.forgiven + t.already_expired - t.amount) FILTER (WHERE t.kind = 'reverse'), 0)::bigint,
        coalesce(sum(t.forgiven) FILTER (WHERE t.kind = 'reverse'), 0)::bigint,
        coalesce(sum(t.already_expired) FILTER (WHERE t.kind = 'reverse'), 0)::bigint
    FROM ledger_transaction t JOIN events_event e ON e.id = t.event_id
    WHERE e.program_id = %s AND e.source = %s GROUP BY 1
"""
_OF_PROGRAM = """
    SELECT p.id, p.code, p.decimals,
        (SELECT coalesce(-sum(t.amount), 0)::bigint FROM ledger_transaction t
            WHERE t.program_id = p.program_id AND t.point_type_id = p.id AND t.kind = 'expire'),
        coalesce(sum(w.debt), 0)::bigint, coalesce(sum(w.balance), 0)::bigint
    FROM programs_pointtype p LEFT JOIN ledger_wallet w ON w.point_type_id = p.id
    WHERE p.program_id = %s GROUP BY p.id
"""


def totals(program: Program, source: str) -> dict[str, dict[str, str]]:
    """By point type, in whole units: what this source's events earned and took back (`forgiven` and `already_expired`
    are part of that), and where the whole program stands now: expired so far, owed, and the sum of balances."""
    with connection.cursor() as cursor:
        cursor.execute(_FROM_SOURCE, [program.pk, source])
        moved = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_OF_PROGRAM, [program.pk])
        found = cursor.fetchall()
    names = ("earned", "taken_back", "forgiven", "already_expired", "expired", "owed", "balance")
    return {
        code: {
            name: format_points(units, decimals)
            for name, units in zip(names, (*moved.get(type_id, (0, 0, 0, 0)), *standing), strict=True)
        }
        for type_id, code, decimals, *standing in found
    }
