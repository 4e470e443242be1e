"""Frames decoded in columns say, digit for digit, what they say one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balise.errors import FrameError, UsageError
from balise.model import Quality, State
from devices import columns, registry
from devices.frame import Frame

READABLE = [
    one for one in registry.CHARACTERISTICS if isinstance(one, Frame) and columns.readable(one)
]


def test_the_common_measurements_are_read_in_columns():
    assert {one.characteristic for one in READABLE} >= {
        "2A37",
        "2A35",
        "2A1C",
        "2A9D",
        "2A9C",
        "2A5E",
        "2A5F",
    }


def test_a_characteristic_with_parts_of_its_own_is_decoded_one_by_one():
    glucose = registry.find("2A18")
    assert isinstance(glucose, Frame)
    with pytest.raises(UsageError, match="frame by frame"):
        columns.decode(glucose, [b""])


def one_by_one(frame: Frame, data: bytes) -> tuple[Any, ...] | None:
    try:
        (decoded,) = frame.decode(data)
    except FrameError:
        return None
    figures = [(one.metric, one.position, one.unit, one.value) for one in decoded.readings]
    void = decoded.state is State.NO_VALUE
    return figures, decoded.device_time, decoded.user, decoded.sequence, decoded.quality, void


def from_columns(found: columns.Columns, count: int) -> list[tuple[Any, ...] | None]:
    figures: list[list[tuple[str, int, str, Decimal]]] = [[] for _ in range(count)]
    for row, metric, position, unit, mantissa, exponent in found.figures.iter_rows():
        value = Decimal(mantissa).scaleb(exponent)
        figures[row].append((metric, position, unit, value))
    told: list[tuple[Any, ...] | None] = [None] * count
    for row, wall, user, sequence, quality, void in found.frames.iter_rows():
        told[row] = (figures[row], wall, user, sequence, Quality(quality), void or not figures[row])
    return told


def shapes(frame: Frame) -> st.SearchStrategy[bytes]:
    dated = st.just(bytes.fromhex("e807060f11111b"))
    return st.tuples(
        st.binary(min_size=frame.flags_size, max_size=frame.flags_size),
        st.binary(max_size=12),
        st.one_of(dated, st.just(b""), st.binary(max_size=7)),
        st.binary(max_size=8),
    ).map(b"".join)


@pytest.mark.parametrize("frame", READABLE, ids=lambda one: one.characteristic)
@settings(max_examples=40)
@given(data=st.data())
def test_columns_say_what_frames_say(frame: Frame, data: st.DataObject):
    frames = data.draw(st.lists(shapes(frame), max_size=12))
    found = columns.decode(frame, frames)
    expected = [one_by_one(frame, one) for one in frames]
    assert from_columns(found, len(frames)) == expected
    assert found.refused == tuple(place for place, one in enumerate(expected) if one is None)


def test_a_thousand_cuffs():
    frame = registry.find("2A35")
    assert isinstance(frame, Frame)
    good = bytes.fromhex("167c0056006100e807060f11111b33000000")
    failed = bytes.fromhex("16ff07ff07ff07e80706170e230aff070000")
    found = columns.decode(frame, [good, failed] * 500)
    assert (found.figures.height, found.frames["void"].sum(), found.refused) == (2000, 500, ())
