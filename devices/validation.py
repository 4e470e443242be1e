"""Landing to readings or refusals: every item that landed ends as one or the other."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from balise.errors import NotUnderstood, Reason
from balise.model import Assignment, ClockPair, Decoded, Quality, Reading, Refused, State
from devices import models, plausibility, session, timeline
from devices.models.model import Model
from devices.payloads import CONVENTIONS, balise_v1
from devices.payloads.convention import Convention
from devices.session import RawFrame


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
    """Devices by address, whose they are when, and how documents are read."""

    devices: Mapping[str, int]
    assignments: Mapping[int, Sequence[Assignment]]
    conventions: Mapping[str, Convention] = field(default_factory=lambda: CONVENTIONS)

    @property
    def zones(self) -> dict[int, str]:
        """The time zone of each patient who has a device."""
        return {one.subject: one.time_zone for some in self.assignments.values() for one in some}


Outcome = Reading | Refused

AT_MOST = 1 << 15
"""Items of a message, and parts of an item: their numbers have 15 bits in the database."""


def validate(landed: Landed, known: Registry) -> list[Outcome]:
    """Return what became of everything in a landed message: never nothing, never an exception."""
    try:
        items = tuple(read(landed.payload).every())
    except NotUnderstood as error:
        return [refuse(landed, error)]
    # A fault of ours must not hold up the line: the bytes wait, refused, for our mend.
    except Exception as error:  # noqa: BLE001
        return [refuse(landed, broken(error))]
    return [
        outcome
        for place, item in enumerate(items)
        for outcome in of_item(landed, place, item, known)
    ]


def read(payload: bytes) -> balise_v1.Message:
    """Return a message that holds something, and no more than can be counted."""
    message = balise_v1.read(payload)
    count = len(message.items) + sum(len(run.after) for run in message.runs)
    if not count:
        raise NotUnderstood("no item", reason=Reason.NO_READING)
    _countable(count, "items in the message")
    return message


def of_item(
    landed: Landed, place: int, item: balise_v1.NumberedItem, known: Registry
) -> list[Outcome]:
    """Return what became of one item of a message: never nothing, never an exception."""
    try:
        return _of_item(landed, place, item, known)
    except NotUnderstood as error:
        return [refuse(landed, error, place, item.device)]
    except Exception as error:  # noqa: BLE001 - as in `validate`: the other items are read
        return [refuse(landed, broken(error), place, item.device)]


def broken(error: Exception) -> NotUnderstood:
    """Return what an error of ours is refused as: its kind and place, never what it was about."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return NotUnderstood(f"{type(error).__name__}{where}", reason=Reason.DECODER_ERROR)


def _of_item(
    landed: Landed, place: int, item: balise_v1.NumberedItem, known: Registry
) -> list[Outcome]:
    if item.gap is not None:
        raise _declared(item.gap)
    context = _Context(landed, place, item, _device(item, known))
    outcomes: list[Outcome] = []
    for decoded in decode(item, known.conventions):
        outcomes += _of_decoded(context, decoded, known, first=len(outcomes))
    if not outcomes:
        raise NotUnderstood("nothing to read in it", reason=Reason.NO_READING)
    _countable(len(outcomes), "figures in the item")
    return outcomes


def _countable(count: int, what: str) -> None:
    if count > AT_MOST:
        raise NotUnderstood(f"more than {AT_MOST} {what}", reason=Reason.PAYLOAD_INVALID)


def _declared(gap: balise_v1.Gap) -> NotUnderstood:
    """Return a declared gap as a refusal, so that who looks for what is missing finds it."""
    return NotUnderstood(
        f"gap ({gap.reason}): {gap.count} items of {len(gap.devices)} devices, captured"
        f" {gap.first} to {gap.last}, were let go by the gateway",
        reason=Reason.SPOOL_GAP,
    )


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


def decode(
    item: balise_v1.Item, conventions: Mapping[str, Convention] = CONVENTIONS
) -> tuple[Decoded, ...]:
    """Return what an item says, whatever kind it is; NotUnderstood where it says nothing."""
    if item.convention:
        convention = conventions.get(item.convention)
        if convention is None:
            raise NotUnderstood(
                f"no convention {item.convention!r}; known: {', '.join(sorted(conventions))}",
                reason=Reason.PAYLOAD_UNKNOWN,
            )
        return convention.read(item.document)
    return session.read(
        _raw(item.service, item.characteristic, item.data),
        tuple(_raw(one.service, one.characteristic, one.data) for one in item.companions),
        model=models.known(item.model),
        repeats=item.repeats,
    )


def _raw(service: str, characteristic: str, data: str) -> RawFrame:
    try:
        return RawFrame(service, characteristic, bytes.fromhex(data))
    except ValueError as error:
        raise NotUnderstood("data is not hexadecimal") from error


def _of_decoded(
    context: _Context, decoded: Decoded, known: Registry, *, first: int
) -> list[Outcome]:
    """Return what one frame or data point gives; its parts are counted on in the item."""
    _measured(decoded)
    _dated(decoded, context.item)
    plausibility.together(decoded.readings)
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
            context.item.device,
        )
        for part, value in enumerate(decoded.readings, first)
    ]


_NOT_MEASURED = {
    State.NO_VALUE: Reason.FRAME_NO_VALUE,
    State.LIVE: Reason.FRAME_LIVE,
    State.CONTROL: Reason.CONTROL_MEASUREMENT,
    State.PART: Reason.COMPANION_MISSING,
    State.INFORMATION: Reason.NO_READING,
}


def _measured(decoded: Decoded) -> None:
    """Refuse, by its own reason, what is no measurement of the patient's, or not whole."""
    if decoded.state is not State.MEASURED:
        detail = ", ".join(decoded.quality.names) or decoded.state.value
        raise NotUnderstood(detail, reason=_NOT_MEASURED[decoded.state])
    if decoded.awaits:
        raise NotUnderstood(
            f"came without {', '.join(decoded.awaits)} of its session",
            reason=Reason.COMPANION_MISSING,
        )


def _dated(decoded: Decoded, item: balise_v1.Item) -> None:
    """Refuse what states no time and a broker kept for whoever asks: it may be years old."""
    stated = decoded.taken_at is not None or decoded.device_time is not None
    if item.kept == balise_v1.RETAINED and not stated:
        raise NotUnderstood(
            "a retained message that states no time: when was it?", reason=Reason.TIME_UNKNOWN
        )


def _whose_and_when(
    context: _Context, decoded: Decoded, known: Registry
) -> tuple[Assignment, timeline.Moment]:
    """Return the assignment in force when the reading was taken, and when that was.

    The time needs the patient's zone and the patient needs the time: each assignment is tried
    with its own zone.
    """
    assignments = known.assignments.get(context.device, ())
    capture = _capture(context.item, context.landed.received_at)
    for assignment in _of_slot(assignments, decoded, models.known(context.item.model)):
        moment = timeline.place(
            decoded, capture, pair=_pair(context.item), time_zone=assignment.time_zone
        )
        if assignment.since <= moment.taken_at and (
            assignment.until is None or moment.taken_at < assignment.until
        ):
            return assignment, moment
    raise NotUnderstood(
        "the device was nobody's when this was taken", reason=Reason.DEVICE_UNASSIGNED
    )


def _of_slot(
    assignments: Sequence[Assignment], decoded: Decoded, model: Model | None
) -> Iterator[Assignment]:
    """Yield the assignments this user slot may mean; a guest's reading is never a patient's."""
    if decoded.quality & Quality.USER_UNKNOWN:
        raise NotUnderstood("the device did not know its user", reason=Reason.PERSON_UNKNOWN)
    slot = decoded.user if model is None or model.slots > 1 else None
    found = [one for one in assignments if one.slot == slot]
    if slot is not None and assignments and not found:
        raise NotUnderstood(
            f"user {slot} of the device is nobody's yet: give it with"
            f" `balise devices give ADDRESS PATIENT --slot {slot}`",
            reason=Reason.PERSON_UNKNOWN,
        )
    yield from found


def _capture(item: balise_v1.Item, received_at: datetime) -> timeline.Capture:
    return timeline.captured(
        item.captured_at,
        received_at,
        synchronised=item.gateway_clock != balise_v1.UNSYNCHRONISED,
        error=item.clock_error,
        age=item.age,
        queued=item.kept == balise_v1.QUEUED,
    )


def _pair(item: balise_v1.Item) -> ClockPair | None:
    if item.clock is None:
        return None
    try:
        device = datetime.fromisoformat(item.clock.device)
    except ValueError as error:
        raise NotUnderstood("the clock pair's device time is no time") from error
    offset = device.utcoffset()
    return ClockPair(
        device=device.replace(tzinfo=None),
        gateway=item.clock.gateway,
        utc_offset=None if offset is None else int(offset.total_seconds()) // 60,
    )


def _sequence(decoded: Decoded, item: balise_v1.Item) -> int:
    """Return the device's own number, or one that only the same bytes have."""
    if decoded.sequence is not None:
        return decoded.sequence & 0x7FFFFFFF
    return own_number((item.data or item.document).encode())


def own_number(data: bytes) -> int:
    """Return a number that only the same bytes have, for a device that counts nothing."""
    return zlib.crc32(data) & 0x7FFFFFFF


def _checked(draft: Reading, part: int, device: str) -> Outcome:
    """Validate, then normalise: closed set of units, range by metric, one canonical unit."""
    try:
        value, quality = plausibility.canonical(draft.metric, draft.sent, draft.unit)
    except NotUnderstood as error:
        return Refused(
            landing=draft.landing,
            item=draft.item,
            part=part,
            reason=error.reason,
            detail=str(error),
            device=device,
        )
    return replace(draft, value=value, quality=draft.quality | quality)


def refuse(landed: Landed, error: NotUnderstood, place: int = 0, device: str = "") -> Refused:
    """Return a message's item as refused, by the reason of the error."""
    return Refused(
        landing=landed.id, item=place, reason=error.reason, detail=str(error), device=device
    )
