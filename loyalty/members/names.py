"""Members by name, forgiving accents, case and small typing mistakes."""

from __future__ import annotations

from django.db import connection

from loyalty.members.models import Member
from loyalty.programs.models import Program

# One index serves all: `laurel_fold(name)` with trigrams. First what holds the text, then what is like it.
_LIKE = """
SELECT id FROM members_member
 WHERE program_id = %(program)s AND laurel_fold(name) LIKE laurel_fold(%(pattern)s)
 ORDER BY laurel_fold(name) LIMIT %(limit)s
"""
_SIMILAR = """
SELECT id FROM members_member
 WHERE program_id = %(program)s AND laurel_fold(%(term)s) <%% laurel_fold(name)
 ORDER BY word_similarity(laurel_fold(%(term)s), laurel_fold(name)) DESC, name LIMIT %(limit)s
"""


def named_like(program: Program, term: str, *, limit: int) -> list[Member]:
    """Up to `limit` members whose name holds every word of `term`; if there are none, names similar to it."""
    text = term.strip()
    if len(text) < 2:
        return []
    words = [_escaped(word) for word in text.split()]
    told: dict[str, str | int] = {
        "program": program.pk,
        "term": text,
        "pattern": f"%{'%'.join(words)}%",
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LIKE, told)
        ids = [row[0] for row in cursor.fetchall()]
        if not ids and len(text) >= 4:
            cursor.execute(_SIMILAR, told)
            ids = [row[0] for row in cursor.fetchall()]
    members = Member.objects.filter(program=program).in_bulk(ids)
    return [members[one] for one in ids if one in members]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
