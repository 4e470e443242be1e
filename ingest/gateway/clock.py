"""The gateway's own clock: whether anyone vouches for it, and the moment something happened.

A box without a battery for its clock starts in the past and learns the time from the network
later. A boot and the seconds since it are enough to tell the moment as soon as the time is known;
what is captured does not carry them yet.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_UNSYNCHRONISED = 0x0040  # STA_UNSYNC of adjtimex(2)
_ERROR = 5  # TIME_ERROR: what adjtimex returns where the clock is not synchronised


class _Timex(ctypes.Structure):
    """The beginning of struct timex; the kernel writes more behind it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def synchronised() -> bool:
    """Say whether the kernel knows its clock to follow a time server (adjtimex, STA_UNSYNC)."""
    timex = _Timex()
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    return state not in (-1, _ERROR) and not timex.status & _UNSYNCHRONISED


@cache
def boot() -> str:
    """Return what names this boot of the machine."""
    return _BOOT.read_text().strip()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment of this boot: the wall clock then, and the seconds since the boot, asleep or not."""

    wall: datetime
    since_boot: float
    boot: str
    known: bool


def now() -> Stamp:
    """Return this moment."""
    since = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Stamp(datetime.now(UTC), since, boot(), synchronised())


def moment_of(since_boot: float, of_boot: str, present: Stamp) -> datetime | None:
    """Return when something of this boot happened, by a clock that is known now; else None."""
    if of_boot != present.boot or not present.known:
        return None
    return present.wall - timedelta(seconds=present.since_boot - since_boot)
