"""A device's clock: read first, set by policy alone, and never by a clock that may be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from bleak import BleakClient

from balise.errors import UsageError
from balise.settings import Settings
from bench.waiting import PATIENCE_SECONDS
from devices import time_services
from devices.payloads.balise_v1 import Item, read_item
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from ingest.gateway import clock, device_clock, session
from ingest.gateway.agent import Agent, serve
from ingest.gateway.clock import Timekeeper
from ingest.gateway.device_clock import Pair, Policy
from ingest.gateway.devices import KnownDevice

CUFF = "F0:00:00:00:00:21"
PARIS = ZoneInfo("Europe/Paris")
SETTABLE, BY_HAND = "beurer-bm59", "beurer-bm85"
BEHIND = timedelta(days=-3 * 365)


def test_the_bytes_are_those_another_program_writes():
    """ble-scale-sync, issue 168: a Tuesday at 18:53:43; its reason is 1, ours an external one."""
    wall = datetime(2026, 5, 12, 18, 53, 43, 17 * 1_000_000 // 256 + 1)  # noqa: DTZ001 - a wall clock
    assert time_services.written("2A2B", wall).hex() == "ea07050c12352b021102"
    assert time_services.written("2A08", wall).hex() == "ea07050c12352b"


async def served(
    model: str, policy: Policy | None, then: Callable[[BloodPressureCuff, list[Item]], bool]
) -> tuple[BloodPressureCuff, list[Item]]:
    """Serve a cuff that is three years behind until something holds."""
    items: list[Item] = []
    cuff = BloodPressureCuff(
        address=CUFF,
        name="cuff",
        clock=lambda: datetime.now(PARIS).replace(tzinfo=None),
        linger=20,
    )
    cuff.clock_offset = BEHIND
    cuff.measure(systolic=Decimal(132), diastolic=Decimal(78))
    known = KnownDevice(address=CUFF, model=model)
    async with Air() as air:
        await air.add(cuff)
        agent = Agent([known], lambda body: items.append(read_item(body)), policy=policy)
        serving = asyncio.create_task(serve(air.radio, agent))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not then(cuff, items):
                await asyncio.sleep(0.05)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    return cuff, items


def wrong_by(item: Item) -> timedelta:
    assert item.clock is not None
    shown = datetime.fromisoformat(item.clock.device).replace(tzinfo=PARIS)
    return shown.astimezone(UTC) - item.clock.gateway


async def test_a_wrong_clock_is_set_once_the_device_has_told_what_it_had(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(session, "QUIET", 2.0)
    read, pairs = device_clock.read, list[Pair | None]()

    async def noted(client: BleakClient) -> Pair | None:
        pairs.append(await read(client))
        return pairs[-1]

    monkeypatch.setattr(device_clock, "read", noted)

    def measured_again(cuff: BloodPressureCuff, items: list[Item]) -> bool:
        # What comes before the gateway has read the clock it set is told without any.
        if len(pairs) == 2 and len(cuff.confirmed) == 1:
            cuff.measure(systolic=Decimal(128), diastolic=Decimal(76))
        return len(items) == 2

    cuff, (first, second) = await served(
        SETTABLE, Policy(PARIS, Timekeeper(trusted=True)), measured_again
    )
    # To the second where nothing else runs; the cuff was three years off.
    assert abs(cuff.clock_offset) < timedelta(seconds=30)
    assert abs(wrong_by(first) - BEHIND) < timedelta(days=1)  # three years; summer time apart
    assert abs(wrong_by(second)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("model", "policy"),
    [
        (SETTABLE, None),
        (BY_HAND, Policy(PARIS, Timekeeper(trusted=True))),
        (SETTABLE, Policy(PARIS, Timekeeper())),
    ],
    ids=["not wanted", "not settable", "our own time unknown"],
)
async def test_a_clock_is_left_alone(
    model: str, policy: Policy | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session, "QUIET", 0.2)
    monkeypatch.setattr(clock, "synchronised", lambda: False)
    began = datetime.now(UTC)
    cuff, items = await served(
        model, policy, lambda *_: datetime.now(UTC) - began > timedelta(seconds=3)
    )
    assert len(items) == 1
    assert cuff.clock_offset == BEHIND


def test_a_zone_that_is_none_is_said_so():
    with pytest.raises(UsageError, match="Europe/Paris"):
        device_clock.policy(
            Settings(gateway_sets_clocks=True, gateway_time_zone="Mars/Base"), Timekeeper()
        )
    assert device_clock.policy(Settings(), Timekeeper()) is None
