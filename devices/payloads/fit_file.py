"""A FIT file as documents: the messages Balise reads, each with its time in full."""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import fitdecode  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs]
import msgspec

from balise.errors import PayloadError
from devices.payloads.fit import MESSAGES

MAGIC = b".FIT"
"""Bytes 8 to 11 of every FIT file."""

_SENT = datetime(1989, 12, 31, tzinfo=UTC)
_ABSOLUTE = 0x10000000
"""Smaller times count from the device's start: nobody knows when that was."""
_TELLING = ("status", "user_profile_index", "activity_type")
# The library reads what it finds; a hostile file can make it stumble in any of these ways.
_STUMBLES = (
    fitdecode.FitError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


def documents(data: bytes, unmeasured: Counter[str]) -> Iterator[str]:
    """Yield the messages Balise reads; PayloadError, before the first, where a checksum fails."""
    for _ in _frames(data):
        pass
    file = _File()
    for frame in _frames(data):
        if isinstance(frame, fitdecode.FitDataMessage):
            document = file.document(frame)
            if document is None:
                unmeasured[f"FIT {frame.name}"] += 1
            else:
                yield document


def _frames(data: bytes) -> Iterator[Any]:
    try:
        with fitdecode.FitReader(
            io.BytesIO(data),
            check_crc=fitdecode.CrcCheck.RAISE,
            error_handling=fitdecode.ErrorHandling.IGNORE,
        ) as reader:
            yield from reader
    except _STUMBLES as error:
        raise PayloadError(f"no readable FIT file: {error}") from error


@dataclass(slots=True)
class _File:
    """What the messages so far say of the next one: the time, and the counts of steps."""

    seconds: int | None = None
    steps: dict[str, int] = field(default_factory=dict[str, int])

    def document(self, message: Any) -> str | None:
        """Return a message as a document, or None where it holds nothing Balise reads."""
        found = {one.name: one for one in message.fields if one.value is not None}
        exact = self._clock(found)
        known = MESSAGES.get(message.name)
        names = [] if known is None else [name for name in known.fields if name in found]
        previous = self._count(found) if known is not None and known.counted else None
        if previous is None and "steps" in names:
            names.remove("steps")
        if not names and message.name != "blood_pressure":
            return None
        return _text(
            {
                "message": message.name,
                "timestamp": self._time(),
                **({} if exact else {"timed_by": "the message before"}),
                "fields": {name: _field(found[name]) for name in (*names, *_said(found))},
                **({} if previous is None else {"previous": previous}),
            }
        )

    def _clock(self, found: dict[str, Any]) -> bool:
        """Take the time of a message; False where it has none of its own."""
        if "timestamp" in found:
            self.seconds = int(found["timestamp"].raw_value)
            return True
        if "timestamp_16" in found and self.seconds is not None:
            # Its lower 16 bits only: they are counted on from the last whole time.
            self.seconds += (int(found["timestamp_16"].raw_value) - self.seconds) & 0xFFFF
            return True
        return False

    def _time(self) -> str | None:
        if self.seconds is None or self.seconds < _ABSOLUTE:
            return None
        return (_SENT + timedelta(seconds=self.seconds)).isoformat()

    def _count(self, found: dict[str, Any]) -> int | None:
        """Return the count before this one, of its activity; the file's first is only a base."""
        if "steps" not in found:
            return None
        activity = str(found["activity_type"].value if "activity_type" in found else "")
        before = self.steps.get(activity)
        self.steps[activity] = int(found["steps"].value)
        return before


def _said(found: dict[str, Any]) -> list[str]:
    return [name for name in _TELLING if name in found]


def _field(one: Any) -> dict[str, Any]:
    figures: Any = one.value
    if isinstance(figures, tuple):
        several = cast("tuple[object, ...]", figures)
        figures = [figure for figure in several if figure is not None]
    return {"value": figures, "units": one.units}


def _text(document: dict[str, Any]) -> str:
    return msgspec.json.encode(document).decode()
