"""The values of Generic Health Sensor observations, one function a class (IEEE 11073-10206)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from balise.errors import FrameError, Reason
from balise.model import Quality, Value
from devices import mdc
from devices.codec import Cursor, text
from devices.medfloat import float32

COMPOUND = 7


@dataclass(slots=True)
class Content:
    """The figures and the facts of a value, and the quality bits of what is no number."""

    readings: list[Value] = field(default_factory=list[Value])
    facts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    quality: int = 0


def numbers(cursor: Cursor, what: str) -> list[int]:
    """Return the 32-bit numbers that a count announces."""
    return [cursor.number(4, what) for _ in range(cursor.number(1, f"number of {what}"))]


def float_text(cursor: Cursor, what: str) -> str:
    """Return the next FLOAT as text, or which non-number it is."""
    raw = float32(cursor.number(4, what))
    return f"{raw:f}" if isinstance(raw, Decimal) else " ".join(raw.names)


def _name(code: int | None) -> str:
    return "value" if code is None else f"mdc_{code}"


def _numeric(cursor: Cursor, code: int | None, content: Content) -> None:
    unit = _unit(cursor)
    raw = float32(cursor.number(4, "value"))
    metric, facts = mdc.TYPES.get(code or 0, ("", ()))
    if not isinstance(raw, Decimal):
        content.quality |= raw.value
    elif metric:
        content.readings.append(Value(metric=metric, value=raw, unit=unit))
        content.facts += facts
    else:
        content.facts.append((_name(code), f"{raw:f} {unit}"))


def _unit(cursor: Cursor) -> str:
    term = cursor.number(2, "unit")
    if term not in mdc.UNITS:
        raise FrameError(
            f"{cursor.characteristic}: unit MDC {term} at byte {cursor.at - 2}",
            reason=Reason.UNIT_UNKNOWN,
        )
    return mdc.UNITS[term]


def _discrete(cursor: Cursor, code: int | None, content: Content) -> None:
    content.facts.append((_name(code), f"mdc_{cursor.number(4, 'discrete value')}"))


def _string(cursor: Cursor, code: int | None, content: Content) -> None:
    raw = cursor.take(cursor.number(2, "length of text"), "text")
    content.facts.append((_name(code), text(cursor.characteristic, raw)))


def _samples(cursor: Cursor, code: int | None, content: Content) -> None:
    """Scale times sample + offset; a waveform is kept as a fact, it is no reading."""
    unit = _unit(cursor)
    scale, offset = (float32(cursor.number(4, what)) for what in ("scale factor", "offset"))
    period = float_text(cursor, "sample period")
    cursor.number(1, "samples per period")
    size = cursor.number(1, "bytes per sample")
    count = cursor.number(4, "number of samples")
    raw = Cursor(cursor.characteristic, cursor.take(size * count, "samples"))
    if not isinstance(scale, Decimal) or not isinstance(offset, Decimal):
        content.quality |= Quality.NOT_A_NUMBER.value
        return
    values = [scale * raw.number(size, "sample") + offset for _ in range(count if size else 0)]
    content.facts.append((_name(code), " ".join(f"{value:f}" for value in values)))
    content.facts += [("sample_unit", unit), ("sample_period", f"{period} s")]


def _events(cursor: Cursor, code: int | None, content: Content) -> None:
    codes = numbers(cursor, "events")
    content.facts.append((_name(code), " ".join(f"mdc_{one}" for one in codes)))


def _states(cursor: Cursor, code: int | None, content: Content) -> None:
    size = cursor.number(1, "size of states")
    for what in ("supported", "states", "values"):
        bits = cursor.number(size, what)
        content.facts.append((f"{_name(code)}_{what}", f"0x{bits:0{size * 2}X}"))


def _compound(cursor: Cursor, _code: int | None, content: Content) -> None:
    for _ in range(cursor.number(1, "number of components")):
        component, kind = cursor.number(4, "component type"), cursor.number(1, "component class")
        if not 1 <= kind < COMPOUND:
            raise FrameError(
                f"{cursor.characteristic}: component class {kind} at byte {cursor.at - 1}",
                reason=Reason.FRAME_NO_VALUE,
            )
        VALUES[kind](cursor, component, content)


def attributes(cursor: Cursor, _code: int | None, content: Content) -> None:
    """Keep each type-length-value attribute as its bytes."""
    for _ in range(cursor.number(1, "number of attributes")):
        code, length = cursor.number(4, "attribute type"), cursor.number(2, "attribute length")
        cursor.number(1, "attribute format")
        content.facts.append((_name(code), cursor.take(length, "attribute").hex()))


VALUES: dict[int, Callable[[Cursor, int | None, Content], None]] = {
    1: _numeric,
    2: _discrete,
    3: _string,
    4: _samples,
    5: _events,
    6: _states,
    COMPOUND: _compound,
    8: attributes,
}
"""How the value of each class is read into a content, given the observation's type."""
