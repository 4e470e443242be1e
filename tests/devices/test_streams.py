"""Runs validated in columns give what their items give one by one, and travel without loss."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from balise.errors import PayloadError
from balise.model import Assignment, Reading
from devices import registry, streams, validation
from devices.frame import Frame
from devices.payloads import balise_v1, runs
from devices.payloads.balise_v1 import Item
from ingest.gateway.flight import ITEMS_A_MESSAGE

START = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
STREAMED = [
    one for one in registry.CHARACTERISTICS if isinstance(one, Frame) and streams.streamed(one)
]
EPOCH = UUID(int=7)


def test_what_streams_is_read_in_columns():
    assert {one.characteristic for one in STREAMED} >= {"2A37", "2A5F"}


def heart_rates(values: Sequence[int], **also: str) -> list[Item]:
    items = [
        Item(
            device="S",
            captured_at=START + timedelta(seconds=second),
            service="180D",
            characteristic="2A37",
            data=bytes([6, value]).hex(),
            **also,
        )
        for second, value in enumerate(values)
    ]
    return counted(items)


def counted(items: list[Item]) -> list[Item]:
    """Count repeats as a gateway does: the same bytes in a row."""
    repeats = [0]
    for one, other in pairwise(items):
        repeats.append(repeats[-1] + 1 if one.data == other.data else 0)
    return [replace(item, repeats=many) for item, many in zip(items, repeats, strict=True)]


def sent(items: Sequence[Item], first: int = 1) -> bytes:
    bodies = [(number, balise_v1.encode_item(item)) for number, item in enumerate(items, first)]
    return balise_v1.encode_message(EPOCH, bodies)


def known(since: datetime = START - timedelta(days=9), until: datetime | None = None):
    whose = Assignment(device=1, subject=5, time_zone="Europe/Paris", since=since, until=until)
    return validation.Registry({"S": 1}, {1: [whose]})


def landed(payload: bytes, received_at: datetime = START + timedelta(hours=2)):
    return validation.Landed(77, 1, received_at, "home-1", "t", payload)


def both_ways(
    message: validation.Landed, registry: validation.Registry
) -> tuple[list[validation.Outcome], list[validation.Outcome], int]:
    """Return outcomes one by one, outcomes with columns, and how many of those came in columns."""
    whole = balise_v1.read(message.payload)
    plain, others = streams.sorted_out(message, whole)
    found = streams.validate(plain, registry)
    outcomes = [
        one for left in (*others, *found.left) for one in validation.of_item(*left, registry)
    ]
    outcomes += [
        Reading(
            landing=row["landing"],
            item=row["item"],
            device=row["device"],
            subject=row["subject"],
            sequence=row["sequence"],
            metric=row["metric"],
            position=row["position"],
            unit=row["unit"],
            taken_at=row["taken_at"],
            stamped_at=row["taken_at"],
            value=Decimal(row["mantissa"]).scaleb(row["exponent"]),
            sent=Decimal(row["mantissa"]).scaleb(row["exponent"]),
            quality=validation.Quality(row["quality"]),
        )
        for row in found.readings.iter_rows(named=True)
    ]
    return validation.validate(message, registry), outcomes, found.readings.height


def same(one: list[validation.Outcome], other: list[validation.Outcome]) -> None:
    def key(outcome: validation.Outcome) -> tuple[int, str, int]:
        metric = outcome.metric if isinstance(outcome, Reading) else outcome.reason
        place = outcome.position if isinstance(outcome, Reading) else outcome.part
        return outcome.item, metric, place

    assert sorted(one, key=key) == sorted(other, key=key)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "FEWEST", 1)


@pytest.mark.parametrize("frame", STREAMED, ids=lambda one: one.characteristic)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_columns_and_items_say_the_same_of_any_bytes(frame: Frame, data: st.DataObject):
    size = data.draw(st.integers(1, 12))
    frames = data.draw(st.lists(st.binary(min_size=size, max_size=size), min_size=3, max_size=9))
    gaps = data.draw(st.lists(st.integers(-10, 4000), min_size=len(frames), max_size=len(frames)))
    items = [
        Item(
            device="S",
            captured_at=START + timedelta(seconds=gap),
            service=frame.service,
            characteristic=frame.characteristic,
            data=one.hex(),
        )
        for one, gap in zip(frames, gaps, strict=True)
    ]
    expected, found, _ = both_ways(landed(sent(counted(items))), known())
    same(expected, found)


def test_as_many_heart_rates_as_a_message_carries_come_in_columns():
    values = [60 + n % 7 for n in range(ITEMS_A_MESSAGE)]
    expected, found, columns = both_ways(landed(sent(heart_rates(values))), known())
    same(expected, found)
    assert columns == ITEMS_A_MESSAGE


def test_only_the_frames_of_a_stuck_sensor_leave_the_columns():
    """Its 61st equal rate is the first; the count goes on from one message to the next."""
    values = [60, *[72] * 70, 61, 62, *[63] * 20]
    items = heart_rates(values)
    expected, found, columns = both_ways(landed(sent(items)), known())
    same(expected, found)
    assert len(values) - columns == 10
    expected, found, columns = both_ways(landed(sent(items[50:])), known())
    same(expected, found)
    assert len(items[50:]) - columns == 10


@pytest.mark.parametrize(
    ("values", "since", "until", "received"),
    [
        ([72, 0, 74, 75], -9, None, 2.0),  # 0 is a strap without a signal
        ([72, 20, 250, 255], -9, None, 2.0),  # implausible
        ([72, 73, 74, 75], -9, 0, 2.0),  # given back when the run begins
        ([72, 73, 74, 75], 1, None, 2.0),  # given later
        ([72, 73, 74, 75], -9, None, -2.0),  # captured after it was received
    ],
)
def test_what_needs_a_second_look_gets_it(
    values: list[int], since: int, until: int | None, received: float
):
    owner = known(
        START + timedelta(days=since), None if until is None else START + timedelta(seconds=until)
    )
    message = landed(sent(heart_rates(values)), START + timedelta(hours=received))
    expected, found, _ = both_ways(message, owner)
    same(expected, found)


def test_runs_give_back_their_items():
    items = heart_rates([60, 60, 60, 61, 60, 60], session="2", model="m")
    items += heart_rates([80, 81], session="3")
    items.append(Item(device="S", captured_at=START, convention="senml", document="[]"))
    message = balise_v1.read(sent(items))
    assert (len(message.items), [len(run.after) for run in message.runs]) == (3, [6])
    back = {one.seq: one for one in message.every()}
    for number, item in enumerate(items, 1):
        numbered = balise_v1.encode_item(item)[:-1] + b',"seq":%d}' % number
        assert balise_v1.encode_item(back[number]) == numbered
    assert balise_v1.numbers(sent(items)) == (
        *(EPOCH, [(7, 7), (8, 8), (9, 9), (1, 6)]),
        False,
    )


def test_frames_that_do_not_follow_each_other_are_runs_of_their_own():
    items = heart_rates([60, 61, 62])
    forgetful = [*items, *heart_rates([60, 61, 62])]  # 62 then 60: repeats go on from nothing
    repeated = [*heart_rates([70, 70, 70]), *heart_rates([70, 70, 70])]  # the count starts again
    assert [len(run.after) for run in balise_v1.read(sent(forgetful)).runs] == [6]
    assert [len(run.after) for run in balise_v1.read(sent(repeated)).runs] == [3, 3]


def test_what_a_run_cannot_say_travels_as_an_item():
    upper = Item(device="S", captured_at=START, characteristic="2A37", data="0A48")
    unset = Item(device="S", characteristic="2A37", data="0648")
    unsure = Item(
        device="S",
        captured_at=START,
        characteristic="2A37",
        data="0648",
        gateway_clock=balise_v1.UNSYNCHRONISED,
    )
    assert balise_v1.read(sent([upper] * 4 + [unset] * 4 + [unsure] * 4)).runs == ()


@pytest.mark.parametrize(
    "change",
    [
        {"after": (0, 1)},
        {"data": "0648064906"},
        {"data": ""},
        {"size": 0},
        {"numbers": ((1, 1 << 60),)},
        {"numbers": ()},
        {"numbers": ((3, 1),)},
        {"captured_at": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "after": (0, 1 << 40, 5)},
    ],
)
def test_a_run_whose_columns_disagree_is_refused(change: dict[str, Any]):
    run = runs.pack(list(enumerate(heart_rates([72, 73, 74]), 1)))[0]
    broken = replace(run, **change)
    with pytest.raises(PayloadError, match="a run"):
        runs.check(broken)
