"""When something was: Open mHealth's and IEEE's time frames, and the moment they end on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from balise.model import Quality
from devices.payloads.document import fact, invalid, moment, number
from devices.payloads.open_mhealth.measures import DURATION
from devices.payloads.open_mhealth.rules import Instant, Leaves, Rule, Said, Text
from devices.payloads.open_mhealth.schema import NEVER, Field, Fields
from devices.payloads.open_mhealth.shapes import Both, Object, OneOf
from devices.payloads.open_mhealth.words import PART_OF_DAY

DATE = Text(form=re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"))
FRAME, DISPENSED = "effective_time_frame", "time_frame_medication_dispensed"


def _both(first: str, second: str) -> Object:
    return Object({first: _PARTS[first], second: _PARTS[second]}, needs=(first, second))


_PARTS: dict[str, Rule] = {
    "start_date_time": Instant(),
    "end_date_time": Instant(),
    "duration": DURATION,
    "date": DATE,
    "part_of_day": PART_OF_DAY,
}
_INTERVALS = (
    _both("start_date_time", "duration"),
    _both("end_date_time", "duration"),
    _both("start_date_time", "end_date_time"),
)
INTERVAL_IEEE = OneOf(_INTERVALS)
INTERVAL = OneOf((*_INTERVALS, _both("date", "part_of_day")))


def _frame(interval: OneOf) -> OneOf:
    moment_only = Object({"date_time": Instant()}, needs=("date_time",))
    return OneOf((moment_only, Object({"time_interval": interval}, needs=("time_interval",))))


TIME_FRAME, TIME_FRAME_IEEE = _frame(INTERVAL), _frame(INTERVAL_IEEE)
DURING, DURING_IEEE = (
    Both((Object(needs=("time_interval",)), frame)) for frame in (TIME_FRAME, TIME_FRAME_IEEE)
)
AT = Both((Object(needs=("date_time",)), TIME_FRAME))


def timed(*, needed: float = NEVER, ieee: float = NEVER, during: float = NEVER) -> Fields:
    """Return the effective time: from which version needed, in IEEE's form, an interval."""
    starts = sorted({0.0, ieee, during} - {NEVER})
    ends = [*starts[1:], NEVER]
    rules: dict[tuple[bool, bool], Rule] = {
        (False, False): TIME_FRAME,
        (True, False): TIME_FRAME_IEEE,
        (False, True): DURING,
        (True, True): DURING_IEEE,
    }
    return tuple(
        Field(
            name=FRAME,
            rule=rules[start >= ieee, start >= during],
            since=start,
            until=end,
            needed=needed,
        )
        for start, end in zip(starts, ends, strict=True)
    )


_HOURS = {"morning": 9, "afternoon": 15, "evening": 20, "night": 23}
_MICROSECONDS = {
    "ps": Decimal("1e-6"),
    "ns": Decimal("1e-3"),
    "us": Decimal(1),
    "ms": Decimal(1000),
    "sec": Decimal(1_000_000),
    "min": Decimal(60_000_000),
    "h": Decimal(3_600_000_000),
    "d": Decimal(86_400_000_000),
    "wk": Decimal(604_800_000_000),
    "Mo": Decimal(2_629_800_000_000),
    "yr": Decimal(31_557_600_000_000),
}
"""UCUM's month and year are means: 30.4375 and 365.25 days."""


@dataclass(frozen=True, slots=True)
class When:
    """The moment something was or ended, what is known against it, and when it began."""

    at: datetime | None
    quality: Quality = Quality.NONE
    began: datetime | None = None

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The beginning, where there was one."""
        return (fact("started_at", self.began.isoformat()),) if self.began else ()


def when(leaves: Leaves) -> When:
    """Return when the leaves of a body say it was."""
    parts = {said.where[-1]: said for said in leaves if said.where[:1] in ((FRAME,), (DISPENSED,))}
    if "date_time" in parts:
        return When(_moment(parts["date_time"]))
    if "date" in parts and "part_of_day" in parts:
        return When(_part_of_day(parts), Quality.CLOCK_UNVERIFIED)
    start, end = (
        _moment(parts[key]) if key in parts else None
        for key in ("start_date_time", "end_date_time")
    )
    length = _length(parts["duration"]) if "duration" in parts else None
    if start and length is not None:
        return When(_shifted(start, length), began=start)
    if end and length is not None:
        return When(end, began=_shifted(end, -length))
    return When(end, began=start)


def _moment(said: Said) -> datetime:
    return moment(said.value, ".".join(said.where))


def _part_of_day(parts: Mapping[str, Said]) -> datetime:
    try:
        day = datetime.strptime(str(parts["date"].value), "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError as error:
        raise invalid("date is no date") from error
    return datetime.combine(day, time(_HOURS[str(parts["part_of_day"].value)]), UTC)


def _length(said: Said) -> timedelta:
    microseconds = number(said.value, "duration.value") * _MICROSECONDS[said.unit]
    try:
        return timedelta(microseconds=int(microseconds))
    except OverflowError as error:
        raise invalid("duration is out of all bounds") from error


def _shifted(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError as error:
        raise invalid("duration is out of all bounds") from error
