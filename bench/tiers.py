"""The night of a new year: every member's tier is judged. Our review, against one statement that writes the same rows.
And what a manager waits for before publishing a ladder: who would move, against one statement that counts the same.

The limit knows only this one case: a calendar year of spend and one threshold. The review takes any ladder, goes on
where it was interrupted, and can run beside a shop.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from django.db import connection, transaction

from bench import harness
from bench.harness import Row
from loyalty.config import memory

if TYPE_CHECKING:
    from tiers.models import TierSet

PUBLISHED = datetime(2025, 1, 1, 9, tzinfo=UTC)
NIGHT_BEFORE = datetime(2026, 12, 30, 9, tzinfo=UTC)
NOON = datetime(2026, 12, 30, 12, tzinfo=UTC)
AT = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
WANTED = 0.4
ROUNDS = 3
WANTED_SECONDS = 10  # for a preview of a million members
CLUB = {"code": "club", "name": "Club", "warn_days": 0}
SILVER = {"code": "silver", "name": "Silver", "threshold": Decimal(100)}
KEPT = {"one in twenty drops": 95, "everybody drops": 0}

# Everybody spent 120 and some more in 2025 and is silver to the end of 2026. Of a hundred members `{kept}` spent enough
# in 2026. Amounts are to the cent, a thousand different ones: about as many members share one as in a real program.
_FILL = """
SET session_replication_role = replica;
INSERT INTO members_member (id, program_id, state, suspended_may_earn, suspended_may_redeem, name, attributes,
    enrolled_at, tier_code, tier_name, updated_at)
SELECT gen_random_uuid(), {program}, 'active', false, false, '', '{{}}', '2025-06-01Z', '', '', '2025-06-01Z'
FROM generate_series(1, {members});
INSERT INTO events_activity (program_id, member_id, day, orders, spend, visits, points)
SELECT {program}, m.id, d.day, 1, 40 + m.number * 7 % 1000 * 0.01, 0, 40
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM members_member) m,
    (VALUES (date '2025-07-01', false), ('2025-08-01', false), ('2025-09-01', false), ('2026-02-01', false),
        ('2026-05-01', false), ('2026-10-01', true)) d(day, extra)
WHERE NOT d.extra OR m.number % 100 < {kept};
SET session_replication_role = origin
"""

_LIMIT = """
WITH due AS MATERIALIZED (
    SELECT s.id, s.program_id, s.tier_set_id, s.member_id, s.version_id, coalesce(v.spend, 0) AS value,
        coalesce(v.spend, 0) >= 100 AS keeps
    FROM tiers_standing s
    LEFT JOIN (SELECT member_id, sum(spend) AS spend FROM events_activity
        WHERE day BETWEEN '2026-01-01' AND '2026-12-31' GROUP BY member_id) v ON v.member_id = s.member_id
    WHERE s.review_on <= '2027-01-01'
), standing AS (
    UPDATE tiers_standing s SET tier_code = CASE WHEN keeps THEN 'silver' ELSE '' END, since_at = %(at)s,
        since = CASE WHEN keeps THEN since ELSE '2027-01-01' END, computed_through = '2027-01-01', updated_at = %(at)s,
        valid_until = CASE WHEN keeps THEN date '2028-01-01' END, review_on = CASE WHEN keeps THEN date '2028-01-01' END
    FROM due WHERE due.id = s.id
), change AS (
    INSERT INTO tiers_tierchange (program_id, tier_set_id, member_id, kind, from_code, to_code, at, decided_at,
        valid_until, numbers, version_id, beneath, actor, reason)
    SELECT program_id, tier_set_id, member_id, CASE WHEN keeps THEN 'retained' ELSE 'downgraded' END, 'silver',
        CASE WHEN keeps THEN 'silver' ELSE '' END, '2027-01-01Z', %(at)s, CASE WHEN keeps THEN date '2028-01-01' END,
        jsonb_build_object('measure', 'spend', 'value', value, 'needed', '100', 'from', '2027-01-01', 'on',
            '2027-01-01'), version_id, false, '', ''
    FROM due
), told AS (
    INSERT INTO outbox_fact (program_id, member_id, type, data, occurred_at, recorded_at)
    SELECT program_id, member_id, CASE WHEN keeps THEN 'tier.retained' ELSE 'tier.downgraded' END,
        jsonb_build_object('tier_set', 'club', 'from', 'silver', 'to', CASE WHEN keeps THEN 'silver' ELSE '' END,
            'kind', 'retained', 'valid_until', '2028-01-01', 'version', 1, 'value', value, 'needed', '100'),
        '2027-01-01Z', %(at)s
    FROM due
)
UPDATE members_member m SET tier_code = CASE WHEN keeps THEN 'silver' ELSE '' END,
    tier_name = CASE WHEN keeps THEN 'Silver' ELSE '' END,
    tier_until = CASE WHEN keeps THEN timestamptz '2028-01-01Z' END
FROM due WHERE due.member_id = m.id
"""


# A draft that asks for 110 instead of 100, and has a tier above: the same matrix, and nothing else.
_MATRIX = """
SELECT coalesce(s.tier_code, ''), width_bucket(coalesce(v.spend, 0), ARRAY[110, 130]::numeric[]), count(*)
FROM members_member m
LEFT JOIN tiers_standing s ON s.member_id = m.id
LEFT JOIN (SELECT member_id, sum(spend) AS spend FROM events_activity
    WHERE day BETWEEN '2026-01-01' AND '2026-12-30' GROUP BY member_id) v ON v.member_id = m.id
WHERE m.program_id = (SELECT id FROM programs_program)
GROUP BY 1, 2
"""

# As the review would have left them on the day before.
_STANDINGS = """
SET session_replication_role = replica;
INSERT INTO tiers_standing (program_id, tier_set_id, member_id, version_id, seen_version_id, tier_code, since, since_at,
    valid_until, carried, carried_before, computed_through, review_on, updated_at)
SELECT v.program_id, v.tier_set_id, m.id, v.id, v.id, 'silver', '2025-09-01', '2025-09-01Z', '2027-01-01', 0, 0,
    '2026-12-30', '2027-01-01', '2026-12-30Z'
FROM members_member m CROSS JOIN tiers_ladderversion v;
SET session_replication_role = origin
"""


def main(*, quick: bool = False) -> None:
    """Print members a second."""
    _night(20_000 if quick else 200_000)
    _foresight(100_000 if quick else 1_000_000)


def _night(members: int) -> None:
    rows = []
    for what, kept in KEPT.items():
        with harness.database("bench_tiers"):
            _fill(members, kept)
            ours, limit = _in_turns(
                partial(_one_night, members, kept, _review), partial(_one_night, members, kept, _plain_sql)
            )
        rows.append(
            Row(f"review of {members:,}, {what}", members / ours, members / limit, "members/s", WANTED)
        )
    harness.table("Tiers: the night of a new year", rows)


def _one_night(members: int, kept: int, work: Callable[[], None]) -> float:
    with harness.database("bench_tiers_run", like="bench_tiers"):
        took = harness.seconds(work)
        _check(members, kept)
    return took


def _in_turns(*works: Callable[[], float]) -> list[float]:
    """The quickest round of each: what it takes when nothing else disturbs it."""
    return [min(times) for times in zip(*([work() for work in works] for _ in range(ROUNDS)), strict=True)]


def _foresight(members: int) -> None:
    from tiers import preview
    from tiers.models import TierSet

    with harness.database("bench_tiers"):
        _foresee_fill(members)
        draft = TierSet.objects.select_related("program", "point_type").get()
        seen = preview.preview(draft, protect=False, at=NOON)
        counted = _matrix()
        assert {("", "silver", "gold").index(to): n for (_, to), n in seen.moves.items()} == counted
        ours, limit, nobody = _in_turns(
            partial(harness.seconds, partial(preview.preview, draft, protect=False, at=NOON)),
            partial(harness.seconds, _matrix),
            partial(harness.seconds, partial(preview.movers, draft, "", "gold", protect=False, at=NOON)),
        )
    rows = [
        Row(f"preview of {members:,}", members / ours, members / limit, "members/s"),
        Row(f"list of a cell that is empty, of {members:,}", members / nobody, members / limit, "members/s"),
    ]
    harness.table("Tiers: who would move", rows)
    for what, took in (("preview", ours), ("list", nobody)):
        million = took * 1_000_000 / members
        verdict = "ok" if million <= WANTED_SECONDS else "MISSED"
        print(f"  {what}: {million:.1f} s for a million members, wanted {WANTED_SECONDS}: {verdict}")


def _matrix() -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_MATRIX)
        return {fit: count for _, fit, count in cursor.fetchall()}


def _foresee_fill(members: int) -> None:
    from tiers import drafts

    draft = _publish_and_people(members, 95)
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS)
    tiers = [
        SILVER | {"threshold": Decimal(110)},
        SILVER | {"code": "gold", "name": "Gold", "threshold": Decimal(130)},
    ]
    drafts.save(draft, {}, tiers=tiers, revision=draft.revision, by="bench", at=NIGHT_BEFORE)
    harness.settle()


def _fill(members: int, kept: int) -> None:
    from tiers import review

    draft = _publish_and_people(members, kept)
    assert review.due(draft.program, at=NIGHT_BEFORE) == members
    memory.keep_what_is_loaded()  # as a worker does when it starts
    harness.settle()


def _publish_and_people(members: int, kept: int) -> TierSet:
    from loyalty.programs import programs
    from tiers import drafts, versions

    program = programs.create(code="bench", name="Bench", currency="EUR", timezone="UTC", at=PUBLISHED)
    draft = drafts.create(program, CLUB, [SILVER], by="bench", at=PUBLISHED)
    versions.publish(draft, by="bench", at=PUBLISHED)
    with connection.cursor() as cursor:
        cursor.execute(_FILL.format(program=program.pk, members=members, kept=kept))
    return draft


def _review() -> None:
    from loyalty.programs.models import Program
    from tiers import review

    review.due(Program.objects.get(), at=AT)


@transaction.atomic
def _plain_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LIMIT, {"at": AT})


def _check(members: int, kept: int) -> None:
    from loyalty.members.models import Member
    from tiers.models import Standing, TierChange

    assert Standing.objects.filter(tier_code="silver").count() == members * kept // 100
    assert Member.objects.filter(tier_code="silver").count() == members * kept // 100
    assert TierChange.objects.filter(decided_at=AT).count() == members
