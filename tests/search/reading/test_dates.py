"""Dates as ranges, against a slow reading by the calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.reading.dates import date_reader

LONDON = ZoneInfo("Europe/London")
read = date_reader(LONDON)


def us(text: str) -> int:
    """Microseconds since 1970 of a complete time with zone."""
    return round((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2026-07", "2026-06-30T23:00:00Z", "2026-07-31T23:00:00Z"),
        ("2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"),  # 23 hours: clocks go forward
        ("2026-10-25", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"),  # 25 hours: clocks go back
        ("2026-03", "2026-03-01T00:00:00Z", "2026-03-31T23:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-07-01T10:00", "2026-07-01T09:00:00Z", "2026-07-01T09:01:00Z"),
        ("2026-07-01T10:00Z", "2026-07-01T10:00:00Z", "2026-07-01T10:01:00Z"),
        ("2026-07-01T10:00:30", "2026-07-01T09:00:30Z", "2026-07-01T09:00:31Z"),
        ("2026-01-01T10:00:30+14:00", "2025-12-31T20:00:30Z", "2025-12-31T20:00:31Z"),
        ("2026-01-01T10:00:30-05:30", "2026-01-01T15:30:30Z", "2026-01-01T15:30:31Z"),
        ("2026-01-01T10:00:30.5Z", "2026-01-01T10:00:30.500000Z", "2026-01-01T10:00:30.600000Z"),
        ("2026-01-01T10:00:30.123Z", "2026-01-01T10:00:30.123000Z", "2026-01-01T10:00:30.124000Z"),
        ("2026-01-01T10:00:30.1234567Z", "2026-01-01T10:00:30.123456Z", "2026-01-01T10:00:30.123457Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z"),  # a leap second
        # 01:30 comes twice that night: the time may mean either.
        ("2026-10-25T01:30:00", "2026-10-25T00:30:00Z", "2026-10-25T01:30:01Z"),
        # 01:30 does not come that night.
        ("2026-03-29T01:30:00", "2026-03-29T01:30:00Z", "2026-03-29T01:30:01Z"),
    ],
)
def test_the_range_of_a_date(text: str, low: str, high: str) -> None:
    assert read(text) == (us(low), us(high))


def test_the_ends_of_the_calendar() -> None:
    day = 86_400 * 10**6
    assert read("9999-12-31T00:00:00Z") == (us("9999-12-31T00:00:00Z"), us("9999-12-31T00:00:01Z"))
    assert read("9999-12-31") == (us("9999-12-31T00:00:00Z"), us("9999-12-31T00:00:00Z") + day)
    assert read("9999") == (us("9999-01-01T00:00:00Z"), us("9999-12-31T00:00:00Z") + day)
    first = read("0001-01-01")
    assert first is not None
    assert first[1] - first[0] == day
    assert read("0001-01-01T00:00:00+14:00") == (
        us("0001-01-01T00:00:00Z") - 14 * 3600 * 10**6,
        us("0001-01-01T00:00:01Z") - 14 * 3600 * 10**6,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-13",
        "2026-00",
        "2026-02-30",
        "0000-01-01",
        "2026-1-1",
        "2026-01-01T",
        "2026-01-01T10",
        "2026-01-01T24:00:00Z",
        "2026-01-01T10:60:00Z",
        "2026-01-01T10:00:61Z",
        "2026-01-01T10:00:00+14:01",
        "2026-01-01T10:00:00+0100",
        "2026-01-01 10:00:00",
        "2026-01-01\n",
        "\u0662\u0660\u0662\u0666",
        "today",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert read(text) is None


ZONES = st.sampled_from(["Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"])
TIMES = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1))


def utc_us(local: datetime, zone: ZoneInfo) -> int:
    return us(local.replace(tzinfo=zone).astimezone(UTC).isoformat())


@given(ZONES, TIMES, st.integers(1, 3))
def test_partial_dates_reach_to_the_next_unit_of_the_calendar(name: str, time: datetime, precision: int) -> None:
    zone = ZoneInfo(name)
    start = datetime(time.year, time.month if precision > 1 else 1, time.day if precision > 2 else 1)
    end = start
    while (end.year, end.month, end.day)[:precision] == (start.year, start.month, start.day)[:precision]:
        end += timedelta(days=1)
    text = f"{start:%Y-%m-%d}"[: (4, 7, 10)[precision - 1]]
    assert date_reader(zone)(text) == (utc_us(start, zone), utc_us(end, zone))


@given(ZONES, TIMES, st.integers(-14 * 60, 14 * 60))
def test_times_with_a_zone_do_not_depend_on_the_server(name: str, time: datetime, offset: int) -> None:
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    text = f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    found = date_reader(ZoneInfo(name))(text)
    assert found == (us(text), us(text) + 1)


@given(st.text(alphabet="0123456789-T:.Z+ ", max_size=30))
def test_any_text_is_a_range_or_none(text: str) -> None:
    found = read(text)
    assert found is None or found[0] < found[1]
