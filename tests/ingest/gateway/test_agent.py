"""The agent over real Bluetooth stacks: whom it serves, and what its spool refuses."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from bench.waiting import until_async as until
from devices.payloads.balise_v1 import Item
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.thermometer import Thermometer
from ingest.gateway.agent import Agent, serve
from ingest.gateway.backoff import Backoff
from ingest.gateway.devices import KnownDevice

CUFF, STRANGER = "F0:00:00:00:00:11", "F0:00:00:00:00:12"


@asynccontextmanager
async def serving(air: Air, put: Callable[[bytes], None]) -> AsyncIterator[None]:
    task = asyncio.create_task(serve(air.radio, Agent([KnownDevice(address=CUFF)], put)))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def cuff_three_years_behind() -> BloodPressureCuff:
    cuff = BloodPressureCuff(
        address=CUFF, name="cuff", clock=lambda: datetime.now(UTC).replace(tzinfo=None)
    )
    cuff.clock_offset = timedelta(days=-3 * 365)
    cuff.measure(systolic=Decimal(132), diastolic=Decimal(78))
    return cuff


async def test_an_assigned_device_is_spooled_with_its_clock_and_a_stranger_is_not():
    """Case link-off-at-discovery: who is not enrolled is never connected to."""
    spooled: list[Item] = []
    async with Air() as air:
        cuff, stranger = cuff_three_years_behind(), Thermometer(address=STRANGER, name="other")
        stranger.measure(temperature=Decimal("37.0"))
        links: list[object] = []
        stranger.connected = lambda: links.append(stranger)  # type: ignore[method-assign]
        await air.add(stranger)
        await air.add(cuff)
        async with serving(air, lambda body: spooled.append(msgspec.json.decode(body, type=Item))):
            await until(lambda: not cuff.memory)
    (item,) = spooled
    assert (item.device, item.service, item.characteristic) == (CUFF, "1810", "2A35")
    assert item.data == cuff.confirmed[0].hex()
    assert item.clock is not None
    drift = item.clock.gateway - datetime.fromisoformat(item.clock.device).replace(tzinfo=UTC)
    assert abs(drift - timedelta(days=3 * 365)) < timedelta(seconds=30)
    assert list(stranger.memory)
    assert links == []


async def test_what_the_spool_refuses_stays_on_the_device_and_comes_again():
    spooled: list[bytes] = []
    refusals = iter([True, False])

    def put(body: bytes) -> None:
        if next(refusals, False):
            raise sqlite3.OperationalError("database or disk is full")
        spooled.append(body)

    async with Air() as air:
        cuff = cuff_three_years_behind()
        await air.add(cuff)
        async with serving(air, put):
            await until(lambda: not cuff.memory)
    assert len(spooled) == len(cuff.confirmed) == 1


@pytest.mark.parametrize("failures", range(12))
def test_the_wait_grows_and_stays_under_a_minute(failures: int):
    backoff = Backoff()
    for _ in range(failures):
        backoff.next()
    most = min(60.0, 0.5 * 2**failures)
    assert most / 2 <= backoff.next() <= most
    backoff.success()
    assert backoff.next() <= 0.5


async def test_how_the_radio_is_said_whenever_it_changes(air: Air):
    agent, said = Agent([], lambda _item: None), list[str]()
    agent.on_radio = lambda: said.append(agent.radio)
    assert agent.radio == "unknown"
    serving = asyncio.create_task(serve(air.radio, agent))
    await until(lambda: said == ["hearing"])
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert said == ["hearing", "down"]
    closed = asyncio.create_task(serve("tcp-client:127.0.0.1:1", agent))
    await asyncio.sleep(0.5)
    closed.cancel()
    await asyncio.gather(closed, return_exceptions=True)
    assert said == ["hearing", "down"]  # it was down before
