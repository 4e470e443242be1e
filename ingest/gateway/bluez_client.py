"""bleak's client of BlueZ, which says so where a device ends the link while we connect."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from bleak.backends.bluezdbus.client import BleakClientBlueZDBus

from ingest.gateway.links import LinkCutError

_AGAIN = 5.0
"""Seconds that bleak has to connect anew after a link was cut, which it does by itself."""


class BlueZClient(BleakClientBlueZDBus):
    """A client whose attempt ends soon after its last link: bleak 3.1 may wait for its whole limit.

    It shuts its D-Bus connection as a link ends, and BlueZ's answer, where it comes a moment later,
    is never read. Who is told of ended links is told of those that stood.
    """

    async def connect(
        self,
        pair: bool,  # noqa: FBT001 - bleak's signature
        dangerous_use_bleak_cache: bool = False,  # noqa: FBT001, FBT002 - bleak's signature
        **kwargs: Any,
    ) -> None:
        """Connect; LinkCutError where the device ended the link, and no other came about."""
        cut = asyncio.Event()
        told, self._disconnected_callback = self._disconnected_callback, cut.set
        try:
            await unless_cut(super().connect(pair, dangerous_use_bleak_cache, **kwargs), cut)
        finally:
            self._disconnected_callback = told
        if not self.is_connected:
            raise LinkCutError("The device ended the link at once")


async def unless_cut(
    connecting: Coroutine[Any, Any, None], cut: asyncio.Event, again: float = _AGAIN
) -> None:
    """Await an attempt; LinkCutError where `cut` is set and it says nothing for so long after."""
    attempt = asyncio.ensure_future(connecting)
    silence = asyncio.ensure_future(_silence(cut, again))
    try:
        await asyncio.wait((attempt, silence), return_when=asyncio.FIRST_COMPLETED)
        if not attempt.done():
            raise LinkCutError("The device ended the link while we connected")
    finally:
        silence.cancel()
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
    attempt.result()


async def _silence(cut: asyncio.Event, seconds: float) -> None:
    """Return so long after the last link was cut."""
    await cut.wait()
    with suppress(TimeoutError):
        while True:
            cut.clear()
            async with asyncio.timeout(seconds):
                await cut.wait()
