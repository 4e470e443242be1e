"""The frames of one connection, read together: a context to its glucose, a weight to its body.

A frame that is no reading by itself says what it awaits; beside those companions it becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from balise.errors import FrameError
from balise.model import Decoded, Quality, State, Value
from devices import registry
from devices.clock import moved
from devices.models.model import Model
from devices.segments import Segmented


@dataclass(frozen=True, slots=True)
class RawFrame:
    """Bytes of a characteristic, as they came."""

    service: str
    characteristic: str
    data: bytes


STUCK_AFTER = 60
"""Equal heart rates in a row, one a second, after which no heart is behind them."""


def read(
    frame: RawFrame,
    companions: Sequence[RawFrame] = (),
    *,
    model: Model | None = None,
    repeats: int = 0,
) -> tuple[Decoded, ...]:
    """Return what a frame says beside its companions; FrameError where it says nothing.

    `repeats` counts the same bytes in a row before this frame.
    """
    what = registry.find(frame.characteristic, frame.service or None, model=model)
    if isinstance(what, Segmented):
        earlier = [one.data for one in companions if one.characteristic == frame.characteristic]
        found = what.decode_segments((*earlier, frame.data))
    else:
        found = what.decode(frame.data)
    if repeats >= STUCK_AFTER:
        found = tuple(_stuck(one) for one in found)
    return tuple(_beside(one, companions, model) for one in found)


def _stuck(decoded: Decoded) -> Decoded:
    """Mark a heart rate that no beat has moved for a minute; RR intervals would be beats."""
    if [value.metric for value in decoded.readings] != ["heart_rate"]:
        return decoded
    return replace(decoded, quality=decoded.quality | Quality.VALUE_STUCK)


def _beside(decoded: Decoded, companions: Sequence[RawFrame], model: Model | None) -> Decoded:
    for needed in decoded.awaits:
        join = _JOINS.get((decoded.characteristic, needed))
        for companion in companions if join else ():
            if companion.characteristic == needed and join:
                decoded = _with(decoded, companion, join, model)
    return decoded


Join = Callable[[Decoded, Decoded, Model | None], Decoded | None]
"""Return the first with what the second adds to it, None where they don't belong together."""


def _with(decoded: Decoded, companion: RawFrame, join: Join, model: Model | None) -> Decoded:
    needed = companion.characteristic
    for other in registry.decode(
        needed, companion.data, service=companion.service or None, model=model
    ):
        joined = join(decoded, other, model) if needed in decoded.awaits else None
        if joined is not None:
            left = tuple(one for one in joined.awaits if one != needed)
            decoded = replace(joined, awaits=left)
    return decoded


def _context(glucose: Decoded, context: Decoded, model: Model | None) -> Decoded | None:
    """Add a context to the glucose of its number; a meter may mark a ketone in it."""
    if context.sequence != glucose.sequence:
        return None
    facts = (*glucose.facts, *context.facts)
    meal = dict(context.facts).get("meal", "")
    if model and model.ketone_meal is not None and meal == f"reserved ({model.ketone_meal})":
        ketones = tuple(_ketone(one) for one in glucose.readings)
        return replace(glucose, readings=ketones, facts=facts)
    if meal.startswith("reserved"):
        # A maker's own meaning: it may be no glucose at all, so it is none until the model says.
        return replace(
            glucose,
            readings=(),
            facts=facts,
            state=State.NO_VALUE,
            quality=glucose.quality | Quality.RESERVED_VALUE,
        )
    return replace(glucose, readings=glucose.readings + context.readings, facts=facts)


def _ketone(glucose: Value) -> Value:
    """Return the ketone that a meter writes as a glucose: its mg/dL are tenths of mmol/L."""
    if glucose.unit != "kg/L":
        raise FrameError(f"2A18: a ketone in {glucose.unit}; kg/L is known")
    return replace(glucose, metric="blood_ketone", value=glucose.value.scaleb(4), unit="mmol/L")


_OF_CLOCK_AND_USER = (
    Quality.CLOCK_UNSET | Quality.CLOCK_DEFAULT | Quality.CLOCK_IMPOSSIBLE | Quality.USER_UNKNOWN
)


def _weighing(body: Decoded, weight: Decoded, _model: Model | None) -> Decoded:
    """Give a body composition the time and the user of its weighing."""
    return replace(
        body,
        device_time=weight.device_time,
        user=weight.user if body.user is None else body.user,
        quality=body.quality | weight.quality & _OF_CLOCK_AND_USER,
    )


def _packet(second: Decoded, first: Decoded, _model: Model | None) -> Decoded:
    """Put two packets of one body composition together; both repeat the fat."""
    told = {value.metric for value in first.readings}
    rest = tuple(value for value in second.readings if value.metric not in told)
    return replace(
        second,
        readings=first.readings + rest,
        device_time=second.device_time or first.device_time,
        user=second.user if first.user is None else first.user,
        quality=first.quality | second.quality,
        awaits=tuple(one for one in second.awaits if one == "2A9C" or one in first.awaits),
    )


def _session_time(record: Decoded, start: Decoded, _model: Model | None) -> Decoded:
    """Place a glucose record: minutes after the start of its session."""
    quality = record.quality | start.quality
    if start.device_time is None or record.sequence is None:
        return replace(record, quality=quality)
    at, against = moved(start.device_time, minutes=record.sequence)
    return replace(
        record,
        device_time=at,
        utc_offset=start.utc_offset,
        quality=quality | Quality(against),
    )


_JOINS: dict[tuple[str, str], Join] = {
    ("2A18", "2A34"): _context,
    ("2A9C", "2A9C"): _packet,
    ("2A9C", "2A9D"): _weighing,
    ("2AA7", "2AAA"): _session_time,
}
"""How what was awaited is added, by who awaits whom."""
