"""When a reading was taken, from what the device, the gateway and the patient's zone say.

`stamped_at` is identity: it follows from the device's own bytes and never changes. `taken_at` is
the best knowledge of the true time, and says in the quality where it had to be mended. The method
is the coincident timestamp of the HL7 Personal Health Device guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from balise.model import ClockPair, Decoded, Quality

_TOLERANCE = timedelta(minutes=2)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
TIMELESS = datetime(2000, 1, 1, tzinfo=UTC)
"""`stamped_at` of a document without any time: its bytes alone tell it from another."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Identity time, true time, and what is known against the latter."""

    stamped_at: datetime
    taken_at: datetime
    quality: Quality = Quality.NONE


def place(
    decoded: Decoded,
    *,
    captured_at: datetime | None,
    received_at: datetime,
    pair: ClockPair | None,
    time_zone: str,
) -> Moment:
    """Return when a decoded frame was taken."""
    known_by = captured_at or received_at
    if decoded.taken_at is not None:
        return _mend_future(Moment(_bound(decoded.taken_at), decoded.taken_at), known_by)
    if decoded.device_time is not None:
        return _by_device_clock(decoded, decoded.device_time, known_by, pair, ZoneInfo(time_zone))
    if captured_at is None:
        return Moment(TIMELESS, received_at, Quality.TIME_OF_RECEIPT)
    unset = bool(decoded.quality & Quality.CLOCK_UNSET)
    return Moment(captured_at, captured_at, Quality.TIME_OF_RECEIPT if unset else Quality.NONE)


def _by_device_clock(
    decoded: Decoded,
    wall: datetime,
    known_by: datetime,
    pair: ClockPair | None,
    zone: ZoneInfo,
) -> Moment:
    # The wall clock has no zone; labelled UTC it is a name for the moment, not a claim about it.
    stamped_at = _bound(wall.replace(tzinfo=UTC))
    local = wall.replace(tzinfo=zone).astimezone(UTC)
    if pair is not None:
        drift = pair.device.replace(tzinfo=UTC) - pair.gateway
        taken_at = wall.replace(tzinfo=UTC) - drift
        corrected = abs(taken_at - local) > _TOLERANCE
        quality = Quality.CLOCK_CORRECTED if corrected else Quality.NONE
        return _mend_future(Moment(stamped_at, taken_at, quality), known_by)
    if decoded.quality & Quality.CLOCK_DEFAULT:
        return Moment(stamped_at, known_by, Quality.TIME_OF_RECEIPT)
    return _mend_future(Moment(stamped_at, local, Quality.CLOCK_UNVERIFIED), known_by)


def _mend_future(moment: Moment, known_by: datetime) -> Moment:
    """Place at its capture what claims to be younger: its clock is wrong, its capture is known."""
    if moment.taken_at <= known_by + _TOLERANCE:
        return moment
    mended = moment.quality | Quality.CLOCK_FUTURE | Quality.TIME_OF_RECEIPT
    return Moment(moment.stamped_at, known_by, mended)


def _bound(stamp: datetime) -> datetime:
    """Keep far-off clocks from making a database chunk for every century."""
    return min(max(stamp, _EARLIEST), _LATEST)
