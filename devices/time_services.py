"""Clocks that are read by themselves: 2A2B and 2A08, Elapsed Time 2BF2, Device Time 2B90."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from balise.model import Decoded, Quality, State
from devices.cgm import utc_offset
from devices.clock import EPOCH_1900, EPOCH_2000, Clock, is_firmware_default
from devices.codec import Characteristic, Codec, Cursor
from devices.crc import e2e_crc
from devices.frame import Frame
from devices.parts import U8, Code, Draft, Fact, Status, word_of

_DAYS = {
    0: "unknown",
    1: "Monday",
    2: "Tuesday",
    3: "Wednesday",
    4: "Thursday",
    5: "Friday",
    6: "Saturday",
    7: "Sunday",
}
_REASONS = {0: "manual", 1: "external_reference", 2: "time_zone", 3: "daylight_saving"}

_EXTERNAL_REFERENCE = 0x02

CURRENT_TIME = Frame(
    name="current_time",
    service="1805",
    characteristic="2A2B",
    flags_size=0,
    state=State.INFORMATION,
    parts=(
        Clock(),
        Code("day_of_week", _DAYS),
        Fact("fractions256", U8),
        Status("adjust_reason", (), names=_REASONS, size=1),
    ),
)
DATE_TIME = Frame(
    name="date_time",
    service="1805",
    characteristic="2A08",
    also=("1808", "1809", "1810", "181D", "1822"),
    flags_size=0,
    state=State.INFORMATION,
    parts=(Clock(),),
)

_SOURCES = {
    0: "unknown",
    1: "network time protocol",
    2: "GPS",
    3: "radio",
    4: "manual",
    5: "atomic clock",
    6: "cellular network",
    7: "not synchronised",
}
_RESOLUTIONS = (1_000_000, 100_000, 1_000, 100)  # microseconds
_TICKS, _UTC, _ZONE, _CURRENT = 0x01, 0x02, 0x10, 0x20


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A time stamp of the Elapsed Time Service, nine bytes."""

    device_time: datetime | None
    utc_offset: int | None
    quality: int
    source: str


def elapsed(data: bytes) -> Elapsed:
    """Return what the nine bytes of an Elapsed Time say (flags, u48, source, quarters of an hour).

    Ticks have no epoch: they are counted from 2000 too, flagged, and mean something only beside
    the device's own counter read at the same moment.
    """
    flags, count, source = data[0], int.from_bytes(data[1:7], "little"), data[7]
    zone = int.from_bytes(data[8:9], "little", signed=True)
    ticks = bool(flags & _TICKS)
    moment, quality = _counted(count * _RESOLUTIONS[flags >> 2 & 3])
    if ticks:
        quality = quality & ~Quality.CLOCK_DEFAULT.value | Quality.CLOCK_TICKS.value
    if not flags & _CURRENT:
        quality |= Quality.CLOCK_OTHER_TIMELINE.value
    offset = None
    if flags & _UTC and not ticks:
        offset = 0
    elif flags & _ZONE and not ticks and zone != -128:
        offset = zone * 15
    return Elapsed(moment, offset, quality, word_of(_SOURCES, source))


def _counted(microseconds: int) -> tuple[datetime | None, int]:
    try:
        moment = EPOCH_2000 + timedelta(microseconds=microseconds)
    except OverflowError:
        return None, Quality.CLOCK_IMPOSSIBLE.value
    return moment, Quality.CLOCK_DEFAULT.value if is_firmware_default(moment) else 0


def _elapsed_time(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2BF2", data)
    stamp = elapsed(cursor.take(9, "elapsed time"))
    facts = [("time_source", stamp.source)]
    if cursor.left:
        status, capabilities = cursor.take(2, "clock status and capabilities")
        facts.append(("clock_needs_set", "yes" if status & 1 else "no"))
        facts.append(("clock_capabilities", f"0x{capabilities:02X}"))
    cursor.end()
    draft = Draft(stamp.quality, state=State.INFORMATION, facts=facts)
    draft.device_time, draft.utc_offset = stamp.device_time, stamp.utc_offset
    return (draft.finish("183F", "2BF2"),)


_DEVICE_TIME_NAMES = {
    0: "time_fault",
    1: "utc_aligned",
    2: "local_time_synchronised",
    3: "update_requested",
    4: "epoch_2000",
    5: "unlogged_change",
    6: "log_consolidation",
}
_DEVICE_TIME_STATUS = Status(
    "time_status", ((0x01, 0x01, Quality.CLOCK_FAULT),), names=_DEVICE_TIME_NAMES
)


def _device_time(data: bytes) -> tuple[Decoded, ...]:
    """Return what a Device Time says; its optional fields depend on features not seen here."""
    if len(data) >= 10 and e2e_crc(data[2:]) == int.from_bytes(data[:2], "little"):
        data = data[2:]
    cursor = Cursor("2B90", data)
    seconds = cursor.number(4, "base time")
    zone, daylight = cursor.number(1, "time zone", signed=True), cursor.number(1, "daylight saving")
    draft = Draft(state=State.INFORMATION)
    status = cursor.take(2, "status")
    _DEVICE_TIME_STATUS.read(status, draft)
    epoch = EPOCH_2000 if status[0] & 0x10 else EPOCH_1900
    draft.device_time = epoch + timedelta(seconds=seconds)
    draft.utc_offset = 0 if status[0] & 0x02 else utc_offset(zone, daylight)
    if cursor.left:
        draft.facts.append(("optional_fields", cursor.rest().hex()))
    return (draft.finish("1847", "2B90"),)


def written(characteristic: str, wall: datetime) -> bytes:
    """Return the bytes that set a clock to a wall-clock time, for 2A08 and 2A2B.

    2A2B says of itself that an external reference was its reason (Current Time Service 1.1, 3.1).
    """
    date_time = struct.pack(
        "<HBBBBB", wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second
    )
    if characteristic == "2A08":
        return date_time
    fractions = wall.microsecond * 256 // 1_000_000
    return date_time + bytes((wall.isoweekday(), fractions, _EXTERNAL_REFERENCE))


READABLE = ("2A2B", "2BF2", "2B90", "2A08")
"""The clocks a gateway can read, the best first."""


def shown(characteristic: str, data: bytes) -> str | None:
    """Return what a clock shows in ISO 8601, with its offset where it states one, else None."""
    (decoded,) = _BY_CHARACTERISTIC[characteristic].decode(data)
    if decoded.device_time is None:
        return None
    fraction = int(dict(decoded.facts).get("fractions256", "0"))
    moment = decoded.device_time + timedelta(microseconds=fraction * 1_000_000 // 256)
    if decoded.utc_offset is not None:
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=decoded.utc_offset)))
    return moment.isoformat()


CHARACTERISTICS: tuple[Characteristic, ...] = (
    CURRENT_TIME,
    DATE_TIME,
    Codec(name="elapsed_time", service="183F", characteristic="2BF2", read=_elapsed_time),
    Codec(name="device_time", service="1847", characteristic="2B90", read=_device_time),
)

_BY_CHARACTERISTIC = {one.characteristic: one for one in CHARACTERISTICS}
