"""A frame committed and not yet confirmed when the gateway died is told again, and counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from devices.payloads.balise_v1 import Companion, Item, encode_item
from ingest.gateway.redelivery import SOON, Redelivery
from ingest.gateway.spool import Spool

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FRAME = Item(
    device="C0:00:00:00:00:01",
    captured_at=NOW,
    session="before",
    service="1809",
    characteristic="2A1C",
    data="006c0100ff",
)
AGAIN = replace(FRAME, captured_at=NOW + timedelta(seconds=5), session="after")


def after_a_start(*before: Item) -> Redelivery:
    return Redelivery(map(encode_item, reversed(before)))


def test_the_last_frame_told_again_soon_is_the_same_one():
    assert after_a_start(FRAME).again(encode_item(AGAIN), NOW + timedelta(seconds=5))


def test_only_the_first_frame_after_the_start_can_be_one_told_again():
    found = after_a_start(FRAME)
    assert found.again(encode_item(AGAIN), NOW)
    assert not found.again(encode_item(AGAIN), NOW)


@pytest.mark.parametrize(
    "other",
    [
        replace(AGAIN, data="006d0100ff"),
        replace(AGAIN, device="C0:00:00:00:00:02"),
        replace(AGAIN, characteristic="2A1E"),
        replace(AGAIN, companions=(Companion(service="1809", characteristic="2A1D", data="02"),)),
    ],
    ids=["figure", "device", "characteristic", "companion"],
)
def test_another_frame_is_another_measurement(other: Item):
    assert not after_a_start(FRAME).again(encode_item(other), NOW)


def test_an_equal_frame_much_later_is_another_measurement():
    assert not after_a_start(FRAME).again(encode_item(AGAIN), NOW + SOON + timedelta(seconds=1))


def test_an_equal_frame_that_is_not_the_last_is_another_measurement():
    between = replace(FRAME, data="006d0100ff")
    assert not after_a_start(FRAME, between).again(encode_item(AGAIN), NOW)


def test_a_stream_is_never_told_again():
    beat = replace(FRAME, service="180D", characteristic="2A37", data="0048")
    assert not after_a_start(beat).again(encode_item(beat), NOW)


def test_what_has_its_receipt_is_remembered_too(tmp_path: Path):
    spool = Spool(tmp_path / "spool.db")
    spool.put(encode_item(FRAME))
    spool.receipt([(1, 1)], NOW)
    found = Redelivery(body for _, body in spool.newest(10))
    spool.close()
    assert found.again(encode_item(AGAIN), NOW)
