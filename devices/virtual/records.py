"""Devices whose records are asked for by a Record Access Control Point, one procedure at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Unpack

from bumble.att import ATT_Error, ErrorCode

from devices import racp
from devices.virtual.gateway import Gateway, Item, Settings
from devices.virtual.gatt import INDICATE, WRITE, How
from devices.virtual.link import end, start
from devices.virtual.peripheral import Peripheral
from devices.virtual.racp import OP_UNSUPPORTED, Refused, chosen, number, response

RACP = 0x2A52
CONTROL_POINT: dict[int, How | bytes] = {RACP: WRITE | INDICATE}


@dataclass(frozen=True, slots=True)
class Record:
    """A stored record: its number, and what tells it."""

    number: int
    items: tuple[Item, ...]


class RecordKeeper(Peripheral):
    """A device that keeps its records until the battery goes, and tells those it is asked for.

    It never deletes by itself; a request to delete is obeyed, and is a misdeed.
    """

    REPORT: ClassVar[int] = racp.REPORT
    """The op code that reports: others know the combined report alone."""
    WIDTH: ClassVar[int] = 2
    """Bytes of a record's number, and of a count."""

    def __init__(self, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        self.records: list[Record] = []
        self._next = 1
        self._requests: asyncio.Queue[bytes] = asyncio.Queue()
        self._running = False

    def store(self, *items: Item, at: int | None = None) -> Record:
        """Keep a record under the next number, or another one."""
        record = Record(self._next if at is None else at, items)
        self._next = record.number + 1
        self.records.append(record)
        self.press()
        return record

    def new_battery(self) -> None:
        """Lose the records, the count and the time, as where a battery ran out."""
        self.records.clear()
        self._next = 1
        if self.wall is not None:
            self.wall.restart(replace(self.faults, clock_unset=self.faults.clock_default is None))

    def busy(self) -> bool:
        """Whether a gateway should come, or is being told."""
        return self.wanted or self._running or super().busy()

    def connected(self) -> None:
        """Begin with a gateway, with no procedure."""
        super().connected()
        self._requests, self._running = asyncio.Queue(), False

    def write(self, uuid: int, data: bytes) -> None:
        """Take a request; ATT_Error where another runs, or nobody subscribed to what it brings."""
        if uuid != RACP:
            super().write(uuid, data)
            return
        if not all(self.hears(one) for one in self._brought(data)):
            raise ATT_Error(ErrorCode.CCCD_IMPROPERLY_CONFIGURED)
        if self._running and data[:1] != bytes((racp.ABORT,)):
            raise ATT_Error(ErrorCode.PROCEDURE_ALREADY_IN_PROGRESS)
        self._running = True
        self._requests.put_nowait(data)

    def _brought(self, request: bytes) -> set[int]:
        """Return the characteristics that carry out a request, without the optional contexts."""
        reported = self.records if request[:1] == bytes((self.REPORT,)) else []
        return {RACP, *(record.items[0].uuid for record in reported)}

    def work(self, link: Gateway) -> list[Coroutine[Any, Any, None]]:
        """Return the work of the control point."""
        return [*super().work(link), self._obey(link)]

    async def _obey(self, link: Gateway) -> None:
        """Carry out the requests; the one that comes while another runs is an abort."""
        running = start(asyncio.sleep(0))
        try:
            while True:
                request = await self._requests.get()
                await end(running)
                running = start(self._procedure(link, request))
        finally:
            await end(running)

    async def _procedure(self, link: Gateway, request: bytes) -> None:
        await asyncio.sleep(self.faults.late)
        last: list[Item] = []
        try:
            answer, last = await self._result(link, request)
        except Refused as refusal:
            answer = response(request[0] if request else 0, refusal.code)
        await link.tell(Item(RACP, answer))
        for item in last:
            await self._tell(link, item)
        self._running = False
        self.wake()

    async def _result(self, link: Gateway, request: bytes) -> tuple[bytes, list[Item]]:
        """Return the answer to a request, and what is told only after it."""
        operation = request[0] if request else 0
        if operation == racp.ABORT:
            return response(operation, racp.SUCCESS), []
        if operation not in (self.REPORT, racp.COUNT, racp.DELETE):
            raise Refused(OP_UNSUPPORTED)
        records = chosen(self.records, request, width=self.WIDTH, ranges=not self.faults.no_ranges)
        if operation == racp.COUNT:
            return number(racp.COUNT_ANSWER, len(records), self.WIDTH), []
        if operation == racp.DELETE:
            self.misdeeds.append(request)
            self.records = [one for one in self.records if one not in records]
            return response(operation, racp.SUCCESS), []
        return await self._report(link, records)

    async def _report(self, link: Gateway, records: Sequence[Record]) -> tuple[bytes, list[Item]]:
        """Tell records; what a gateway heard of is wanted no more."""
        items = list(self.packets(records[: self.faults.stops_after], link.room))
        held = items[-1:] if self.faults.end_first else []
        for item in items[: len(items) - len(held)]:
            await self._tell(link, item)
        stops = self.faults.stops_after
        if stops is not None and len(records) > stops:
            raise Refused(racp.NOT_COMPLETED)
        self.wanted = False
        if not records:
            raise Refused(racp.NO_RECORDS)
        return self.success(len(records)), held

    async def _tell(self, link: Gateway, item: Item) -> None:
        if link.subscribed(item.uuid):
            await link.tell(item)
            self.confirmed.append(item.data)
            await link.spend()

    def packets(self, records: Sequence[Record], room: int) -> Iterable[Item]:  # noqa: ARG002 - for those that pack
        """Return what tells some records, in packets of at most `room` bytes."""
        return (item for record in records for item in record.items)

    def success(self, records: int) -> bytes:
        """Return the answer that ends a report of so many records."""
        if self.REPORT == racp.COMBINED:
            return number(racp.COMBINED_ANSWER, records, self.WIDTH)
        return response(self.REPORT, racp.SUCCESS)
