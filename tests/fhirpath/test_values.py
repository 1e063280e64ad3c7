"""Values: dates to their precision, durations, quantities, boundaries."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhirpath.env import Env
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values import amounts, boundaries, moments
from fhir_server.fhirpath.values.amounts import Amount
from fhir_server.fhirpath.values.durations import plus
from fhir_server.fhirpath.values.moments import Moment, read_moment, read_time

TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda found: found.replace(microsecond=0))
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def moment(text: str) -> Moment:
    found = read_moment(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(
    "text",
    [
        "2015",
        "2015-02",
        "2015-02-04",
        "2015-02-04T14",
        "2015-02-04T14:34",
        "2015-02-04T14:34:28.123+10:00",
        "0001-01-01",
    ],
)
def test_a_date_is_written_as_it_was_read(text: str) -> None:
    assert moment(text).text() == text
    assert moment(text + ("T" if len(text) < 11 else "")).text() == text


@pytest.mark.parametrize(
    "text",
    ["", "15", "2015-13", "2015-02-30", "0000", "2015-02-04T24", "2015-02T14", "2015-02-04T14:60", "2015-2-4", "x"],
)
def test_what_is_no_date(text: str) -> None:
    assert read_moment(text) is None


@pytest.mark.parametrize("text", ["", "24", "10:60", "10:00:60", "1", "10:00:00.", "T10"])
def test_what_is_no_time(text: str) -> None:
    assert read_time(text) is None


@given(TIMES, TIMES, ZONES, ZONES)
def test_instants_compare_as_the_library_compares_them(
    left: datetime, right: datetime, zone: timezone, other: timezone
) -> None:
    first, second = left.replace(tzinfo=zone), right.replace(tzinfo=other)
    expected = (first > second) - (first < second)
    assert moments.compare(moment(first.isoformat()), moment(second.isoformat())) == expected


@given(TIMES, TIMES, st.integers(1, 6), st.integers(1, 6))
def test_to_a_lesser_precision_the_order_is_that_of_all_it_may_mean(
    left: datetime, right: datetime, depth: int, other: int
) -> None:
    first, second = _to(left, depth), _to(right, other)
    found = moments.compare(first, second)
    assert found == -1 * (moments.compare(second, first) or 0) or found is None
    (low, high), (low2, high2) = moments.span(first), moments.span(second)
    certain = (high if depth < 6 else low + 1) <= low2
    if certain and (low, high) != (low2, high2):
        assert found == -1
    if found == 0:
        assert depth == other


def _to(time: datetime, depth: int) -> Moment:
    return Moment((time.year, time.month, time.day, time.hour, time.minute, time.second)[:depth])


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("2012", "2012-04", None),
        ("2012", "2013-04", -1),
        ("2012-04-15", "2012-04-15T00:00:00", None),
        ("2012-04-15T10:00:00", "2012-04-15T10:00:00.000", 0),
        ("2012-04-15T10", "2012-04-15T10:00:00", None),
        ("2012-04-15T09:59:59", "2012-04-15T10", -1),
        ("2012-04-15T11:00:00", "2012-04-15T10", 1),
        ("2012-04-15T10:00:00", "2012-04-15T10:00:00Z", None),
        ("2012-04-15T10:00:00", "2012-04-17T10:00:00Z", -1),
        ("2012-04-15", "2012-04-15T10:00:00Z", None),
        ("9999", "9999", 0),
        ("9999-12", "9999-12-31", None),
    ],
)
def test_order_of_dates(left: str, right: str, order: int | None) -> None:
    assert moments.compare(moment(left), moment(right)) == order
    assert moments.compare(moment(right), moment(left)) == (None if order is None else -order)


@given(TIMES, st.integers(-(10**6), 10**6), st.sampled_from(["day", "hour", "minute", "second"]))
def test_a_duration_later_is_what_the_library_adds(time: datetime, value: int, unit: str) -> None:
    expected = time + timedelta(**{f"{unit}s": value})
    moved = plus(moment(time.isoformat()), Amount(Decimal(abs(value)), unit, calendar=True), 1 if value >= 0 else -1)
    assert moved is not None
    assert moved.text() == expected.isoformat()


@pytest.mark.parametrize(
    ("start", "value", "unit", "end"),
    [
        ("2016-02-29", "1", "year", "2017-02-28"),
        ("2016-01-31", "1", "month", "2016-02-29"),
        ("2016-01-31", "1.9", "month", "2016-02-29"),
        ("2014", "24", "month", "2016"),
        ("2014", "23", "month", "2015"),
        ("2014", "365", "day", "2015"),
        ("2014", "364", "day", "2014"),
        ("2014-01", "31", "day", "2014-02"),
        ("2014-01-01", "25", "hour", "2014-01-02"),
        ("2014-01-01T10", "119", "minute", "2014-01-01T11"),
        ("2014-01-01T10:00:00", "10", "millisecond", "2014-01-01T10:00:00.010"),
        ("2014-01-01T10:00:00.5", "0.5", "second", "2014-01-01T10:00:01.0"),
        ("9999-12-31", "1", "day", None),
        ("9999", "1", "year", None),
        ("2014", "1000000000000000000000000000", "week", None),
    ],
)
def test_dates_with_durations(start: str, value: str, unit: str, end: str | None) -> None:
    moved = plus(moment(start), Amount(Decimal(value), unit, calendar=True), 1)
    assert (None if moved is None else moved.text()) == end


def test_a_time_of_the_day_goes_round() -> None:
    time = read_time("23:30")
    assert time is not None
    later = plus(time, Amount(Decimal(1), "hour", calendar=True), 1)
    assert later is not None
    assert later.text() == "00:30"
    with pytest.raises(EvaluationError):
        plus(time, Amount(Decimal(1), "month", calendar=True), 1)


@pytest.mark.parametrize("unit", ["a", "mo", "cm"])
def test_what_is_no_calendar_duration(unit: str) -> None:
    with pytest.raises(EvaluationError):
        plus(moment("2014-01-01"), Amount(Decimal(1), unit), 1)


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        (Amount(Decimal(1), "g"), Amount(Decimal(1000), "mg"), 0),
        (Amount(Decimal(1), "g"), Amount(Decimal(1), "m"), None),
        (Amount(Decimal(1), "year", calendar=True), Amount(Decimal(12), "month", calendar=True), 0),
        (Amount(Decimal(1), "year", calendar=True), Amount(Decimal(1), "a"), None),
        (Amount(Decimal(1), "year", calendar=True), Amount(Decimal(365), "day", calendar=True), None),
        (Amount(Decimal(1), "week", calendar=True), Amount(Decimal(7), "d"), 0),
        (Amount(Decimal(1)), Amount(Decimal("0.5")), 1),
    ],
)
def test_order_of_quantities(left: Amount, right: Amount, order: int | None) -> None:
    assert amounts.compare(left, right) == order


def test_a_calendar_year_is_roughly_that_of_ucum() -> None:
    assert amounts.equivalent(Amount(Decimal(1), "year", calendar=True), Amount(Decimal(1), "a"))
    assert not amounts.equivalent(Amount(Decimal(1), "g"), Amount(Decimal(1), "m"))


@pytest.mark.parametrize(
    ("amount", "unit", "found"),
    [
        (Amount(Decimal(1), "week", calendar=True), "days", "7 days"),
        (Amount(Decimal(1500), "mg"), "g", "1.5 'g'"),
        (Amount(Decimal(1), "g"), "m", None),
        (Amount(Decimal(1), "g"), "zzz", None),
        (Amount(Decimal(1), "h"), "days", None),
    ],
)
def test_conversion(amount: Amount, unit: str, found: str | None) -> None:
    changed = amounts.converted(amount, unit)
    if amount.unit == "h":
        assert changed is not None
        assert changed.unit == "day"
        assert abs(changed.value - Decimal(1) / 24) < Decimal("1e-20")
    else:
        assert (None if changed is None else changed.text()) == found


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-1000, max_value=1000), st.integers(0, 12)
)
def test_boundaries_hold_what_a_number_may_stand_for(value: Decimal, digits: int) -> None:
    low = boundaries.number_boundary(value, digits, high=False)
    high = boundaries.number_boundary(value, digits, high=True)
    assert low is not None
    assert high is not None
    half = Fraction(1, 2 * 10**4)
    assert Fraction(low) <= Fraction(value) - half
    assert Fraction(high) >= Fraction(value) + half
    assert Fraction(high) - Fraction(low) <= 2 * half + 2 * Fraction(1, 10**digits)


@given(TIMES, st.integers(1, 6))
def test_boundaries_hold_what_a_date_may_mean(time: datetime, depth: int) -> None:
    given_moment = _to(time, depth)
    low = boundaries.moment_boundary(given_moment, None, high=False)
    high = boundaries.moment_boundary(given_moment, None, high=True)
    assert low is not None
    assert high is not None
    assert low.fields <= given_moment.fields + (99,) * 6
    assert moments.instant(Moment(low.fields)) == moments.span(given_moment)[0]
    end = moments.span(given_moment)[1]
    assert moments.instant(Moment(high.fields, high.fraction)) == (end if depth < 6 else end + moments.SECOND) - 10**6


def test_work_has_a_limit() -> None:
    env = Env(("Patient", {}, None))
    with pytest.raises(EvaluationError):
        env.spend(1_000_001)
