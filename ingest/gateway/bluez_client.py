"""bleak's client of BlueZ, which says so where a device ends the link while we connect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bleak.backends.bluezdbus.client import BleakClientBlueZDBus

from ingest.gateway.links import LinkCutError

_A_MOMENT = 1.0
"""Seconds after a cut in which bleak, where it has BlueZ's answer, has begun anew or raised it."""


class BlueZClient(BleakClientBlueZDBus):
    """A client whose attempt ends where bleak 3.1 waits for an answer that cannot come any more.

    As a link ends bleak shuts its D-Bus connection, and BlueZ's answer to the attempt, where it
    comes a moment later, is never read. Who is told of ended links is told of those that stood.
    """

    async def connect(
        self,
        pair: bool,  # noqa: FBT001 - bleak's signature
        dangerous_use_bleak_cache: bool = False,  # noqa: FBT001, FBT002 - bleak's signature
        **kwargs: Any,
    ) -> None:
        """Connect; LinkCutError where the device ended the link, and no answer came before."""
        cut = asyncio.Event()
        told, self._disconnected_callback = self._disconnected_callback, cut.set
        try:
            connecting = super().connect(pair, dangerous_use_bleak_cache, **kwargs)
            await unless_cut(connecting, cut, deaf=lambda: self._bus is None)
        finally:
            self._disconnected_callback = told
        if not self.is_connected:
            raise LinkCutError("The device ended the link at once")


async def unless_cut(
    connecting: Coroutine[Any, Any, None],
    cut: asyncio.Event,
    *,
    deaf: Callable[[], bool],
    moment: float = _A_MOMENT,
) -> None:
    """Await an attempt; LinkCutError where it is deaf a moment after `cut` was set."""
    attempt = asyncio.ensure_future(connecting)
    lost = asyncio.ensure_future(_lost(cut, deaf, moment))
    try:
        await asyncio.wait((attempt, lost), return_when=asyncio.FIRST_COMPLETED)
        if not attempt.done():
            raise LinkCutError("The device ended the link while we connected")
    finally:
        lost.cancel()
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
    attempt.result()


async def _lost(cut: asyncio.Event, deaf: Callable[[], bool], moment: float) -> None:
    """Return once no answer can come: bleak tries again by itself where it has had one."""
    while True:
        await cut.wait()
        cut.clear()
        await asyncio.sleep(moment)
        if deaf() and not cut.is_set():
            return
