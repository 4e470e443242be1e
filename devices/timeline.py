"""When a reading was taken, from what the device, the gateway and the patient's zone say.

`stamped_at` is identity: it follows from the device's own bytes and never changes. `taken_at` is
the best knowledge of the true time, and says in the quality where it had to be mended. The method
is the coincident timestamp of the HL7 Personal Health Device guide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from balise.model import ClockPair, Decoded, Quality

TOLERANCE = timedelta(minutes=2)
_CENTURY = 100 * 366 * 86400.0
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
TIMELESS = datetime(2000, 1, 1, tzinfo=UTC)
"""`stamped_at` of a document without any time: its bytes alone tell it from another."""


@dataclass(frozen=True, slots=True)
class Capture:
    """When a gateway had a frame: what its clock said, what was so, and what is known against it.

    `claimed` is None where the gateway said nothing; `exact` is false where the best that is known
    is when the server had it.
    """

    claimed: datetime | None
    at: datetime
    quality: Quality = Quality.NONE
    exact: bool = True

    def true(self, time: datetime) -> datetime | None:
        """Return a time of the same gateway's clock as it was, None where that isn't known."""
        if self.claimed is None or not self.exact:
            return None
        return _shifted(time, self.at - self.claimed)


@dataclass(frozen=True, slots=True)
class Moment:
    """Identity time, true time, and what is known against the latter."""

    stamped_at: datetime
    taken_at: datetime
    quality: Quality = Quality.NONE


def captured(
    claimed: datetime | None,
    received_at: datetime,
    *,
    synchronised: bool = True,
    error: float | None = None,
    age: float | None = None,
    queued: bool = False,
) -> Capture:
    """Return when a gateway had a frame; `error` and `age` are seconds, where it gave them.

    One that was `queued` on its way to the gateway was taken some time before.

    A gateway that did not know the time says how long it had the frame when it sent it, or, once
    it knew, by how much its clock had been wrong.
    """
    if claimed is None:
        return Capture(None, received_at, Quality.TIME_OF_RECEIPT, exact=False)
    at, quality = None, Quality.CLOCK_UNVERIFIED
    if error is not None:
        at, quality = _shifted(claimed, _seconds(error)), Quality.CLOCK_CORRECTED
    elif synchronised:
        at, quality = claimed, Quality.NONE
    elif age is not None:
        at = received_at - _seconds(max(0.0, age))
    if queued or at is None:
        quality |= Quality.TIME_OF_RECEIPT
    if at is None:
        return Capture(claimed, received_at, quality, exact=False)
    return _not_after(received_at, Capture(claimed, at, quality))


def _not_after(received_at: datetime, capture: Capture) -> Capture:
    """Take nothing for captured after it was received: that clock is wrong, whoever says what."""
    if capture.at <= received_at + TOLERANCE:
        return capture
    wrong = Quality.CLOCK_FUTURE | Quality.TIME_OF_RECEIPT
    return Capture(capture.claimed, received_at, wrong, exact=False)


def _shifted(time: datetime, by: timedelta) -> datetime | None:
    try:
        return time + by
    except OverflowError:
        return None


def _seconds(number: float) -> timedelta:
    """Return a number of seconds; a hundred years is as far as any clock is wrong."""
    return timedelta(seconds=max(-_CENTURY, min(_CENTURY, number)))


def place(decoded: Decoded, capture: Capture, *, pair: ClockPair | None, time_zone: str) -> Moment:
    """Return when a decoded frame was taken; a pair's gateway time is as the gateway's clock said.

    What is known against the gateway's clock is known against every time that rests on it.
    """
    if decoded.taken_at is not None:
        return _mend_future(Moment(_bound(decoded.taken_at), decoded.taken_at), capture.at)
    if decoded.device_time is not None:
        pair = _true(pair, capture)
        moment = _by_device_clock(
            decoded, decoded.device_time, capture.at, pair, ZoneInfo(time_zone)
        )
        rests = pair is not None or bool(moment.quality & Quality.TIME_OF_RECEIPT)
        return _against(moment, capture.quality if rests else Quality.NONE)
    if capture.claimed is None:
        return Moment(TIMELESS, capture.at, Quality.TIME_OF_RECEIPT)
    clockless = not decoded.quality & (Quality.CLOCK_UNSET | Quality.CLOCK_IMPOSSIBLE)
    quality = Quality.NONE if clockless else Quality.TIME_OF_RECEIPT
    return _against(Moment(_bound(capture.claimed), capture.at, quality), capture.quality)


def _true(pair: ClockPair | None, capture: Capture) -> ClockPair | None:
    """Return a pair by the true time; none where the gateway's own is not known."""
    if pair is None:
        return None
    gateway = capture.true(pair.gateway)
    return None if gateway is None else replace(pair, gateway=gateway)


def _against(moment: Moment, quality: Quality) -> Moment:
    return replace(moment, quality=moment.quality | quality)


def _by_device_clock(
    decoded: Decoded,
    wall: datetime,
    known_by: datetime,
    pair: ClockPair | None,
    zone: ZoneInfo,
) -> Moment:
    # The wall clock has no zone; labelled UTC it is a name for the moment, not a claim about it.
    stamped_at = _bound(wall.replace(tzinfo=UTC))
    claimed = _claimed(wall, decoded.utc_offset, zone)
    if decoded.quality & _TIME_FAULT:
        # The pair tells what the clock shows now, not what it showed then (HL7 PHD, time fault).
        ticks = decoded.quality & Quality.CLOCK_TICKS
        best = known_by if ticks else claimed
        quality = Quality.TIME_OF_RECEIPT if ticks else Quality.CLOCK_UNVERIFIED
        return _mend_future(Moment(stamped_at, best, quality | Quality.CLOCK_FAULT), known_by)
    if pair is not None:
        taken_at = _corrected(wall, decoded.utc_offset, pair, zone)
        corrected = abs(taken_at - claimed) > TOLERANCE
        quality = Quality.CLOCK_CORRECTED if corrected else Quality.NONE
        return _mend_future(Moment(stamped_at, taken_at, quality), known_by)
    if decoded.quality & (Quality.CLOCK_DEFAULT | Quality.CLOCK_TICKS):
        return Moment(stamped_at, known_by, Quality.TIME_OF_RECEIPT)
    return _mend_future(Moment(stamped_at, claimed, Quality.CLOCK_UNVERIFIED), known_by)


_TIME_FAULT = Quality.CLOCK_OTHER_TIMELINE | Quality.CLOCK_FAULT
"""Stamped before the clock was lost or set anew: no difference read today mends it."""


def _claimed(wall: datetime, utc_offset: int | None, zone: ZoneInfo) -> datetime:
    """Return when a wall clock says it is: by its own offset, else in the patient's zone."""
    if utc_offset is not None:
        return wall.replace(tzinfo=UTC) - timedelta(minutes=utc_offset)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _corrected(wall: datetime, utc_offset: int | None, pair: ClockPair, zone: ZoneInfo) -> datetime:
    """Return a device's time less what its clock was wrong by when both clocks were read."""
    if utc_offset is None and pair.utc_offset is None:
        # Same clock, same zone: their difference needs no zone and survives a wrong one.
        return wall.replace(tzinfo=UTC) - (pair.device.replace(tzinfo=UTC) - pair.gateway)
    error = _claimed(pair.device, pair.utc_offset, zone) - pair.gateway
    return _claimed(wall, utc_offset, zone) - error


def _mend_future(moment: Moment, known_by: datetime) -> Moment:
    """Place at its capture what claims to be younger: its clock is wrong, its capture is known."""
    if moment.taken_at <= known_by + TOLERANCE:
        return moment
    mended = moment.quality | Quality.CLOCK_FUTURE | Quality.TIME_OF_RECEIPT
    return Moment(moment.stamped_at, known_by, mended)


def _bound(stamp: datetime) -> datetime:
    """Keep far-off clocks from making a database chunk for every century."""
    return min(max(stamp, EARLIEST), LATEST)
