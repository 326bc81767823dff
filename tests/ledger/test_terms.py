"""When points begin and end to count, at the exact instant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loyalty.ledger.terms import Expiry, available_at, expires_at, last_valid_day
from loyalty.programs.models import PointType

MADRID = ZoneInfo("Europe/Madrid")
SANTIAGO = ZoneInfo("America/Santiago")  # clocks go forward at midnight
KIRITIMATI = ZoneInfo("Pacific/Kiritimati")  # UTC+14
PAGO_PAGO = ZoneInfo("Pacific/Pago_Pago")  # UTC-11


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rolling(count: int, unit: str = "months", rounding: str = "") -> Any:
    return Expiry("rolling", count, unit, rounding, ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "anchor", "last"),
    [
        (rolling(12), "2026-03-10", "2027-03-10"),
        (rolling(1, "days"), "2026-03-10", "2026-03-11"),
        (rolling(2, "years"), "2026-03-10", "2028-03-10"),
        # months clamp, and always count from the anchor
        (rolling(1), "2026-01-31", "2026-02-28"),
        (rolling(2), "2026-01-31", "2026-03-31"),
        (rolling(1), "2028-01-31", "2028-02-29"),
        (rolling(1, "years"), "2028-02-29", "2029-02-28"),
        (rolling(4, "years"), "2028-02-29", "2032-02-29"),
        (rolling(11), "2026-03-31", "2027-02-28"),
        # rounded up to an end
        (rolling(12, rounding="month"), "2026-03-10", "2027-03-31"),
        (rolling(12, rounding="month"), "2026-03-31", "2027-03-31"),
        (rolling(1, rounding="month"), "2028-01-15", "2028-02-29"),
        (rolling(12, rounding="quarter"), "2026-04-01", "2027-06-30"),
        (rolling(6, rounding="quarter"), "2026-06-30", "2026-12-31"),
        (rolling(12, rounding="year"), "2026-01-01", "2027-12-31"),
        # fixed dates: the next one, and the day itself still counts
        (Expiry("fixed", None, "months", "", ("12-31",)), "2026-03-10", "2026-12-31"),
        (Expiry("fixed", None, "months", "", ("12-31",)), "2026-12-31", "2026-12-31"),
        (Expiry("fixed", None, "months", "", ("03-31", "09-30")), "2026-04-01", "2026-09-30"),
        (Expiry("fixed", None, "months", "", ("09-30", "03-31")), "2026-10-01", "2027-03-31"),
        (Expiry("fixed", None, "months", "", ("02-29",)), "2026-02-01", "2026-02-28"),
        (Expiry("fixed", None, "months", "", ("02-29",)), "2028-02-28", "2028-02-29"),
        (Expiry("fixed", None, "months", "", ("02-29",)), "2026-03-01", "2027-02-28"),
        # inactivity never rounds
        (Expiry("inactivity", 6, "months", "", ()), "2026-08-31", "2027-02-28"),
        (Expiry("inactivity", 6, "months", "year", ()), "2026-08-31", "2027-02-28"),
    ],
)
def test_the_last_day_on_which_points_count(policy: Expiry, anchor: str, last: str) -> None:
    assert last_valid_day(policy, date.fromisoformat(anchor)) == date.fromisoformat(last)


@pytest.mark.parametrize(
    "policy",
    [
        Expiry("none", 12, "months", "", ("12-31",)),
        Expiry("rolling", None, "months", "", ()),
        Expiry("fixed", 12, "months", "", ()),
    ],
)
def test_without_a_complete_policy_points_never_lapse(policy: Expiry) -> None:
    assert last_valid_day(policy, date(2026, 3, 10)) is None


@pytest.mark.parametrize(
    ("zone", "anchor", "lapses"),
    [
        # local midnight after the last valid day, in winter and in summer
        (MADRID, "2026-01-10T12:00", "2026-02-10T23:00"),
        (MADRID, "2026-06-10T12:00", "2026-07-10T22:00"),
        # the anchor's local date counts: 23:30 UTC is the next day in Madrid
        (MADRID, "2026-01-10T23:30", "2026-02-11T23:00"),
        # the last valid day is the one on which clocks change (23 and 25 hours long)
        (MADRID, "2026-02-28T12:00", "2026-03-28T23:00"),
        (MADRID, "2026-02-28T23:30", "2026-04-01T22:00"),
        (MADRID, "2026-03-29T00:30", "2026-04-29T22:00"),
        (MADRID, "2026-09-25T12:00", "2026-10-25T23:00"),
        (MADRID, "2026-09-24T12:00", "2026-10-24T22:00"),
        # midnight that does not exist: 6 September 2026 begins at 01:00 in Santiago
        (SANTIAGO, "2026-08-05T16:00", "2026-09-06T04:00"),
        # the far ends of the day
        (KIRITIMATI, "2026-01-10T12:00", "2026-02-11T10:00"),
        (PAGO_PAGO, "2026-01-10T12:00", "2026-02-11T11:00"),
    ],
)
def test_points_lapse_at_the_local_midnight_after_the_last_day(
    zone: ZoneInfo, anchor: str, lapses: str
) -> None:
    points = PointType(expiry_kind="rolling", expiry_count=1, expiry_unit="months")
    assert expires_at(points, utc(anchor), zone) == utc(lapses)


def test_an_expiry_beyond_the_calendar_is_none() -> None:
    points = PointType(expiry_kind="rolling", expiry_count=9000, expiry_unit="years")
    assert expires_at(points, utc("2026-01-10T12:00"), MADRID) is None


@pytest.mark.parametrize(
    ("pending", "earned", "available"),
    [
        ({}, "2026-03-10T12:34:56", "2026-03-10T12:34:56"),
        # from the start of the 14th local day after
        ({"pending_kind": "days", "pending_days": 14}, "2026-03-10T12:00", "2026-03-23T23:00"),
        # clocks go forward in between
        ({"pending_kind": "days", "pending_days": 30}, "2026-03-10T12:00", "2026-04-08T22:00"),
        ({"pending_kind": "days", "pending_days": 1}, "2026-03-10T23:30", "2026-03-11T23:00"),
        # from a fixed date, or at once when it is past
        ({"pending_kind": "date", "pending_date": date(2026, 12, 1)}, "2026-03-10T12:00", "2026-11-30T23:00"),
        ({"pending_kind": "date", "pending_date": date(2026, 3, 1)}, "2026-03-10T12:00", "2026-03-10T12:00"),
    ],
)
def test_points_become_available(pending: dict[str, Any], earned: str, available: str) -> None:
    assert available_at(PointType(**pending), utc(earned), MADRID) == utc(available)
