"""How each part of a frame is written, and by which name its figure is given."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from devices.cgm import SessionMinutes
from devices.clock import Clock, Minutes, Seconds
from devices.enhanced_blood_pressure import UserFacing
from devices.glucose import Sample, TesterAndHealth
from devices.medisana_scale import U12, Seconds2010
from devices.mi_scale import Load, Unstable
from devices.parts import (
    FLOAT,
    S8,
    S24,
    SFLOAT,
    SFLOAT_BIG,
    U8,
    U16,
    U24,
    U32,
    Code,
    Fact,
    Kind,
    Number,
    Part,
    RecordNumber,
    Skip,
    Status,
    User,
)
from devices.virtual.words import date_time, float32, sfloat

_INTEGERS = {U8: 1, U12: 2, U16: 2, U24: 3, U32: 4, S8: -1, S24: -3}
"""Bytes of an integer; below 0 where it is signed."""

_EPOCH_2010 = datetime(2010, 1, 1)  # noqa: DTZ001 - a wall clock has no zone

_FLOATS: dict[Kind, Callable[[Any], bytes]] = {
    SFLOAT: sfloat,
    FLOAT: float32,
    SFLOAT_BIG: lambda figure: sfloat(figure)[::-1],
}

_NAMES: dict[type[Part], str] = {
    RecordNumber: "sequence",
    SessionMinutes: "minutes",
    Seconds: "clock",
    Seconds2010: "clock",
    UserFacing: "user_facing",
    Minutes: "offset",
    Load: "body_weight",
    TesterAndHealth: "tester_and_health",
    Skip: "",
    Unstable: "",
}
"""Those whose name isn't their label; without one nothing is given."""


def name(part: Part) -> str:
    """Return by which name a part's figure is given, empty where it has none."""
    return _NAMES.get(type(part), part.label)


def word(part: Part, figure: Any) -> bytes:
    """Return the bytes of one figure; bytes stand for themselves."""
    written = figure if isinstance(figure, bytes) else WRITERS[type(part)](part, figure)
    size = struct.calcsize("<" + part.code)
    if len(written) != size:
        raise ValueError(f"{name(part)}: {len(written)} bytes for {size}")
    return written


def _integer(kind: Kind, value: int) -> bytes:
    size = _INTEGERS[kind]
    return value.to_bytes(abs(size), "little", signed=size < 0)


def _number(part: Number | Fact, figure: Any) -> bytes:
    """Return a figure; without one, not a number or the integer that says so."""
    if part.kind in _FLOATS:
        return _FLOATS[part.kind](Decimal(figure) if isinstance(figure, int) else figure)
    if figure is None and isinstance(part, Number) and part.absent is not None:
        return _integer(part.kind, part.absent)
    return _integer(part.kind, _steps(figure, part.step, name(part)))


def _steps(figure: Any, step: Decimal | None, what: str) -> int:
    steps = Decimal(figure) if step is None else Decimal(figure) / step
    if steps != int(steps):
        raise ValueError(f"{what}: {figure} is no multiple of {step or 1}")
    return int(steps)


def _load(part: Load, figure: Decimal) -> bytes:
    return _integer(U16, _steps(figure, part.step, "body_weight"))


def _status(part: Status, figure: int) -> bytes:
    return figure.to_bytes(part.size, part.order)


def _coded(part: Code | RecordNumber, figure: int) -> bytes:
    return _integer(part.kind, figure)


def _user(_part: User, figure: int | None) -> bytes:
    return _integer(U8, 0xFF if figure is None else figure)


def _clock(_part: Clock, figure: datetime | None) -> bytes:
    """Return a wall clock, zeros where nobody set it."""
    return bytes(7) if figure is None else date_time(figure)


def _seconds(part: Seconds, figure: datetime | None) -> bytes:
    count = 0 if figure is None else int((figure - part.epoch).total_seconds())
    return _integer(U32, count)


def _seconds_2010(_part: Seconds2010, figure: datetime | None) -> bytes:
    """Return what a clock counts that no application has set to Unix time."""
    return _seconds(Seconds(_EPOCH_2010), figure)


def _minutes(_part: Minutes, figure: int) -> bytes:
    return figure.to_bytes(2, "little", signed=True)


def _session_minutes(_part: SessionMinutes, figure: int) -> bytes:
    return _integer(U16, figure)


def _nibbles(_part: Part, figure: tuple[int, int]) -> bytes:
    """Return two codes of four bits, the first one low."""
    low, high = figure
    if not 0 <= low <= 0xF:
        raise OverflowError
    return _integer(U8, high << 4 | low)


def _skipped(part: Skip, _figure: None) -> bytes:
    """Return places that are left empty: two bytes each, not a number."""
    return (sfloat(None) * part.size)[: part.size]


def _nothing(_part: Part, _figure: None) -> bytes:
    return b""


WRITERS: dict[type[Part], Callable[[Any, Any], bytes]] = {
    Number: _number,
    Fact: _number,
    Status: _status,
    Code: _coded,
    RecordNumber: _coded,
    User: _user,
    Clock: _clock,
    Seconds: _seconds,
    UserFacing: _seconds,
    Seconds2010: _seconds_2010,
    Minutes: _minutes,
    SessionMinutes: _session_minutes,
    Sample: _nibbles,
    TesterAndHealth: _nibbles,
    Load: _load,
    Skip: _skipped,
    Unstable: _nothing,
}
"""How each type of part is written."""
