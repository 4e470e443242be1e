"""Which frames of a connection go to the server together: each with the companions it needs.

Pure: a gateway gives frames as they come and spools what is given back. A frame that its device
may have erased is given back at once, and once more with its companion when that comes later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from balise.errors import NotUnderstood
from balise.model import Decoded
from devices import registry
from devices.models.model import Model
from devices.segments import LAST, Segmented
from devices.session import RawFrame


class Bundle(NamedTuple):
    """A frame with its companions, and how often the same bytes came in a row before it."""

    frame: RawFrame
    companions: tuple[RawFrame, ...] = ()
    repeats: int = 0


_BEFORE = {"2AA7": "2AAA", "2A9C": "2A9D"}
"""Companions that are looked for among what came earlier; the last one counts."""

_AFTER = {"2A18": "2A34"}
"""Companions that follow; records stay on the device, so waiting for them loses nothing."""


class Collector:
    """Collects the frames of one connection."""

    def __init__(self, model: Model | None = None) -> None:
        self._model = model
        self._last: dict[str, RawFrame] = {}
        self._repeats: dict[str, int] = {}
        self._segments: dict[str, list[RawFrame]] = {}
        self._waiting: dict[int | None, RawFrame] = {}
        self._lonely: list[RawFrame] = []

    def note(self, frame: RawFrame) -> None:
        """Keep what was read once and belongs to what follows, such as a session's start."""
        self._last[frame.characteristic] = frame

    def take(self, frame: RawFrame) -> list[Bundle]:
        """Return what can be spooled now that this frame has come."""
        what = self._find(frame)
        if isinstance(what, Segmented):
            return list(self._segment(frame))
        repeats = self._repeat(frame)
        self.note(frame)
        if frame.characteristic in _AFTER.values():
            return list(self._follow(frame))
        found = self._decode(frame)
        awaits = {needed for one in found for needed in one.awaits}
        if _AFTER.get(frame.characteristic) in awaits:
            self._waiting[found[0].sequence] = frame
            return []
        if frame.characteristic in _BEFORE and awaits:
            return [self._with_earlier(frame)]
        return [Bundle(frame, repeats=repeats), *self._late(frame)]

    def rest(self) -> list[Bundle]:
        """Return what still waited when the connection ended."""
        waiting = [Bundle(frame) for frame in self._waiting.values()]
        cut = [Bundle(parts[-1], tuple(parts[:-1])) for parts in self._segments.values()]
        self._waiting, self._segments = {}, {}
        return [*waiting, *cut]

    def _repeat(self, frame: RawFrame) -> int:
        """Count the same bytes in a row: a sensor in its charger repeats its last rate for ever."""
        same = self._last.get(frame.characteristic) == frame
        count = self._repeats.get(frame.characteristic, 0) + 1 if same else 0
        self._repeats[frame.characteristic] = count
        return count

    def _find(self, frame: RawFrame) -> object:
        try:
            return registry.find(frame.characteristic, frame.service or None, model=self._model)
        except NotUnderstood:
            return None

    def _decode(self, frame: RawFrame) -> tuple[Decoded, ...]:
        try:
            return registry.decode(
                frame.characteristic, frame.data, service=frame.service or None, model=self._model
            )
        except NotUnderstood:
            return ()

    def _segment(self, frame: RawFrame) -> Iterator[Bundle]:
        parts = self._segments.setdefault(frame.characteristic, [])
        parts.append(frame)
        if frame.data[:1] and frame.data[0] & LAST:
            del self._segments[frame.characteristic]
            yield Bundle(frame, tuple(parts[:-1]))

    def _follow(self, context: RawFrame) -> Iterator[Bundle]:
        """Yield the record that waited for this context."""
        for one in self._decode(context):
            record = self._waiting.pop(one.sequence, None)
            if record is not None:
                yield Bundle(record, (context,))

    def _with_earlier(self, frame: RawFrame) -> Bundle:
        companion = self._last.get(_BEFORE[frame.characteristic])
        if companion is None:
            self._lonely.append(frame)
            return Bundle(frame)
        return Bundle(frame, (companion,))

    def _late(self, companion: RawFrame) -> Iterator[Bundle]:
        """Yield, once more, what came before its companion did."""
        for frame in self._lonely:
            if _BEFORE[frame.characteristic] == companion.characteristic:
                yield Bundle(frame, (companion,))
        self._lonely = [
            one for one in self._lonely if _BEFORE[one.characteristic] != companion.characteristic
        ]
