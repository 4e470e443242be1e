"""A box that does not know the time: what it captures says so, and is mended when time comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devices.payloads.balise_v1 import (
    CORRECTED,
    UNSYNCHRONISED,
    Clock,
    Item,
    encode_item,
    read_item,
)
from ingest.gateway import clock, device_clock
from ingest.gateway.clock import Stamp, Timekeeper, mark, settle

LOST = datetime(2023, 4, 1, 10, tzinfo=UTC)
TRUE = datetime(2026, 11, 25, 9, tzinfo=UTC)
ITEM = Item(
    device="D",
    captured_at=LOST,
    clock=Clock(device="2026-11-25T09:59:00", gateway=LOST),
    service="1809",
    characteristic="2A1C",
    data="066e0100ff",
)


def stamp(seconds: float, *, known: bool, boot: str = "boot-1", wall: datetime = LOST) -> Stamp:
    return Stamp(wall, seconds, boot, known)


def captured_at_1000_s() -> bytes:
    return mark(encode_item(ITEM), stamp(1000, known=False))


def test_what_was_captured_without_the_time_is_told_how_wrong_its_times_are():
    later = stamp(1600, known=True, wall=TRUE + timedelta(seconds=600))
    item = read_item(settle(captured_at_1000_s(), later))
    assert item.gateway_clock == CORRECTED
    assert item.captured_at == LOST  # identity
    assert item.clock_error is not None
    assert item.captured_at + timedelta(seconds=item.clock_error) == TRUE


def test_while_nobody_knows_the_time_it_says_how_old_it_is():
    item = read_item(settle(captured_at_1000_s(), stamp(1600, known=False)))
    assert (item.gateway_clock, item.age, item.clock_error) == (UNSYNCHRONISED, 600.0, None)


def test_of_another_boot_nothing_can_be_told():
    marked = captured_at_1000_s()
    assert settle(marked, stamp(5, known=True, boot="boot-2", wall=TRUE)) == marked


def test_a_clock_that_is_known_marks_nothing_and_settles_nothing():
    body, timekeeper = encode_item(ITEM), Timekeeper(trusted=True)
    assert timekeeper.marked(body) == body
    assert timekeeper.settled(body) is body


def test_shortly_after_a_boot_what_is_captured_waits_for_the_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clock, "synchronised", lambda: False)
    for since, ready in ((10.0, False), (clock.PATIENCE + 1, True)):
        monkeypatch.setattr(clock, "since_boot", lambda since=since: since)
        assert Timekeeper().ready() is ready
        assert Timekeeper(trusted=True).ready()


def test_the_present_moment():
    first, second = Timekeeper().now(), Timekeeper().now()
    assert first.boot == second.boot != ""
    assert 0 <= second.since_boot - first.since_boot < 5


def test_a_pair_holds_although_our_clock_is_set_after_its_reading(monkeypatch: pytest.MonkeyPatch):
    """Read while ours was three years behind, used a minute later, when ours is right."""
    monkeypatch.setattr(clock, "since_boot", lambda: 1060.0)
    pair = device_clock.Pair("2026-11-25T09:59:00", 1000.0).as_of(TRUE)
    assert pair.gateway == TRUE - timedelta(seconds=60)
