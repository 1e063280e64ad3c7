"""Days and times of day as FHIR writes them, counted from the "today" of the data; no clock is read.

https://hl7.org/fhir/R4/datatypes.html#dateTime. Times are those of a clock on a wall in the home: Europe/London.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


class Moments:
    """Dates and times around one "today". `day` is a number of days from it: -1 is yesterday."""

    def __init__(self, today: date) -> None:
        self.today = today
        self._dates: dict[int, str] = {}
        self._offsets: dict[int, str] = {}

    def date(self, day: int) -> str:
        """The date `2026-02-14` of a day."""
        known = self._dates.get(day)
        if known is None:
            known = self._dates[day] = (self.today + timedelta(days=day)).isoformat()
        return known

    def time(self, day: int, minute: int) -> str:
        """The dateTime `2026-02-14T08:05:00+00:00` of a minute (counted from midnight) of a day.

        From 03:00 on; the hours before are never asked for, so that no change of the clock falls within a day's offset.
        """
        offset = self._offsets.get(day)
        if offset is None:
            noon = datetime.combine(self.today + timedelta(days=day), time(12), LONDON)
            offset = self._offsets[day] = noon.isoformat()[-6:]
        hours, minutes = divmod(minute, 60)
        return f"{self.date(day)}T{hours:02d}:{minutes:02d}:00{offset}"
