"""What is known again after a start, from the spool alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from devices.payloads.balise_v1 import Item, encode_item
from ingest.gateway.local.declared import Source
from ingest.gateway.local.items import item_of
from ingest.gateway.local.presets import PRESETS
from ingest.gateway.local.told import Told

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PACK = Source(address="PACK", topic="pack", convention="senml")
SCALE = Source(
    address="SCALE", topic="scale", convention="theengs", repeats=PRESETS["theengs"].repeats
)


def heard(payload: bytes, packet: int = 7, source: Source = PACK) -> Item:
    session = f"first/{packet}"
    return item_of(source, payload, captured_at=NOW, kept="", session=session)


def after_a_start(*before: Item, session: str = "first") -> Told:
    return Told(session, (PACK, SCALE), map(encode_item, reversed(before)))


@pytest.mark.parametrize("payload", [b"[]", b"\xff", b"", b"\x01" * 60_000, b"nonsense"])
def test_a_packet_that_comes_again_is_known_whatever_is_in_it(payload: bytes):
    assert after_a_start(heard(payload)).redelivered(heard(payload))


def test_another_packet_another_word_or_another_session_is_a_message_of_its_own():
    told = after_a_start(heard(b"[1]"))
    assert not told.redelivered(heard(b"[1]", packet=8))
    assert not told.redelivered(heard(b"[2]"))
    assert not after_a_start(heard(b"[1]"), session="second").redelivered(
        replace(heard(b"[1]"), session="second/7")
    )


def test_the_last_message_under_a_number_counts():
    told = after_a_start(heard(b"[1]"), heard(b"[2]"))
    assert told.redelivered(heard(b"[2]"))
    assert not told.redelivered(heard(b"[1]"))


def test_a_weighing_is_repeated_for_as_long_as_the_scale_says_it():
    one = b'{"model_id":"X","weight":72.45,"rssi":-60}'
    again = one.replace(b"-60", b"-71")
    told = after_a_start(heard(one, source=SCALE))
    for minutes in (1, 2, 4):
        later = replace(heard(again, source=SCALE), captured_at=NOW + timedelta(minutes=minutes))
        assert told.repeated(SCALE, later)
    much_later = replace(heard(one, source=SCALE), captured_at=NOW + timedelta(minutes=7))
    assert not told.repeated(SCALE, much_later)
    # A clock that was set back says nothing; to count twice is better than to lose.
    before = replace(heard(one, source=SCALE), captured_at=NOW - timedelta(minutes=1))
    assert not told.repeated(SCALE, before)


def test_what_the_spool_holds_of_others_is_passed_over():
    others = (Item(device="PACK", characteristic="2A37", data="00"), Item(device="x"))
    told = Told("first", (PACK,), [b"{", *map(encode_item, others)])
    assert not told.redelivered(heard(b"[1]"))
