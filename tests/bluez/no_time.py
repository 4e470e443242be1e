"""A box whose clock is years behind, and is set while it runs: a step of the guest.

The clock is the guest's kernel's own, set and declared as a time server's client does it
(clock_settime(2), adjtimex(2)), while our agent hears a device.
"""

from __future__ import annotations

import ctypes
import time
from datetime import datetime

from guest import Bench, address, cuff, measure

from devices.payloads.balise_v1 import CORRECTED, UNSYNCHRONISED, Item, read_item
from ingest.gateway import clock
from ingest.gateway.clock import Timekeeper

THREE_YEARS = 3 * 365 * 86400.0
_STATUS, _ERRORS, _UNSYNCHRONISED = 0x0010, 0x0004 | 0x0008, 0x0040


async def no_time(bench: Bench) -> dict[str, object]:
    """What is captured without the time is marked, and is told its error once time comes."""
    timekeeper, bodies = Timekeeper(), list[bytes]()
    now = time.time()
    _set(now - THREE_YEARS, followed=False)
    assert not timekeeper.known()
    one = cuff(12)
    measure(one, 120)
    await bench.air.add(one)
    async with bench.agent(address(12), put=lambda body: bodies.append(timekeeper.marked(body))):
        await bench.until(lambda: bool(bodies))
        before = read_item(timekeeper.settled(bodies[0]))
        _set(time.time() + THREE_YEARS, followed=True)
        assert timekeeper.known()
        measure(one, 130)
        await bench.until(lambda: len(bodies) == 2)
    await bench.air.remove(one)
    first, second = (read_item(timekeeper.settled(body)) for body in bodies)
    assert (before.gateway_clock, first.gateway_clock) == (UNSYNCHRONISED, CORRECTED)
    assert first.clock_error is not None
    return {
        "age_seconds_before": before.age,
        "error_left_seconds": round(first.clock_error - THREE_YEARS, 3),
        "years_behind": round((second_of(second) - second_of(first)) / THREE_YEARS, 3),
        "later_is": second.gateway_clock,
    }


def second_of(item: Item) -> float:
    assert isinstance(item.captured_at, datetime)
    return item.captured_at.timestamp()


def _set(seconds: float, *, followed: bool) -> None:
    """Set the clock, and say to the kernel whether a time server is followed."""
    time.clock_settime(time.CLOCK_REALTIME, seconds)
    timex = clock._Timex(modes=_STATUS | _ERRORS, status=0 if followed else _UNSYNCHRONISED)
    assert ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) >= 0
