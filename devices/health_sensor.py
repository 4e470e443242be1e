"""Generic Health Sensor Service 1840: observations 2B8B (live) and 2BDD (stored), model ACOM.

An observation carries its own codes: class, length, flags, type, time, status, patient, then a
value of its class (IEEE 11073-10206). Draft devices that number their classes from 0 are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from msgspec import structs

from balise.errors import FrameError, Reason
from balise.model import Decoded, Facts, Quality, State, Value
from devices import mdc
from devices.codec import Codec, Cursor, information
from devices.observation_values import VALUES, Content, attributes, float_text, numbers
from devices.parts import Draft, Status, word_of
from devices.segments import Segmented, body
from devices.time_services import elapsed

SERVICE = "1840"
_CLASSES = {
    1: "numeric",
    2: "simple discrete",
    3: "string",
    4: "sample array",
    5: "compound discrete event",
    6: "compound state or event",
    7: "compound",
    8: "type-length-value",
    255: "bundle",
}
_BUNDLE = 255
_NOT_AVAILABLE, _INVALID = 0x0004, 0x0001
_SETTING = 0x0080

_STATUS = Status(
    "measurement_status",
    (
        (0x0001, 0x0001, Quality.INVALID),
        (0x0002, 0x0002, Quality.QUESTIONABLE),
        (0x0004, 0x0004, Quality.UNSUCCESSFUL),
        (0x0008, 0x0008, Quality.QUESTIONABLE),  # calibration going on
        (0x0010, 0x0010, Quality.TEST_DATA),
        (0x0020, 0x0020, Quality.EARLY_ESTIMATE),
        (0x0040, 0x0040, Quality.SELF_REPORTED),
    ),
    names={
        0: "invalid",
        1: "questionable",
        2: "not_available",
        3: "calibrating",
        4: "test_data",
        5: "early_estimate",
        6: "manually_entered",
        7: "setting",
        14: "threshold_error",
        15: "thresholding_disabled",
    },
    # A setting is what the device was told, not what it measured.
    voids=_INVALID | _NOT_AVAILABLE | _SETTING,
)


@dataclass(slots=True)
class _Header:
    """What an observation says before its value; a bundle's holds for its members."""

    type: int | None = None
    device_time: datetime | None = None
    utc_offset: int | None = None
    user: int | None = None
    quality: int = 0
    void: bool = False
    facts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def _observations(cursor: Cursor, inherited: _Header, *, depth: int = 0) -> list[Decoded]:
    start = cursor.at
    kind, length = cursor.number(1, "observation class"), cursor.number(2, "observation length")
    if kind not in _CLASSES or (kind == _BUNDLE and depth):
        raise FrameError(
            f"{cursor.characteristic}: observation class {kind} at byte {start}",
            reason=Reason.FRAME_NO_VALUE,
        )
    header = _header(cursor, inherited)
    if kind == _BUNDLE:
        found = [
            one
            for _ in range(cursor.number(1, "number of observations"))
            for one in _observations(cursor, header, depth=depth + 1)
        ]
    else:
        content = Content()
        VALUES[kind](cursor, header.type, content)
        found = [_decoded(header, content)]
    _check_length(cursor, start, length)
    return found


def _check_length(cursor: Cursor, start: int, length: int) -> None:
    """Raise FrameError where the length is not that of what follows it (or of the whole)."""
    whole = cursor.at - start
    if length not in (whole, whole - 3):
        raise FrameError(
            f"{cursor.characteristic}: the observation at byte {start} says it has {length} bytes,"
            f" {whole - 3} follow",
            reason=Reason.FRAME_OVERLONG,
        )


def _header(cursor: Cursor, inherited: _Header) -> _Header:
    flags = cursor.number(2, "observation flags")
    header = replace(inherited, facts=list(inherited.facts))
    for bit, read in enumerate(_OPTIONAL):
        if flags >> bit & 1:
            read(cursor, header)
    return header


def _type(cursor: Cursor, header: _Header) -> None:
    header.type = cursor.number(4, "observation type")


def _time(cursor: Cursor, header: _Header) -> None:
    stamp = elapsed(cursor.take(9, "time stamp"))
    header.device_time, header.utc_offset = stamp.device_time, stamp.utc_offset
    header.quality |= stamp.quality
    header.facts.append(("time_source", stamp.source))


def _duration(cursor: Cursor, header: _Header) -> None:
    header.facts.append(("measurement_duration", f"{float_text(cursor, 'duration')} s"))


def _status(cursor: Cursor, header: _Header) -> None:
    draft = Draft()
    _STATUS.read(cursor.take(2, "measurement status"), draft)
    header.quality |= draft.quality
    header.void = header.void or draft.void
    header.facts += draft.facts


def _object(cursor: Cursor, header: _Header) -> None:
    header.facts.append(("object", str(cursor.number(4, "object id"))))


def _patient(cursor: Cursor, header: _Header) -> None:
    slot = cursor.number(1, "patient")
    if slot == 0xFF:
        header.quality |= Quality.USER_UNKNOWN.value
    else:
        header.user = slot


def _supplement(cursor: Cursor, header: _Header) -> None:
    codes = numbers(cursor, "supplemental information")
    known = [mdc.MODALITIES.get(code, f"mdc_{code}") for code in codes]
    header.facts.append(("supplemental_information", " ".join(known)))


def _references(name: str) -> Callable[[Cursor, _Header], None]:
    def read(cursor: Cursor, header: _Header) -> None:
        header.facts.append((name, " ".join(str(one) for one in numbers(cursor, name))))

    return read


def _attributes(cursor: Cursor, header: _Header) -> None:
    content = Content()
    attributes(cursor, header.type, content)
    header.facts += content.facts


_OPTIONAL = (
    _type,
    _time,
    _duration,
    _status,
    _object,
    _patient,
    _supplement,
    _references("derived_from"),
    _references("member_of"),
    _attributes,
)
"""The optional fields in the order of their flag bits, which is their order on the wire."""


def _decoded(header: _Header, content: Content) -> Decoded:
    facts: Facts = (*header.facts, *content.facts)
    void = header.void or not content.readings
    if header.type == mdc.CONTROL_GLUCOSE:
        state = State.CONTROL
    elif not void:
        state = State.MEASURED
    else:
        attempted = content.quality or header.void
        state = State.NO_VALUE if attempted else State.INFORMATION
    return Decoded(
        service=SERVICE,
        characteristic="2B8B",
        readings=() if void else tuple(content.readings),
        device_time=header.device_time,
        utc_offset=header.utc_offset,
        user=header.user,
        quality=Quality(header.quality | content.quality),
        state=state,
        facts=facts,
    )


def _message(cursor: Cursor) -> list[Decoded]:
    """Return a message's observations; figures of one metric and moment are told apart."""
    seen: Counter[tuple[str, datetime | None]] = Counter()
    placed: list[Decoded] = []
    for one in _observations(cursor, _Header()):
        readings: list[Value] = []
        for value in one.readings:
            position = seen[value.metric, one.device_time]
            seen[value.metric, one.device_time] += 1
            readings.append(structs.replace(value, position=position))
        placed.append(structs.replace(one, readings=tuple(readings)))
    cursor.end()
    return placed


def _live(segments: Sequence[bytes]) -> tuple[Decoded, ...]:
    return tuple(_message(Cursor("2B8B", body(segments))))


def _stored(segments: Sequence[bytes]) -> tuple[Decoded, ...]:
    cursor = Cursor("2BDD", body(segments))
    number = cursor.number(4, "record number")
    found = _message(cursor)
    return tuple(structs.replace(one, characteristic="2BDD", sequence=number) for one in found)


def _features(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2BF3", data)
    flags = cursor.number(1, "flags")
    types = numbers(cursor, "observation types")
    facts = [
        ("observation_types", " ".join(mdc.TYPES.get(one, (f"mdc_{one}",))[0] for one in types))
    ]
    if flags & 1:
        kinds = [
            f"{cursor.number(2, 'specialisation')} v{cursor.number(1, 'version')}"
            for _ in range(cursor.number(1, "number of specialisations"))
        ]
        facts.append(("specialisations", " ".join(kinds)))
    cursor.end()
    return information(SERVICE, "2BF3", tuple(facts))


_OPERATIONS = {
    0x01: "start live observations",
    0x02: "stop live observations",
    0x80: "success",
}


def _control_point(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2BF4", data)
    operation = word_of(_OPERATIONS, cursor.number(1, "op code"))
    cursor.end()
    return information(SERVICE, "2BF4", (("operation", operation),))


CHARACTERISTICS = (
    Segmented(name="live_health_observations", service=SERVICE, characteristic="2B8B", read=_live),
    Segmented(
        name="stored_health_observations", service=SERVICE, characteristic="2BDD", read=_stored
    ),
    Codec(name="health_sensor_features", service=SERVICE, characteristic="2BF3", read=_features),
    Codec(name="ghs_control_point", service=SERVICE, characteristic="2BF4", read=_control_point),
)
