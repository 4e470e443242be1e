"""Messages longer than a packet: each segment has a header byte, a message is their chain.

Bit 0 of the header says first, bit 1 last, bits 2 to 7 count from any start (Blood Pressure
Record, Generic Health Sensor, Physical Activity Monitor).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from balise.errors import FrameError, Reason
from balise.model import Decoded, State

FIRST, LAST = 0x01, 0x02


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """A characteristic sent in segments; `read` gets the segments of one message, in order."""

    name: str
    service: str
    characteristic: str
    read: Callable[[Sequence[bytes]], tuple[Decoded, ...]]
    also: tuple[str, ...] = ()
    state: State = State.MEASURED

    def decode(self, data: bytes) -> tuple[Decoded, ...]:
        """Return what a message of one segment says, or that others belong to it."""
        return self.decode_segments((data,))

    def decode_segments(self, segments: Sequence[bytes]) -> tuple[Decoded, ...]:
        """Return what a message says; an incomplete one is a part that awaits the others."""
        if any(not segment for segment in segments):
            raise FrameError(f"{self.characteristic}: 1 byte of header expected at byte 0, 0 there")
        if not (segments[0][0] & FIRST and segments[-1][0] & LAST):
            return (self._part(),)
        self._chain(segments)
        return self.read(segments)

    def _part(self) -> Decoded:
        return Decoded(
            readings=(),
            service=self.service,
            characteristic=self.characteristic,
            state=State.PART,
            awaits=(self.characteristic,),
        )

    def _chain(self, segments: Sequence[bytes]) -> None:
        """Raise FrameError where a segment is missing, doubled or of another message."""
        counter = segments[0][0] >> 2
        for place, segment in enumerate(segments):
            expected = (counter + place) % 64 << 2
            expected |= FIRST * (place == 0) | LAST * (place == len(segments) - 1)
            if segment[0] != expected:
                raise FrameError(
                    f"{self.characteristic}: segment {place + 1} begins with 0x{segment[0]:02X},"
                    f" 0x{expected:02X} expected: one is missing",
                    reason=Reason.FRAME_TRUNCATED,
                )


def body(segments: Sequence[bytes]) -> bytes:
    """Return the message without its segments' headers."""
    return b"".join(segment[1:] for segment in segments)
