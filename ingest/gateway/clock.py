"""The gateway's own clock: whether anyone vouches for it, and when something happened.

A box without a battery for its clock starts in the past and learns the time from the network
later. What it captures until then carries the boot and the seconds since it, which are enough to
tell the moment as soon as the time is known, in the same boot.
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from devices.payloads.balise_v1 import (
    CORRECTED,
    UNSYNCHRONISED,
    encode_item,
    read_item,
)

PATIENCE = 300.0
"""Seconds after a boot during which what is captured waits for the time; NTP takes a minute."""
_MARK = b'"gateway_clock":'
"""Stands only in items that were marked: what is synchronised says nothing of it."""
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
    state: int = _libc().adjtimex(ctypes.byref(timex))
    return state not in (-1, _ERROR) and not timex.status & _UNSYNCHRONISED


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def boot() -> str:
    """Return what names this boot of the machine."""
    return _BOOT.read_text().strip()


def since_boot() -> float:
    """Return the seconds since the boot, asleep or not; no step of the clock moves them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment of this boot: what the clock says, and whether that is known to be right."""

    wall: datetime
    since_boot: float
    boot: str
    known: bool


class Timekeeper:
    """The gateway's clock, and what it makes of items that were captured without the time.

    `trusted` takes the clock for right although it follows no time server that the kernel knows of:
    a machine whose host keeps its time, or the server's own.
    """

    def __init__(self, *, trusted: bool = False) -> None:
        self._trusted = trusted

    def known(self) -> bool:
        """Whether the time is known now."""
        return self._trusted or synchronised()

    def now(self) -> Stamp:
        """Return this moment."""
        return Stamp(datetime.now(UTC), since_boot(), boot(), self.known())

    def ready(self) -> bool:
        """Whether to send: shortly after a boot the time may still come, and mend what waits."""
        return self.known() or since_boot() > PATIENCE

    def marked(self, body: bytes) -> bytes:
        """Return an item that was captured now, marked where the time is not known."""
        return body if self.known() else mark(body, self.now())

    def settled(self, body: bytes) -> bytes:
        """Return an item as it goes out now: by how much its times are wrong, or how old it is."""
        return settle(body, self.now()) if _MARK in body else body


def mark(body: bytes, at: Stamp) -> bytes:
    """Return an item with the moment of this boot at which it was captured."""
    item = replace(
        read_item(body),
        gateway_clock=UNSYNCHRONISED,
        boot=at.boot,
        since_boot=round(at.since_boot, 6),
    )
    return encode_item(item)


def settle(body: bytes, at: Stamp) -> bytes:
    """Return a marked item with its error where the time is known at last, else with its age.

    `captured_at` stays what it was: it is identity, and the same item may go out twice. Of another
    boot nothing more can be told.
    """
    item = read_item(body)
    if item.since_boot is None or item.captured_at is None or item.boot != at.boot:
        return body
    age = at.since_boot - item.since_boot
    if not at.known:
        return encode_item(replace(item, age=round(age, 3)))
    error = (at.wall - timedelta(seconds=age) - item.captured_at).total_seconds()
    return encode_item(replace(item, gateway_clock=CORRECTED, clock_error=round(error, 3)))
