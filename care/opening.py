"""When alerts are read: this is no emergency care, and a delay counts open hours only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from balise.errors import UsageError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WRITTEN = re.compile(r"(\w{3})-(\w{3}) (\d\d:\d\d)-(\d\d:\d\d)")
_A_YEAR = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Days of the week, Monday 0, and from when to when on each, in a time zone."""

    days: frozenset[int]
    start: time
    end: time
    time_zone: str

    def due(self, raised: datetime, delay: timedelta) -> datetime:
        """Return when so many open hours have passed since an alert was raised."""
        left = delay
        for start, end in self._spans(raised):
            begin = max(start, raised)
            if end - begin >= left:
                return begin + left
            left -= max(end - begin, timedelta())
        raise UsageError(f"a delay of {delay} is longer than a year's opening hours")

    def _spans(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the open spans of the year from a moment on, in UTC: a night may have 25 hours."""
        zone = ZoneInfo(self.time_zone)
        first = since.astimezone(zone).date()
        for day in (first + timedelta(days=offset) for offset in range(_A_YEAR)):
            if day.weekday() in self.days:
                yield (
                    datetime.combine(day, self.start, zone).astimezone(since.tzinfo),
                    datetime.combine(day, self.end, zone).astimezone(since.tzinfo),
                )


def opening(written: str, time_zone: str) -> Opening:
    """Return opening hours written as `Mon-Fri 09:00-18:00`. Raises UsageError."""
    found = _WRITTEN.fullmatch(written)
    try:
        if found is None:
            raise ValueError(written)  # noqa: TRY301 - one message for all that may be wrong
        first, last = DAYS.index(found[1]), DAYS.index(found[2])
        start, end = time.fromisoformat(found[3]), time.fromisoformat(found[4])
        if first > last or start >= end:
            raise ValueError(written)  # noqa: TRY301
    except ValueError:
        raise UsageError(
            f"opening hours are written as `Mon-Fri 09:00-18:00`, not {written!r}"
        ) from None
    days = frozenset(range(first, last + 1))
    return Opening(days=days, start=start, end=end, time_zone=time_zone)
