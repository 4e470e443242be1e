"""Landing to readings or refusals: every item that landed ends as one or the other."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from balise.errors import NotUnderstood, Reason
from balise.metrics import METRICS, Metric
from balise.model import Assignment, ClockPair, Decoded, Quality, Reading, Refused, State, Value
from devices import registry, timeline, units
from devices.payloads import CONVENTIONS, balise_v1


@dataclass(frozen=True, slots=True)
class Landed:
    """A row of `landing`."""

    id: int
    batch: int
    received_at: datetime
    gateway: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Registry:
    """Devices by address, and whose they are when."""

    devices: Mapping[str, int]
    assignments: Mapping[int, Sequence[Assignment]]


Outcome = Reading | Refused


def validate(landed: Landed, known: Registry) -> list[Outcome]:
    """Return what became of everything in a landed message: never nothing."""
    try:
        message = balise_v1.read(landed.payload)
    except NotUnderstood as error:
        return [_refuse(landed, 0, error)]
    outcomes: list[Outcome] = []
    for place, item in enumerate(message.items):
        outcomes += _of_item(landed, place, item, known)
    return outcomes or [_refuse(landed, 0, NotUnderstood("no item", reason=Reason.NO_READING))]


def _of_item(
    landed: Landed, place: int, item: balise_v1.NumberedItem, known: Registry
) -> list[Outcome]:
    try:
        context = _Context(landed, place, item, _device(item, known))
        outcomes: list[Outcome] = []
        for decoded in _decode(item):
            outcomes += _of_decoded(context, decoded, known)
    except NotUnderstood as error:
        return [_refuse(landed, place, error)]
    if not outcomes:
        nothing = NotUnderstood("nothing to read in it", reason=Reason.NO_READING)
        return [_refuse(landed, place, nothing)]
    return outcomes


def _device(item: balise_v1.Item, known: Registry) -> int:
    device = known.devices.get(item.device)
    if device is None:
        raise NotUnderstood("the device is not enrolled", reason=Reason.DEVICE_UNKNOWN)
    return device


@dataclass(frozen=True, slots=True)
class _Context:
    """What a decoded frame came in."""

    landed: Landed
    place: int
    item: balise_v1.NumberedItem
    device: int


def _decode(item: balise_v1.Item) -> tuple[Decoded, ...]:
    if item.convention:
        convention = CONVENTIONS.get(item.convention)
        if convention is None:
            raise NotUnderstood(
                f"no convention {item.convention!r}; known: {', '.join(sorted(CONVENTIONS))}",
                reason=Reason.PAYLOAD_UNKNOWN,
            )
        return convention.read(item.document)
    try:
        data = bytes.fromhex(item.data)
    except ValueError as error:
        raise NotUnderstood("data is not hexadecimal") from error
    return (registry.decode(item.characteristic, data, service=item.service or None),)


def _of_decoded(context: _Context, decoded: Decoded, known: Registry) -> list[Outcome]:
    if decoded.state is not State.MEASURED:
        detail = ", ".join(decoded.quality.names) or decoded.state.value
        raise NotUnderstood(detail, reason=Reason.FRAME_NO_VALUE)
    _plausible_together(decoded.readings)
    assignment, moment = _whose_and_when(context, decoded, known)
    return [
        _checked(
            Reading(
                device=context.device,
                metric=value.metric,
                position=value.position,
                unit=value.unit,
                stamped_at=moment.stamped_at,
                sequence=_sequence(decoded, context.item),
                taken_at=moment.taken_at,
                subject=assignment.subject,
                value=value.value,
                sent=value.value,
                quality=decoded.quality | value.quality | moment.quality,
                landing=context.landed.id,
                item=context.place,
            ),
            part,
        )
        for part, value in enumerate(decoded.readings)
    ]


def _whose_and_when(
    context: _Context, decoded: Decoded, known: Registry
) -> tuple[Assignment, timeline.Moment]:
    """Return the assignment in force when the reading was taken, and when that was.

    The time needs the patient's zone and the patient needs the time: each assignment is tried
    with its own zone.
    """
    for assignment in _of_slot(known.assignments.get(context.device, ()), decoded):
        moment = timeline.place(
            decoded,
            captured_at=context.item.captured_at,
            received_at=context.landed.received_at,
            pair=_pair(context.item),
            time_zone=assignment.time_zone,
        )
        if assignment.since <= moment.taken_at and (
            assignment.until is None or moment.taken_at < assignment.until
        ):
            return assignment, moment
    raise NotUnderstood(
        "the device was nobody's when this was taken", reason=Reason.DEVICE_UNASSIGNED
    )


def _of_slot(assignments: Sequence[Assignment], decoded: Decoded) -> Iterator[Assignment]:
    """Yield the assignments this user slot may mean; a guest's reading is never a patient's."""
    if decoded.quality & Quality.USER_UNKNOWN:
        raise NotUnderstood("the device did not know its user", reason=Reason.PERSON_UNKNOWN)
    for assignment in assignments:
        if assignment.slot is None or assignment.slot == decoded.user:
            yield assignment


def _pair(item: balise_v1.Item) -> ClockPair | None:
    if item.clock is None:
        return None
    try:
        device = datetime.fromisoformat(item.clock.device)
    except ValueError as error:
        raise NotUnderstood("the clock pair's device time is no time") from error
    return ClockPair(device=device.replace(tzinfo=None), gateway=item.clock.gateway)


def _sequence(decoded: Decoded, item: balise_v1.Item) -> int:
    """Return the device's own number, or one that only the same bytes have."""
    if decoded.sequence is not None:
        return decoded.sequence
    return zlib.crc32((item.data or item.document).encode()) & 0x7FFFFFFF


def _plausible_together(values: Sequence[Value]) -> None:
    """Refuse a blood pressure whose systolic is not above its diastolic: a misread frame."""
    by_metric = {value.metric: value.value for value in values}
    systolic = by_metric.get("systolic_blood_pressure", Decimal(1))
    if systolic <= by_metric.get("diastolic_blood_pressure", Decimal(0)):
        raise NotUnderstood(
            "systolic is not above diastolic pressure", reason=Reason.VALUE_IMPOSSIBLE
        )


def _checked(draft: Reading, part: int) -> Outcome:
    """Validate, then normalise: closed set of units, range by metric, one canonical unit."""
    metric = METRICS[draft.metric]
    try:
        value = _possible(metric, units.convert(draft.sent, draft.unit, metric.unit))
    except NotUnderstood as error:
        return Refused(
            landing=draft.landing,
            item=draft.item,
            part=part,
            reason=error.reason,
            detail=str(error),
        )
    low, high = metric.plausible
    flag = Quality.NONE if low <= value <= high else Quality.OUT_OF_PLAUSIBLE_RANGE
    return replace(draft, value=value, quality=draft.quality | flag)


def _possible(metric: Metric, value: Decimal) -> Decimal:
    low, high = metric.impossible
    if not low <= value <= high:
        # The value stays out of the text: details are shown to operators, values are not.
        raise NotUnderstood(
            f"{metric.name} outside {low} to {high} {metric.unit}", reason=Reason.VALUE_IMPOSSIBLE
        )
    return value


def _refuse(landed: Landed, place: int, error: NotUnderstood) -> Refused:
    return Refused(landing=landed.id, item=place, reason=error.reason, detail=str(error))
