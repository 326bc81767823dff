"""Time: DST edges, clamped calendars, strict timestamps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.base import clock
from loyalty.base.errors import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [
        "Europe/Berlin",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Havana",
        "Asia/Kathmandu",
    ]
).map(ZoneInfo)
DAYS = st.dates(date(1990, 1, 1), date(2037, 12, 31))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_the_clock_is_aware_and_in_utc() -> None:
    assert clock.now().tzinfo is UTC


def test_a_pinned_clock_stands_still_and_then_runs_again() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=BERLIN)
    with clock.pinned(at):
        assert clock.now() == at
        with clock.pinned(utc(2030, 1, 1)):
            assert clock.now() == utc(2030, 1, 1)
        assert clock.now() == at
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_clock_is_not_pinned_to_a_naive_time() -> None:
    with pytest.raises(ValueError, match="aware"), clock.pinned(datetime(2026, 1, 1)):  # noqa: DTZ001
        pass


def test_a_local_time_in_the_gap_moves_to_the_first_instant_after_it() -> None:
    found = clock.resolve_local(datetime(2026, 3, 29, 2, 30), BERLIN)  # noqa: DTZ001
    assert found == (utc(2026, 3, 29, 1), "moved")


def test_a_local_time_that_happens_twice_is_the_first_one() -> None:
    found = clock.resolve_local(datetime(2026, 10, 25, 2, 30), BERLIN)  # noqa: DTZ001
    assert found == (utc(2026, 10, 25, 0, 30), "first_of_two")


def test_an_ordinary_local_time_is_exact() -> None:
    found = clock.resolve_local(datetime(2026, 7, 1, 12), BERLIN)  # noqa: DTZ001
    assert found == (utc(2026, 7, 1, 10), "exact")


def test_a_day_without_midnight_begins_when_its_clocks_do() -> None:
    assert clock.midnight(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo")) == utc(2018, 11, 4, 3)


def test_a_day_that_a_country_skipped_is_empty() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert clock.midnight(date(2011, 12, 30), apia) == clock.midnight(date(2011, 12, 31), apia)


@given(DAYS, ZONES)
def test_a_day_begins_at_its_first_instant(day: date, zone: ZoneInfo) -> None:
    begins = clock.midnight(day, zone)
    assert clock.local_date(begins, zone) >= day
    assert clock.local_date(begins - timedelta(microseconds=1), zone) < day


@given(st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)), ZONES)  # noqa: DTZ001
def test_every_wall_clock_time_has_one_instant_not_before_it(naive: datetime, zone: ZoneInfo) -> None:
    found = clock.resolve_local(naive, zone)
    shown = clock.local(found.at, zone).replace(tzinfo=None, fold=0)
    assert shown == naive if found.how != "moved" else shown > naive


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-12T14:03:00+01:00", utc(2026, 11, 12, 13, 3)),
        ("2026-11-12T13:03:00Z", utc(2026, 11, 12, 13, 3)),
        ("2026-11-12t13:03:00.1234569z", utc(2026, 11, 12, 13, 3, 0, 123456)),
        ("2026-11-12T00:30:00-00:00", utc(2026, 11, 12, 0, 30)),
        ("1900-01-01T00:00:00Z", utc(1900, 1, 1)),
    ],
)
def test_rfc_3339_is_read(text: str, at: datetime) -> None:
    read = clock.parse_instant(text)
    assert read == at
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-11-12T14:03:00", "timestamp_needs_offset"),
        (1700000000, "timestamp_invalid"),
        (True, "timestamp_invalid"),
        (None, "timestamp_invalid"),
        ("1700000000", "timestamp_invalid"),
        ("2026-11-12", "timestamp_invalid"),
        ("2026-11-12 14:03:00Z", "timestamp_invalid"),
        ("2026-02-30T00:00:00Z", "timestamp_invalid"),
        ("2026-02-20T24:00:00Z", "timestamp_invalid"),
        ("2026-02-20T12:00:00+24:00", "timestamp_invalid"),
        ("2026-02-20T12:00:00+01:00\n", "timestamp_invalid"),
        ("٢٠٢٦-02-20T12:00:00Z", "timestamp_invalid"),
        ("0001-01-01T00:00:00Z", "timestamp_out_of_range"),
        ("1900-01-01T00:00:00+05:00", "timestamp_out_of_range"),
        ("9998-12-31T23:59:59-10:00", "timestamp_out_of_range"),
        ("9999-12-31T23:59:59-10:00", "timestamp_out_of_range"),
    ],
)
def test_other_timestamps_are_refused_with_a_code(text: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        clock.parse_instant(text)
    assert refused.value.code == code


def test_a_naive_timestamp_is_read_in_the_zone_of_its_channel() -> None:
    assert clock.parse_instant("2026-07-01T12:00:00", default_zone=BERLIN) == utc(2026, 7, 1, 10)


@given(st.datetimes(datetime(1901, 1, 1), datetime(9990, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_written_is_read_back(at: datetime) -> None:
    assert clock.parse_instant(clock.write_instant(at)) == at


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?", fullmatch=True))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    code = "timestamp_read"
    try:
        assert clock.FIRST_YEAR <= clock.parse_instant(text).year <= clock.LAST_YEAR
    except Invalid as refused:
        code = refused.code
    assert code.startswith("timestamp_")


def test_only_iana_zones_are_known() -> None:
    assert clock.zone("Europe/Madrid").key == "Europe/Madrid"
    for name in ["../../etc/passwd", "Mars/Olympus", "", "\x00", "europe/madrid"]:
        with pytest.raises(Invalid) as refused:
            clock.zone(name)
        assert refused.value.code == "zone_unknown"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-02-29", "date_invalid"),
        ("26-02-01", "date_invalid"),
        (20260201, "date_invalid"),
        ("9999-01-01", "timestamp_out_of_range"),
        ("0001-01-01", "timestamp_out_of_range"),
    ],
)
def test_bad_dates_are_refused(text: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        clock.parse_date(text)
    assert refused.value.code == code


def test_months_are_counted_from_the_anchor_and_clamp() -> None:
    anchor = date(2026, 1, 31)
    assert clock.add_months(anchor, 1) == date(2026, 2, 28)
    assert clock.add_months(anchor, 2) == date(2026, 3, 31)
    assert clock.add_months(anchor, -2) == date(2025, 11, 30)
    assert clock.add_years(date(2024, 2, 29), 1) == date(2025, 2, 28)
    assert clock.add_years(date(2024, 2, 29), 4) == date(2028, 2, 29)


@given(DAYS, st.integers(-500, 500))
def test_adding_months_lands_in_the_month_wanted(anchor: date, months: int) -> None:
    moved = clock.add_months(anchor, months)
    assert (moved.year * 12 + moved.month) - (anchor.year * 12 + anchor.month) == months
    assert moved.day == anchor.day or ((moved + timedelta(days=1)).day == 1 and moved.day < anchor.day)


@pytest.mark.parametrize("amount", [12 * 9000, -12 * 9000, 10**12])
def test_the_calendar_ends_with_an_error_not_with_a_crash(amount: int) -> None:
    for add in (clock.add_months, clock.add_days, clock.add_years):
        with pytest.raises(Invalid) as refused:
            add(date(2026, 1, 1), amount * 40)
        assert refused.value.code == "timestamp_out_of_range"


def test_periods_end_on_their_last_day() -> None:
    day = date(2024, 2, 10)
    assert clock.end_of_period(day, "month") == date(2024, 2, 29)
    assert clock.end_of_period(day, "quarter") == date(2024, 3, 31)
    assert clock.end_of_period(day, "half") == date(2024, 6, 30)
    assert clock.end_of_period(day, "year") == date(2024, 12, 31)


@given(DAYS, st.sampled_from(["month", "quarter", "half", "year"]))
def test_periods_follow_each_other_without_a_hole(day: date, period: clock.Period) -> None:
    begins, ends = clock.start_of_period(day, period), clock.end_of_period(day, period)
    assert begins <= day <= ends
    following = ends + timedelta(days=1)
    assert clock.start_of_period(following, period) == following
    assert clock.end_of_period(begins, period) == ends


def test_a_birthday_on_leap_day_is_kept_on_the_28th_in_common_years() -> None:
    born = date(2000, 2, 29)
    assert clock.birthday_in(born, 2026) == date(2026, 2, 28)
    assert clock.birthday_in(born, 2028) == date(2028, 2, 29)
