"""Stored records, asked for by RACP: counted first, from the last one known, never deleted.

What comes is spooled as it comes, by the session; here is only the asking. The cursor moves when a
transfer was whole, so that a broken one is asked for again and its repeats are duplicates.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from devices import racp
from ingest.gateway import files

SILENCE = 30.0
"""Seconds without a packet after which a procedure has failed."""
PAUSE = 0.5
"""Seconds between an answer and the next request: sooner, some meters answer nothing."""
GRACE = 1.0
"""Seconds that records may come after the answer that ends them."""


class Cursors:
    """The last record known of each device and service, in a file beside the spool."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[str, int] = {}
        if path.exists():
            self._last = msgspec.json.decode(path.read_bytes(), type=dict[str, int])

    def last(self, device: str, service: str) -> int | None:
        """Return the number of the last record that is spooled."""
        return self._last.get(f"{device}/{service}")

    def move(self, device: str, service: str, number: int) -> None:
        """Note that everything up to a record is spooled."""
        self._last[f"{device}/{service}"] = number
        files.write_json(self._path, self._last)


@dataclass(slots=True)
class Transfer:
    """What a transfer came to."""

    asked: int = 0
    came: int = 0
    whole: bool = False


@dataclass(slots=True)
class Records:
    """The record access of one service of a connected device."""

    client: BleakClient
    point: BleakGATTCharacteristic
    numbers: list[int]
    """Those of the records that came, in order; the session adds to it."""
    ended: asyncio.Event
    """Set when the device is gone."""
    asks_from: bool = True
    combined: bool = False
    """Generic Health Sensors: combined reports, numbers and counts of 4 bytes."""
    _answers: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue[bytes])

    async def fetch(self, after: int | None) -> Transfer:
        """Ask for the records after a number, or for all, and say how the transfer ended."""
        await self.client.start_notify(self.point, lambda _, data: self._hear(bytes(data)))
        first = None if after is None or not self.asks_from else after + 1
        count = await self._count(first)
        if count == 0 and first is not None and await self._was_reset(after):
            return await self._report(None, await self._count(None))
        if count == 0:
            return Transfer(whole=True)
        return await self._report(first, count)

    def _hear(self, data: bytes) -> None:
        self._answers.put_nowait(data)

    async def _was_reset(self, after: int | None) -> bool:
        """Say whether the device numbers anew: it has records, and its last is below ours."""
        if not await self._count(None) or after is None:
            return False
        before = len(self.numbers)
        await self._ask(racp.report_last(self._report_code))
        await asyncio.sleep(GRACE)
        last = self.numbers[before:]
        return bool(last) and last[-1] < after

    async def _count(self, first: int | None) -> int | None:
        """Return how many records there are, None where the device doesn't count."""
        size = 4 if self.combined else 2
        request = racp.count_all() if first is None else racp.count_from(first, size=size)
        answer = await self._ask(request)
        if answer[:1] == bytes((racp.COUNT_ANSWER,)):
            return int.from_bytes(answer[2:], "little")
        return 0 if _code(answer) == racp.NO_RECORDS else None

    async def _report(self, first: int | None, count: int | None) -> Transfer:
        before = len(self.numbers)
        size = 4 if self.combined else 2
        if first is None:
            request = racp.report_all(self._report_code)
        else:
            request = racp.report_from(first, self._report_code, size=size)
        code = _code(await self._ask(request))
        came = await self._came(before, count)
        whole = code == racp.SUCCESS and (count is None or came >= count)
        return Transfer(asked=count or 0, came=came, whole=whole or code == racp.NO_RECORDS)

    @property
    def _report_code(self) -> int:
        return racp.COMBINED if self.combined else racp.REPORT

    async def _came(self, before: int, count: int | None) -> int:
        """Return how many records came; the answer may overtake the last of them."""
        waited = 0.0
        while count is not None and waited < GRACE:
            if len(self.numbers) - before >= count:
                break
            await asyncio.sleep(0.05)
            waited += 0.05
        return len(self.numbers) - before

    async def _ask(self, request: bytes) -> bytes:
        """Write a request and return its answer; abort where nothing comes for 30 s."""
        await asyncio.sleep(PAUSE)
        await self.client.write_gatt_char(self.point, request, response=True)
        while True:
            before = len(self.numbers)
            if answer := await self._answer():
                return answer
            if self.ended.is_set():
                raise BleakError("the device is gone in the middle of a transfer")
            if len(self.numbers) == before:
                await self.client.write_gatt_char(self.point, racp.abort(), response=True)
                raise BleakError("the device said nothing for 30 s: transfer given up")

    async def _answer(self) -> bytes:
        """Return the next answer, nothing where the device is gone or silent."""
        answer = asyncio.create_task(self._answers.get())
        gone = asyncio.create_task(self.ended.wait())
        try:
            await asyncio.wait((answer, gone), timeout=SILENCE, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else b""
        finally:
            answer.cancel()
            gone.cancel()


def _code(answer: bytes) -> int:
    """Return the code of a response, 0 where it is none; a combined report's end is a count."""
    if answer[:1] == bytes((racp.COMBINED_ANSWER,)):
        return racp.SUCCESS
    return answer[3] if len(answer) >= 4 and answer[0] == racp.ANSWER else 0
