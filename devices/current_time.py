"""Current Time 2A2B of service 1805: what a device's own clock shows (Bluetooth SIG CTS 1.1)."""

from __future__ import annotations

import struct
from datetime import datetime

from balise.errors import FrameError

SERVICE, CHARACTERISTIC = "1805", "2A2B"


def read(data: bytes) -> datetime | None:
    """Return the wall clock without zone, None where the device says it doesn't know."""
    if len(data) < 7:
        raise FrameError(f"2A2B: 7 bytes of date and time expected at byte 0, {len(data)} there")
    year, month, day, hour, minute, second = struct.unpack_from("<HBBBBB", data)
    if 0 in (year, month, day):
        return None
    # Exact Time 256 carries the fraction of the second; the adjust reason after it is not needed.
    microsecond = data[8] * 1_000_000 // 256 if len(data) > 8 else 0
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001 - a device's wall clock has no zone
    except ValueError as error:
        raise FrameError(f"2A2B: no such date and time: {data.hex()}") from error
