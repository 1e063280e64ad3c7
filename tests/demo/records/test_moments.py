"""Days and times as FHIR writes them, in London's time, from no clock."""

from datetime import date

from fhir_server.demo.records.moments import Moments


def test_days_are_counted_from_today() -> None:
    moments = Moments(date(2024, 3, 1))
    assert [moments.date(day) for day in (0, -1, -2, -366)] == ["2024-03-01", "2024-02-29", "2024-02-28", "2023-03-01"]


def test_times_bear_the_offset_of_their_day() -> None:
    moments = Moments(date(2026, 3, 30))
    assert moments.time(-2, 485) == "2026-03-28T08:05:00+00:00"
    assert moments.time(-1, 485) == "2026-03-29T08:05:00+01:00"
    assert moments.time(-155, 1210) == "2025-10-26T20:10:00+00:00"
    assert moments.time(-156, 1210) == "2025-10-25T20:10:00+01:00"
