"""Whose turn it is to be connected, where an adapter holds so many links and no more.

A strap that streams all day must not keep out a cuff that is awake for ten seconds: a stream gives
way at once, whoever has said nothing for a while gives way too, and what streams takes turns.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

QUIET = 10.0
"""Seconds after its last frame when a device that holds a link gives way."""
SHARE = 60.0
"""Seconds that a stream keeps its link while another stream waits."""
PATIENCE = 6.0
"""Seconds that an attempt to connect may take while somebody else waits for theirs."""
_LOOK = 0.5


@dataclass(slots=True, eq=False)
class Turn:
    """A device's turn: `give_way` is called at most once, when another needs the link."""

    address: str
    stream: bool
    give_way: Callable[[], None]
    since: float = field(default_factory=time.monotonic)
    spoke: float = field(default_factory=time.monotonic)
    asked: bool = False

    def speak(self) -> None:
        """Note that the device said something."""
        self.spoke = time.monotonic()


def gives_way(holder: Turn, waiting: Turn, now: float) -> bool:
    """Say whether a device that holds a link gives it to one that waits."""
    if holder.stream and not waiting.stream:
        return True
    if holder.stream and waiting.stream:
        return now - holder.since >= SHARE
    return now - holder.spoke >= QUIET


class Turns:
    """So many links at once, and one attempt to connect at a time, as controllers do."""

    def __init__(self, links: int) -> None:
        self._links = links
        self._holders: list[Turn] = []
        self._waiting: list[Turn] = []
        self._changed = asyncio.Condition()
        self._attempt = asyncio.Lock()
        self._attempts = 0

    @asynccontextmanager
    async def turn(self, turn: Turn) -> AsyncIterator[None]:
        """Wait for a link, and hold it."""
        async with self._changed:
            self._waiting.append(turn)
            try:
                while not self._is_next(turn):
                    self._ask_for_room(turn)
                    await self._look_again()
                turn.since = turn.spoke = time.monotonic()
                self._holders.append(turn)
            finally:
                self._waiting.remove(turn)
        try:
            yield
        finally:
            self._holders.remove(turn)
            async with self._changed:
                self._changed.notify_all()

    def _is_next(self, turn: Turn) -> bool:
        first = min(self._waiting, key=lambda one: one.stream)  # the first come, streams last
        return len(self._holders) < self._links and first is turn

    def _ask_for_room(self, waiting: Turn) -> None:
        """Ask the longest holder that may be asked, unless one is on its way out already."""
        now = time.monotonic()
        leaving = sum(one.asked for one in self._holders)
        able = [one for one in self._holders if not one.asked and gives_way(one, waiting, now)]
        if able and leaving < sum(one.stream <= waiting.stream for one in self._waiting):
            able[0].asked = True
            able[0].give_way()

    async def _look_again(self) -> None:
        """Wait for a change; time changes who may be asked, too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                await self._changed.wait()

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Connect alone; TimeoutError where it takes long while another waits to connect."""
        self._attempts += 1
        async with self._changed:
            self._changed.notify_all()
        try:
            async with self._attempt, asyncio.timeout(None) as limit:
                hurrying = asyncio.create_task(self._hurry(limit))
                try:
                    yield
                finally:
                    hurrying.cancel()
        finally:
            self._attempts -= 1

    async def _hurry(self, limit: asyncio.Timeout) -> None:
        await asyncio.sleep(PATIENCE)
        async with self._changed:
            await self._changed.wait_for(lambda: self._attempts > 1)
        limit.reschedule(asyncio.get_running_loop().time())
