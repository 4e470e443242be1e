"""Whose turn it is: a cuff that is awake for ten seconds is served while a strap streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from bench.waiting import until_async as until
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.heart_rate import HeartRateStrap
from devices.virtual.oximeter import Oximeter
from ingest.gateway import turns
from ingest.gateway.agent import Agent, serve
from ingest.gateway.devices import KnownDevice
from ingest.gateway.turns import QUIET, SHARE, Turn, gives_way

CUFF, STRAP, SECOND = "F0:00:00:00:00:41", "F0:00:00:00:00:42", "F0:00:00:00:00:43"
H10, BU570 = "polar-h10", "medisana-bu570"
AWAKE = 10.0


def turn(*, stream: bool, since: float = 0.0, spoke: float = 0.0) -> Turn:
    return Turn("", stream, lambda: None, since, spoke)


@pytest.mark.parametrize(
    ("holder", "waits", "expected"),
    [
        (turn(stream=True), turn(stream=False), True),
        (turn(stream=True, spoke=100), turn(stream=True), True),
        (turn(stream=True, since=100 - SHARE + 1), turn(stream=True), False),
        (turn(stream=False, spoke=100), turn(stream=False), False),
        (turn(stream=False, spoke=100 - QUIET), turn(stream=False), True),
        (turn(stream=False, spoke=100), turn(stream=True), False),
        (turn(stream=False, spoke=100 - QUIET), turn(stream=True), True),
    ],
)
def test_who_gives_way_to_whom(holder: Turn, waits: Turn, expected: object):
    assert gives_way(holder, waits, 100.0) is expected


class Home:
    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def frames(self, address: str) -> list[str]:
        return [one["data"] for one in self.items if one["device"] == address]


@asynccontextmanager
async def living(air: Air, *known: KnownDevice, links: int) -> AsyncIterator[Home]:
    home = Home()
    agent = Agent(known, lambda item: home.items.append(json.loads(item)), links=links)
    task = asyncio.create_task(serve(air.radio, agent))
    yield home
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def strap(address: str) -> HeartRateStrap:
    one = HeartRateStrap(address=address, name="strap", period=0.05)
    one.beat(bpm=72)
    return one


def cuff() -> BloodPressureCuff:
    one = BloodPressureCuff(address=CUFF, name="cuff", linger=0.5)
    one.measure(systolic=Decimal(132), diastolic=Decimal(78))
    return one


KNOWN = (
    KnownDevice(address=CUFF, model=BU570),
    KnownDevice(address=STRAP, model=H10),
    KnownDevice(address=SECOND, model=H10),
)


@pytest.mark.parametrize("links", [1, 5])
async def test_a_cuff_awake_for_ten_seconds_is_served_while_a_strap_streams(air: Air, links: int):
    one, other = strap(STRAP), cuff()
    async with living(air, *KNOWN, links=links) as home:
        await air.add(one)
        await until(lambda: len(home.frames(STRAP)) > 20)
        await air.add(other)
        await until(lambda: not other.memory)
        await until(lambda: other.link is None)
        seen = len(home.frames(STRAP))
        await until(lambda: len(home.frames(STRAP)) > seen + 20)  # and the strap goes on
        assert one.link is not None


async def test_an_attempt_that_leads_nowhere_does_not_keep_a_cuff_out(
    air: Air, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(turns, "PATIENCE", 1.0)
    gone, other = strap(STRAP), cuff()
    async with living(air, *KNOWN, links=5) as home:
        await asyncio.sleep(0.3)
        (gateway,) = air.gateways
        await air.add(gone)
        await until(lambda: gateway._controller.pending_le_connection)
        await air.remove(gone)
        await air.add(other)
        await until(lambda: home.frames(CUFF))


async def test_two_straps_share_one_link(air: Air, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turns, "SHARE", 1.0)
    async with living(air, *KNOWN, links=1) as home:
        await air.add(strap(STRAP))
        await air.add(strap(SECOND))
        for _ in range(2):
            for address in (STRAP, SECOND):
                seen = len(home.frames(address))
                await until(lambda a=address, n=seen: len(home.frames(a)) > n + 5)


async def test_a_device_that_holds_its_link_in_silence_gives_it_to_a_cuff(
    air: Air, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(turns, "QUIET", 1.0)
    silent = Oximeter(address=SECOND, name="oximeter", linger=60)
    silent.measure(saturation=Decimal(97), pulse=Decimal(60))
    known = KnownDevice(address=SECOND), KnownDevice(address=CUFF, model=BU570)
    other = cuff()
    async with living(air, *known, links=1) as home:
        await air.add(silent)
        await until(lambda: silent.link is not None)
        await until(lambda: home.frames(SECOND))
        await air.add(other)
        await until(lambda: home.frames(CUFF))
