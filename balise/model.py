"""The records every part of Balise speaks of; frozen.

What is made for every frame is a msgspec Struct: a tenth of a frozen dataclass's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Flag, StrEnum

import msgspec


class Quality(Flag):
    """What is known against a value or its time; the bits are stored, so they never change."""

    NONE = 0
    MOVEMENT = 1 << 0
    CUFF_LOOSE = 1 << 1
    IRREGULAR_PULSE = 1 << 2
    PULSE_ABOVE_RANGE = 1 << 3
    PULSE_BELOW_RANGE = 1 << 4
    BAD_POSITION = 1 << 5
    NO_CONTACT = 1 << 6
    CONTACT_UNKNOWN = 1 << 7
    SENSOR_FAULT = 1 << 8
    POOR_SIGNAL = 1 << 9
    QUESTIONABLE = 1 << 10
    INVALID = 1 << 11
    TEST_DATA = 1 << 12
    NOT_A_NUMBER = 1 << 13
    NOT_AT_THIS_RESOLUTION = 1 << 14
    POSITIVE_INFINITY = 1 << 15
    NEGATIVE_INFINITY = 1 << 16
    RESERVED_VALUE = 1 << 17
    UNSUCCESSFUL = 1 << 18
    USER_UNKNOWN = 1 << 19
    CLOCK_UNSET = 1 << 20
    CLOCK_DEFAULT = 1 << 21
    CLOCK_FUTURE = 1 << 22
    CLOCK_CORRECTED = 1 << 23
    CLOCK_UNVERIFIED = 1 << 24
    TIME_OF_RECEIPT = 1 << 25
    OUT_OF_PLAUSIBLE_RANGE = 1 << 26
    SELF_REPORTED = 1 << 27
    SUMMARY_STATISTIC = 1 << 28
    BATTERY_LOW = 1 << 29
    SAMPLE_INSUFFICIENT = 1 << 30
    STRIP_FAULT = 1 << 31
    ABOVE_MEASURING_RANGE = 1 << 32
    BELOW_MEASURING_RANGE = 1 << 33
    TEMPERATURE_OUT_OF_RANGE = 1 << 34
    INTERRUPTED = 1 << 35
    CALIBRATION_NEEDED = 1 << 36
    EARLY_ESTIMATE = 1 << 37
    CLOCK_FAULT = 1 << 38
    CLOCK_OTHER_TIMELINE = 1 << 39
    CLOCK_TICKS = 1 << 40
    VALUE_STUCK = 1 << 41
    CLOCK_IMPOSSIBLE = 1 << 42
    CONFLICTING = 1 << 43
    """Another value was sent for it, too: known where it is read, never stored with it."""

    @property
    def names(self) -> list[str]:
        """The set flags as lower-case words, in the order of their bits."""
        return [flag.name.lower() for flag in self if flag.name]


class State(StrEnum):
    """What a frame or a data point is; only `measured` becomes readings."""

    MEASURED = "measured"
    NO_VALUE = "no_value"
    """An attempt that gave no figure; the quality says why."""
    LIVE = "live"
    """A display while the device still measures: never a reading."""
    CONTROL = "control"
    """A test of the device itself, as with a meter's control solution."""
    PART = "part"
    """Says something only beside another frame of the session: a context, a first segment."""
    INFORMATION = "information"
    """Valid, and no figure: a battery, a name, a clock, a survey."""


Facts = tuple[tuple[str, str], ...]
"""What is said beside the figures, as (name, value)."""


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One figure as the device sent it: exact, in the unit of the wire."""

    metric: str
    value: Decimal
    unit: str
    quality: Quality = Quality.NONE
    position: int = 0


class Decoded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the bytes of one frame or one data point say, before anyone knows whose they are.

    `device_time` is the device's own wall clock, without zone, `utc_offset` the minutes it says it
    is ahead of UTC; `taken_at` is set instead where the sender states an aware time. `person` is
    the sender's own name for the patient. `facts` are (name, value) of what is no figure: body
    site, meal, raw status. `awaits` names the characteristics of the session without which this
    is not a reading yet.
    """

    readings: tuple[Value, ...]
    service: str = ""
    characteristic: str = ""
    device_time: datetime | None = None
    utc_offset: int | None = None
    taken_at: datetime | None = None
    sequence: int | None = None
    user: int | None = None
    person: str | None = None
    device: str | None = None
    quality: Quality = Quality.NONE
    state: State = State.MEASURED
    facts: Facts = ()
    awaits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPair:
    """The device's clock and the gateway's, read at the same moment (HL7 PHD coincident time).

    `utc_offset` is set where the device's clock says how many minutes it is ahead of UTC.
    """

    device: datetime
    gateway: datetime
    utc_offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Whose readings a device's are, from a moment (included) to another (not)."""

    device: int
    subject: int
    time_zone: str
    since: datetime
    until: datetime | None
    slot: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value that is somebody's: the row of `reading`, before its series has a number."""

    device: int
    metric: str
    position: int
    unit: str
    stamped_at: datetime
    sequence: int
    taken_at: datetime
    subject: int
    value: Decimal
    sent: Decimal
    quality: Quality
    landing: int
    item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that landed and is no reading: kept with its reason, never dropped."""

    landing: int
    item: int
    part: int = 0
    reason: str
    detail: str
    device: str = ""
    """The device's address as the message says it; empty where the message can't be read."""
