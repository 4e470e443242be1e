"""What is sent next: what is new first, then the backlog from its newest end, nothing for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.gateway import flight as flights
from ingest.gateway.flight import Flight
from ingest.gateway.spool import Spool

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
ITEMS = flights.ITEMS_A_MESSAGE


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.db")
    yield spool
    spool.close()


def sent(flight: Flight, now: float = 0) -> list[int]:
    return [seq for seq, _ in flight.next(now)]


def all_sent(flight: Flight, now: float = 0) -> list[list[int]]:
    messages: list[list[int]] = []
    while message := sent(flight, now):
        messages.append(message)
    return messages


def test_today_goes_before_the_day_the_line_broke_and_what_is_new_before_both(spool: Spool):
    spool.put(*[b"old"] * (2 * ITEMS + 10))
    flight = Flight(spool, 60)
    assert sent(flight) == list(range(ITEMS + 11, 2 * ITEMS + 11))
    spool.put(b"live")
    assert sent(flight) == [2 * ITEMS + 11]
    assert all_sent(flight) == [list(range(11, ITEMS + 11)), list(range(1, 11))]


def test_a_message_is_bounded_in_bytes_and_the_first_item_goes_whatever_its_size(spool: Spool):
    spool.put(b"x" * 60_000, b"x" * 30_000, b"x" * 30_000)
    assert all_sent(Flight(spool, 60)) == [[3], [2], [1]]


def test_the_backlog_waits_for_receipts_and_what_is_new_does_not_wait_for_the_backlog(
    spool: Spool,
):
    spool.put(*[b"x"] * (ITEMS * (flights.BACKLOG_MESSAGES + 5)))
    flight = Flight(spool, 60)
    assert len(all_sent(flight)) == flights.BACKLOG_MESSAGES
    spool.put(b"live")
    assert sent(flight) == [spool.given()]
    spool.receipt([(ITEMS * 102 + 1, spool.given())], NOW)
    flight.landed(spool.missing())
    assert len(all_sent(flight)) == 3
    assert all_sent(flight) == []


def test_without_any_receipt_even_what_is_new_is_bounded(spool: Spool):
    flight = Flight(spool, 60)
    for _ in range(flights.MOST_MESSAGES + 20):
        spool.put(b"live")
        sent(flight)
    assert len(flight._sent) == flights.MOST_MESSAGES
    spool.receipt([(1, flights.MOST_MESSAGES)], NOW)
    flight.landed(spool.missing())
    assert all_sent(flight) == [
        list(range(flights.MOST_MESSAGES + 1, flights.MOST_MESSAGES + 21)),
    ]


def test_what_has_no_receipt_is_sent_again_after_a_while_and_then_less_often(spool: Spool):
    spool.put(b"a", b"b", b"c")
    flight = Flight(spool, 60)
    assert sent(flight, 0) == [1, 2, 3]
    spool.receipt([(2, 2)], NOW)
    flight.landed(spool.missing())
    assert sent(flight, 59) == []
    assert sent(flight, 60) == [1, 3]
    assert sent(flight, 179) == []
    assert sent(flight, 180) == [1, 3]
    spool.receipt([(1, 3)], NOW)
    flight.landed(spool.missing())
    assert sent(flight, 10_000) == []


def test_at_a_new_connection_everything_without_receipt_is_sent_again(spool: Spool):
    spool.put(b"a", b"b", b"c")
    flight = Flight(spool, 60)
    assert sent(flight) == [1, 2, 3]
    spool.receipt([(1, 1)], NOW)
    flight.start_over()
    assert sent(flight) == [2, 3]


def test_what_a_restored_server_lacks_is_sent_again_unless_it_says_otherwise_in_time(
    spool: Spool,
):
    spool.put(*[b"x"] * 9)
    flight = Flight(spool, 60)
    sent(flight)
    for stored in ([(1, 9)], [(1, 6)], [(1, 9)], [(1, 4)]):
        if spool.receipt(stored, NOW):
            flight.lost(0)
        flight.landed(spool.missing())
    assert sent(flight, 59) == []
    assert sent(flight, 60) == [5, 6, 7, 8, 9]
