"""What happened when: since when a pairing is at its stage, since when the server is not there."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime

from ingest.gateway.box import Box
from ingest.gateway.pairing.desk import Progress

_PERIOD = 5.0


class Story:
    """Looks at the box whenever something may have changed, and notes the time."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._last: Progress | None = None
        self.version = 0
        self.stage_since = self.received_at = datetime.now(UTC)
        self.offline_since: datetime | None = None

    def look(self) -> Progress | None:
        """Return where the pairing stands now, with its times noted."""
        progress, last = self._box.desk.progress, self._last
        if progress is not None and progress != last:
            now = datetime.now(UTC)
            self.version += 1
            if last is None or progress.stage is not last.stage:
                self.stage_since = now
            if progress.figures and (last is None or progress.figures != last.figures):
                self.received_at = now
        self._last = progress
        return progress

    async def follow(self) -> None:
        """Look for as long as the box lives, even while nobody has the page open."""
        while True:
            self.look()
            self._look_at_the_line()
            await self._box.desk.changed(within=_PERIOD)

    async def moved(self, version: int, seconds: float) -> None:
        """Return once the pairing is no longer where a page has seen it, or after some time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.look() is not None and self.version == version:
                    await self._box.desk.changed()

    def elapsed(self) -> float:
        """Return for how many seconds the pairing has been at its stage."""
        return (datetime.now(UTC) - self.stage_since).total_seconds()

    def _look_at_the_line(self) -> None:
        with suppress(sqlite3.Error):  # a disk that is full must not end the story
            if self._box.state().connected:
                self.offline_since = None
            elif self.offline_since is None:
                self.offline_since = datetime.now(UTC)
