"""SenML packs (RFC 8428, JSON): base fields resolved, one reading a time and a device.

What is measured is the last segment of a record's name: a metric of Balise, a LOINC or an MDC
code. Units are those of the SenML registry (RFC 8428 §12.1, RFC 8798); any other is refused.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from balise import unreadable
from balise.errors import PayloadError, Reason
from balise.metrics import METRICS
from balise.model import Decoded, Value
from devices.payloads.convention import Convention
from devices.payloads.document import Json, invalid, number

UNITS: dict[str, str] = {
    "kg": "kg",
    "g": "g",
    "m": "m",
    "cm": "cm",
    "mm": "mm",
    "km": "km",
    "s": "s",
    "ms": "ms",
    "min": "min",
    "h": "h",
    "Hz": "Hz",
    "1/s": "1/s",
    "1/min": "/min",
    "beat/min": "/min",
    "Pa": "Pa",
    "hPa": "hPa",
    "J": "J",
    "K": "K",
    "Cel": "Cel",
    "Ohm": "Ohm",
    "%": "%",
    "/": "1",
    "count": "1",
}
"""Units of the registry in which something Balise measures may be sent, and their UCUM codes."""

NAMES: dict[str, str] = {
    **{metric.loinc: metric.name for metric in reversed(METRICS.values()) if metric.loinc},
    **{str(metric.mdc): metric.name for metric in METRICS.values() if metric.mdc},
    **{name: name for name in METRICS},
    "8867-4": "heart_rate",
}

_VERSIONS = frozenset((*range(11), 26))
"""Version 10 and older, and 10 with the feature «secondary units» of RFC 9100."""
_RELATIVE: Final = Decimal(2**28)
_LATEST: Final = Decimal(4_102_444_800)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*", re.ASCII)
_SEGMENTS = re.compile(r"[:/]")
_KINDS = ("v", "vs", "vb", "vd")
_KNOWN = frozenset(("bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "s", "t", "ut", *_KINDS))
_decoder = msgspec.json.Decoder(list[Json], float_hook=Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A resolved record: every base field is in it. `value` is a figure only where `v` was one."""

    name: str
    unit: str | None
    time: Decimal
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class _Base:
    name: str = ""
    time: Decimal = field(default=Decimal(0))
    unit: str | None = None
    value: Decimal | None = None

    def then(self, record: Json) -> _Base:
        return _Base(
            name=_text(record, "bn", self.name) or "",
            time=_figure(record, "bt", self.time) or Decimal(0),
            unit=_text(record, "bu", self.unit),
            value=_figure(record, "bv", self.value),
        )


def resolve(text: str) -> tuple[Record, ...]:
    """Return the resolved records of a pack (§4.6); PayloadError where the RFC forbids it."""
    pack = _parse(text)
    _version(pack)
    return tuple(_resolved(pack))


def _parse(text: str) -> list[Json]:
    try:
        return _decoder.decode(text)
    except (*unreadable.JSON, ArithmeticError) as error:
        raise PayloadError(f"not a SenML pack: {type(error).__name__}") from error


def _version(pack: list[Json]) -> None:
    versions = [number(record["bver"], "bver") for record in pack if "bver" in record]
    if any(version not in _VERSIONS for version in versions):
        raise invalid("bver is above 10: a newer SenML than RFC 8428")
    if len(set(versions)) > 1:
        raise invalid("a pack has one bver")


def _resolved(pack: Iterable[Json]) -> Iterator[Record]:
    base = _Base()
    for record in pack:
        _must_understand(record)
        base = base.then(record)
        kinds = [kind for kind in _KINDS if kind in record]
        if len(kinds) > 1:
            raise invalid(f"a record has one value, not {' and '.join(kinds)}")
        if kinds or base.value is not None or "s" in record or "bs" in record:
            yield _record(base, record)


def _must_understand(record: Json) -> None:
    """Refuse what §4.4 says must be understood; other unknown fields may be ignored."""
    strange = [key for key in record if key.endswith("_") and key not in _KNOWN]
    if strange:
        raise invalid(f"field {strange[0]} must be understood, and is not")


def _record(base: _Base, record: Json) -> Record:
    name = base.name + (_text(record, "n", "") or "")
    if not _NAME.fullmatch(name):
        raise invalid("a name is letters, digits and -:./_ and begins with a letter or digit")
    value = _figure(record, "v", None)
    if value is not None or (base.value is not None and not _other(record)):
        value = (value or Decimal(0)) + (base.value or Decimal(0))
    time = base.time + (_figure(record, "t", Decimal(0)) or Decimal(0))
    return Record(name=name, unit=_text(record, "u", base.unit), time=time, value=value)


def _other(record: Json) -> bool:
    return any(kind in record for kind in ("vs", "vb", "vd"))


def _text(record: Json, key: str, otherwise: str | None) -> str | None:
    value: Any = record.get(key, otherwise)
    if value is not None and not isinstance(value, str):
        raise invalid(f"{key} must be text")
    return value


def _figure(record: Json, key: str, otherwise: Decimal | None) -> Decimal | None:
    return number(record[key], key) if key in record else otherwise


def _read(text: str) -> tuple[Decoded, ...]:
    groups: dict[tuple[str, Decimal], list[Value]] = {}
    for record in resolve(text):
        device, metric = _named(record.name)
        if metric is not None:
            groups.setdefault((device, record.time), []).append(_value(record, metric))
    if not groups:
        raise PayloadError(
            "no record is named by a metric, a LOINC or an MDC code", reason=Reason.METRIC_UNKNOWN
        )
    return tuple(
        Decoded(
            readings=_numbered(values),
            taken_at=_moment(time),
            sequence=zlib.crc32(f"{device} {text}".encode()) & 0x7FFFFFFF,
            device=device or None,
        )
        for (device, time), values in groups.items()
    )


def _named(name: str) -> tuple[str, str | None]:
    """Return the device a name begins with, and the metric it ends in."""
    last = _SEGMENTS.split(name)[-1]
    return name[: len(name) - len(last)].rstrip(":/"), NAMES.get(last)


def _value(record: Record, metric: str) -> Value:
    if record.value is None:
        raise invalid(f"{metric} needs a value v")
    if record.unit is None:
        raise PayloadError(f"{metric} has neither u nor bu", reason=Reason.UNIT_UNKNOWN)
    unit = UNITS.get(record.unit)
    if unit is None:
        raise PayloadError(
            f"no SenML unit {record.unit!r} for {metric}", reason=Reason.UNIT_UNKNOWN
        )
    return Value(metric=metric, value=record.value, unit=unit)


def _numbered(values: list[Value]) -> tuple[Value, ...]:
    """Refuse the same figure twice: which of them holds is nowhere said."""
    if len({value.metric for value in values}) != len(values):
        raise invalid("one metric twice at one time of one device")
    return tuple(values)


def _moment(time: Decimal) -> datetime | None:
    """Return the time, or None for now: whoever captured the pack knows when that was (§4.5.3)."""
    if time == 0:
        return None
    if time < _RELATIVE:
        raise PayloadError(
            "a time relative to now is of use only beside an absolute one: send bt",
            reason=Reason.TIME_UNKNOWN,
        )
    if time > _LATEST:
        raise invalid("t is out of all bounds")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(time * 1_000_000))


CONVENTION = Convention(name="senml", title="SenML (RFC 8428)", read=_read)
