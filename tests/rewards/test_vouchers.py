"""A file of codes is loaded once, whole, and leaves no code readable anywhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from loyalty.base import clock, job_runs, jobs
from loyalty.base.errors import Invalid, LaurelError
from loyalty.base.job_files import read_errors
from loyalty.base.models import Job
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import codes, redemption, replacing, vouchers
from rewards.code_files import read
from rewards.models import Code, CodeBatch, Redemption, Reward, StockChange
from tests.rewards.shop import DAY, NOON, OLGA, TILL, a_member, a_reward, stock_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool(points: PointType) -> Reward:
    return a_reward(points, "voucher")


def loaded(reward: Reward, text: str | bytes, **terms: object) -> CodeBatch:
    """Uploaded and worked off, as a worker does it."""
    content = text if isinstance(text, bytes) else text.encode()
    job = vouchers.start(reward, content, name="codes.csv", by="olga", at=NOON, **terms)  # type: ignore[arg-type]
    with clock.pinned(NOON):
        assert job_runs.run_waiting(lambda: NOON) == 1
    job.refresh_from_db()
    assert job.state == "done", job.error
    return CodeBatch.objects.get(pk=job.params["batch"])


def some(count: int, first: int = 0) -> str:
    return "\n".join(f"CODE-{number:06d}" for number in range(first, first + count))


def counts(batch: CodeBatch) -> dict[str, int]:
    names = ("added", "repeated", "known", "taken", "bad")
    return {name: getattr(batch, name) for name in names if getattr(batch, name)}


# --- reading ------------------------------------------------------------------------------------------------


def lines_of(text: str, points: PointType) -> list[tuple[str, str | None, str]]:
    found = read(text, zone=points.program.zone, at=NOON)
    return [(one.code, one.expires_at.isoformat() if one.expires_at else None, one.why) for one in found]


def test_a_paste_is_one_code_a_line(points: PointType) -> None:
    text = "\n AAAA-1 \r\n\r\nBBBB-2\n\n"
    assert lines_of(text, points) == [("AAAA-1", None, ""), ("BBBB-2", None, "")]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_file_may_have_a_header_quotes_and_an_expiry(points: PointType, mark: str) -> None:
    text = f'Name{mark}"Voucher code"{mark}Valid until\nx{mark}"AA""AA"{mark}2026-12-31\ny{mark}BBBB{mark}\n'
    assert lines_of(text, points) == [('AA"AA', "2026-12-31T23:00:00+00:00", ""), ("BBBB", None, "")]


def test_an_expiry_may_be_an_instant(points: PointType) -> None:
    assert lines_of("AAAA,2026-12-31T10:00:00+01:00", points) == [("AAAA", "2026-12-31T09:00:00+00:00", "")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (",2026-12-31", "code_missing"),
        ("AAA", "code_too_short"),
        ("A" * 201, "code_too_long"),
        ("AAAA BBBB", "code_invalid"),
        ("AAAA\x07", "code_invalid"),
        ("AAAA,31.12.2026", "expiry_invalid"),
        ("AAAA,2026-02-30", "expiry_invalid"),
        ("AAAA,2026-03-09", "expiry_past"),
        ("AAAA,2026-12-31,more", "columns_unknown"),
    ],
)
def test_a_bad_line_says_why(points: PointType, line: str, why: str) -> None:
    assert [found[2] for found in lines_of(line, points)] == [why]


def test_codes_that_the_file_calls_used_are_not_loaded(points: PointType) -> None:
    text = "code,used\nAAAA,no\nBBBB,yes\nCCCC,maybe\nDDDD,\n"
    assert [found[2] for found in lines_of(text, points)] == ["", "used", "used_unknown", ""]


def test_the_last_day_counts_whole(points: PointType) -> None:
    [line] = read("AAAA,2026-03-10", zone=points.program.zone, at=datetime(2026, 3, 10, 22, 59, tzinfo=UTC))
    assert line.why == ""


# --- loading ------------------------------------------------------------------------------------------------


def test_codes_fill_the_pool_and_are_readable_only_with_the_key(pool: Reward) -> None:
    batch = loaded(pool, some(3))
    assert counts(batch) == {"added": 3}
    assert stock_of(pool).left == 3
    assert sorted(codes.reveal(code) for code in Code.objects.all()) == some(3).split("\n")
    assert StockChange.objects.filter(reason="codes").get().after == 3
    assert (batch.content, batch.finished_at) == (None, NOON)


def test_no_code_stands_in_the_database_before_or_after_loading(pool: Reward) -> None:
    job = vouchers.start(pool, some(3).encode(), name="codes.csv", by="olga", at=NOON)
    everything = str([*CodeBatch.objects.values_list("content"), *Job.objects.values_list("params", "name")])
    assert "CODE-" not in everything
    job_runs.run_waiting(lambda: NOON)
    job.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM rewards_code WHERE position('CODE-'::bytea IN ciphertext) > 0")
        assert cursor.fetchone()[0] == 0
    assert "CODE-" not in str(job.result)


def test_the_same_file_twice_changes_nothing(pool: Reward) -> None:
    loaded(pool, some(5))
    again = loaded(pool, some(5))
    assert counts(again) == {"known": 5}
    assert (Code.objects.count(), stock_of(pool).loaded) == (5, 5)
    assert StockChange.objects.filter(reason="codes").count() == 1


def test_repeated_known_taken_and_bad_lines_are_listed(pool: Reward, ada: Member) -> None:
    loaded(pool, "KNOWN-1,2026-12-31\nTAKEN-1,2026-12-30")
    redemption.redeem(ada, pool, at=NOON, actor=TILL)
    batch = loaded(pool, "NEW-0001\nKNOWN-1\nNEW-0001\nTAKEN-1\nx\n")
    assert counts(batch) == {"added": 1, "repeated": 1, "known": 1, "taken": 1, "bad": 1}
    assert [(row["line"], row["why"]) for row in batch.report] == [
        (2, "known"), (3, "repeated"), (4, "taken"), (5, "code_too_short"),
    ]  # fmt: skip
    job = Job.objects.get(params={"batch": str(batch.pk)})
    refused = b"".join(read_errors(job)).decode()
    assert "••••" in refused
    assert "KNOWN-1" not in refused + str(batch.report)


def test_another_program_may_have_the_same_codes_and_another_pool_may_not(
    pool: Reward, points: PointType
) -> None:
    loaded(pool, some(2))
    other = a_reward(points, "voucher", code="other")
    assert counts(loaded(other, some(3))) == {"added": 1, "known": 2}


def test_many_codes_are_loaded_in_chunks(pool: Reward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouchers, "CHUNK", 10)
    batch = loaded(pool, some(25) + "\n" + some(5))
    assert counts(batch) == {"added": 25, "repeated": 5}
    assert stock_of(pool).left == 25
    changes = StockChange.objects.filter(reason="codes").order_by("id")
    assert [change.after for change in changes] == [10, 20, 25]


def test_a_job_that_was_cut_off_goes_on_where_it_was(pool: Reward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouchers, "CHUNK", 10)
    job = vouchers.start(pool, (some(25) + "\n" + some(5)).encode(), name="", by="olga", at=NOON)
    insert, calls = vouchers._insert, []

    def dies(*args: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return insert(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(vouchers, "_insert", dies)
    job_runs.run_waiting(lambda: NOON)
    job.refresh_from_db()
    assert (job.state, stock_of(pool).loaded) == ("failed", 10)
    assert jobs.resume(job)
    job_runs.run_waiting(lambda: NOON)
    batch = CodeBatch.objects.get()
    assert counts(batch) == {"added": 25, "repeated": 5}
    assert (batch.lines, stock_of(pool).loaded, Code.objects.count()) == (30, 25, 25)


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "file_empty"), (b"  \n", "file_empty"), (b"\xff\xfeA\x00", "not_utf8")]
)
def test_what_is_no_file_of_codes_is_refused_at_once(pool: Reward, content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        vouchers.start(pool, content, name="", by="olga", at=NOON)
    assert refused.value.code == code
    assert not CodeBatch.objects.exists()


def test_only_a_voucher_reward_has_a_pool(points: PointType) -> None:
    with pytest.raises(Invalid) as refused:
        vouchers.start(a_reward(points), b"AAAA", name="", by="olga", at=NOON)
    assert refused.value.code == "not_a_pool"


# --- out of the pool ----------------------------------------------------------------------------------------


def test_the_code_that_expires_first_is_given_first(pool: Reward, ada: Member) -> None:
    loaded(pool, "LATE-1\nSOON-1,2026-04-01\nLATER-1,2026-05-01")
    given = [redemption.redeem(ada, pool, at=NOON, actor=TILL) for _ in range(3)]
    assert [row.code and codes.reveal(row.code) for row in given] == ["SOON-1", "LATER-1", "LATE-1"]
    assert given[0].expires_at == datetime(2026, 4, 1, 22, tzinfo=UTC)
    assert stock_of(pool).left == 0
    with pytest.raises(LaurelError) as refused:
        redemption.redeem(ada, pool, at=NOON, actor=TILL)
    assert refused.value.code == "sold_out"


def test_a_reserved_code_that_nobody_saw_goes_back_into_the_pool(pool: Reward, ada: Member) -> None:
    loaded(pool, some(1))
    row = redemption.reserve(ada, pool, at=NOON, actor=TILL)
    assert Code.objects.get().state == "reserved"
    row = redemption.cancel(row, at=NOON, actor=TILL)
    assert (row.code, Code.objects.get().state, stock_of(pool).left) == (None, "free", 1)


def test_a_code_that_a_member_saw_is_never_given_again(pool: Reward, ada: Member) -> None:
    loaded(pool, some(2))
    row = redemption.redeem(ada, pool, at=NOON, actor=TILL)
    redemption.cancel(row, at=NOON, actor=TILL)
    own = stock_of(pool)
    assert (own.loaded, own.used, own.left) == (1, 0, 1)
    assert StockChange.objects.latest("id").reason == "revoked"
    again = redemption.redeem(ada, pool, at=NOON, actor=TILL)
    assert again.code_id != row.code_id


def test_another_code_is_one_that_still_holds(pool: Reward, ada: Member) -> None:
    loaded(pool, "SOON-1,2026-03-31\nNEXT-1,2026-03-31\nLATE-1")
    row = redemption.reserve(ada, pool, at=NOON, actor=TILL)
    Code.objects.filter(redemption=row).update(expires_at=None)
    redemption.confirm(row, at=NOON, actor=TILL)
    row = replacing.replace(row, at=datetime(2026, 3, 31, 22, tzinfo=UTC), actor=OLGA)
    assert row.code is not None
    assert (codes.reveal(row.code), row.expires_at) == ("LATE-1", None)


def test_a_lapsed_reservation_leaves_its_code_at_once(pool: Reward, ada: Member, points: PointType) -> None:
    loaded(pool, some(1))
    first = redemption.reserve(ada, pool, at=NOON, actor=TILL)
    ben = a_member(points, 100, "Ben")
    row = redemption.redeem(ben, pool, at=NOON + DAY, actor=TILL)
    assert row.code is not None
    assert codes.reveal(row.code) == some(1)
    redemption.lapse(first, at=NOON + DAY)
    assert Redemption.objects.get(pk=first.pk).code is None
    assert Code.objects.get().state == "issued"


def test_codes_that_ran_out_in_the_pool_are_neither_left_nor_given(pool: Reward, ada: Member) -> None:
    loaded(pool, "SOON-1,2026-03-31\nLATE-1")
    april = datetime(2026, 3, 31, 22, tzinfo=UTC)
    row = redemption.redeem(ada, pool, at=april, actor=TILL)
    assert row.code is not None
    assert codes.reveal(row.code) == "LATE-1"
    with pytest.raises(LaurelError) as refused:
        redemption.redeem(ada, pool, at=april, actor=TILL)
    assert refused.value.code == "sold_out"
    assert vouchers.expire_free(april) == 1
    assert vouchers.expire_free(april) == 0
    assert (stock_of(pool).loaded, stock_of(pool).left) == (1, 0)
    assert StockChange.objects.latest("id").reason == "expired"
    found = vouchers.pool_of(pool)
    assert (found.free, found.issued, found.expired) == (0, 1, 1)
