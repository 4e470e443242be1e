"""Every profile and every fault, as our own gateway meets them over bumble's controllers.

What is compared are the bytes that a device says it sent and those that were spooled.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from bench.waiting import PATIENCE_SECONDS, until_async
from devices.virtual.activity import ActivityMonitor
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.body_composition import BodyCompositionScale
from devices.virtual.cgm import ContinuousGlucoseSensor
from devices.virtual.enhanced_blood_pressure import EnhancedBloodPressureCuff
from devices.virtual.faults import Faults, Pairing
from devices.virtual.health_sensor import GenericHealthSensor
from devices.virtual.mi_scale import MiScale
from ingest.gateway import records
from ingest.gateway.agent import Agent
from ingest.gateway.bumble_backend import Radio, backends
from ingest.gateway.devices import KnownDevice
from ingest.gateway.pairing.bumble_agent import kit_of
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.records import Cursors

ADDRESS = "F0:00:00:00:00:21"


def clock() -> datetime:
    return datetime(2026, 11, 25, 7, 52, 37)  # noqa: DTZ001 - a device's clock has no zone


class Gateway:
    """Our agent, and the items it spooled."""

    def __init__(self, radio: Radio, folder: Path, model: str = "") -> None:
        self.items: list[dict[str, Any]] = []
        known = [KnownDevice(address=ADDRESS, model=model)]
        agent = Agent(known, self._put, Cursors(folder / "cursors.json"))
        self.task = asyncio.create_task(agent.run(kit_of(radio, Desk())))

    def _put(self, item: bytes) -> None:
        self.items.append(json.loads(item))

    def frames(self, characteristic: str) -> list[str]:
        return [one["data"] for one in self.items if one["characteristic"] == characteristic]

    async def until(self, condition: Callable[[], object]) -> None:
        await until_async(condition)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "PAUSE", 0.02)
    monkeypatch.setattr(records, "GRACE", 0.3)


@pytest.fixture
async def gateway(radio: Radio, tmp_path: Path) -> AsyncIterator[Gateway]:
    one = Gateway(radio, tmp_path)
    yield one
    await one.close()


async def test_a_body_composition_goes_along_with_its_weighing(air: Air, gateway: Gateway):
    scale = BodyCompositionScale(address=ADDRESS, name="scale", clock=clock, linger=0.3)
    weight, body = scale.measure(weight=Decimal(70), fat=Decimal("21.5"), user=1)
    await air.add(scale)
    await gateway.until(lambda: len(gateway.items) == 2)
    assert gateway.frames("2A9D") == [weight.hex()]
    (item,) = [one for one in gateway.items if one["characteristic"] == "2A9C"]
    assert item["data"] == body.hex()
    assert [one["data"] for one in item["companions"]] == [weight.hex()]


async def test_a_scale_that_wants_a_consent_tells_nothing_without(air: Air, radio: Radio):
    scale = BodyCompositionScale(address=ADDRESS, name="scale", linger=2, consents={1: 1234})
    scale.measure(weight=Decimal(70), fat=Decimal(20), user=1)
    await air.add(scale)
    told: list[bytes] = []
    async with BleakClient(ADDRESS, backend=backends(radio)[1]) as client:
        await client.start_notify("2a9d", lambda _, data: told.append(bytes(data)))
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        await client.start_notify("2a9f", lambda _, data: answers.put_nowait(bytes(data)))
        await client.write_gatt_char("2a9f", bytes.fromhex("02010500"), response=True)
        assert (await answers.get()).hex() == "200205"  # user not authorized
        assert not told
        await client.write_gatt_char("2a9f", bytes.fromhex("0201d204"), response=True)
        assert (await answers.get()).hex() == "200201"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not told:
                await asyncio.sleep(0.02)
    assert scale.misdeeds == []


async def test_enhanced_records_come_by_their_numbers(air: Air, gateway: Gateway):
    cuff = EnhancedBloodPressureCuff(address=ADDRESS, name="cuff", clock=clock, linger=1)
    for systolic in (120, 130, 140):
        cuff.measure(systolic=Decimal(systolic), diastolic=Decimal(80))
    await air.add(cuff)
    await gateway.until(lambda: len(gateway.items) == 3)
    assert {one["characteristic"] for one in gateway.items} == {"2B36"}
    assert cuff.misdeeds == []


async def test_a_glucose_sensors_records_have_their_sessions_start(air: Air, gateway: Gateway):
    sensor = ContinuousGlucoseSensor(address=ADDRESS, name="sensor", clock=clock, linger=1)
    sensor.measure(Decimal(115), Decimal(118), minutes=300)
    await air.add(sensor)
    await gateway.until(lambda: gateway.items)
    assert {one["characteristic"] for one in gateway.items} == {"2AA7"}
    assert all(
        [other["characteristic"] for other in one["companions"]] == ["2AAA"]
        for one in gateway.items
    )
    await gateway.until(lambda: sensor.hears(0x2AA7))
    packet = sensor.measure(Decimal(120), minutes=310)
    await gateway.until(lambda: packet.hex() in gateway.frames("2AA7"))
    assert sensor.misdeeds == []


async def test_a_health_sensors_observations_are_asked_for(air: Air, gateway: Gateway):
    sensor = GenericHealthSensor(address=ADDRESS, name="sensor", clock=clock, linger=1)
    sensor.saturation(Decimal(97), patient=1)
    sensor.pressure(Decimal(120), Decimal(80), Decimal(93))
    await air.add(sensor)
    await gateway.until(lambda: len(gateway.items) == 2)
    assert {one["characteristic"] for one in gateway.items} == {"2BDD"}
    assert sensor.misdeeds == []


async def test_a_message_in_segments_is_one_item(air: Air, gateway: Gateway):
    monitor = ActivityMonitor(address=ADDRESS, name="monitor", linger=0.3)
    segments = monitor.walk(seconds=60, step_count=1000, distance=800)
    await air.add(monitor)
    await gateway.until(lambda: gateway.items)
    (item,) = gateway.items
    sent = [*(one["data"] for one in item.get("companions", ())), item["data"]]
    assert sent == [one.hex() for one in segments]


async def test_a_scale_that_only_advertises_is_one_item_a_weighing(
    air: Air, radio: Radio, tmp_path: Path
):
    gateway = Gateway(radio, tmp_path, "xiaomi-mi-body-composition-scale")
    scale = MiScale(address=ADDRESS, name="MIBFS", clock=clock, period=0.3)
    await air.add(scale)
    data = await scale.weigh(on_the_way=(Decimal(20), Decimal(50)), weight=Decimal("70.5"))
    await gateway.until(lambda: gateway.items)
    await asyncio.sleep(0.5)
    assert gateway.frames("SERVICE_DATA") == [data.hex()]
    await gateway.close()


async def test_a_memory_that_is_replayed_is_the_same_bytes(air: Air, gateway: Gateway):
    cuff = BloodPressureCuff(
        address=ADDRESS, name="cuff", clock=clock, linger=0.2, faults=Faults(replays=True)
    )
    first = cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
    await air.add(cuff)
    await gateway.until(lambda: gateway.items and cuff.link is None)
    second = cuff.measure(systolic=Decimal(130), diastolic=Decimal(80))
    await gateway.until(lambda: second.hex() in gateway.frames("2A35"))
    assert gateway.frames("2A35").count(first.hex()) >= 2


@pytest.mark.parametrize(
    ("faults", "shown"),
    [
        (Faults(clock_unset=True), "00000000000000"),
        (Faults(clock_off=timedelta(days=-365)), "e9070b19073425"),
        (Faults(clock_default=datetime(2017, 1, 1, 0, 0, 59)), "e107010100003b"),  # noqa: DTZ001
    ],
    ids=["unset", "a year behind", "factory date"],
)
def test_clocks_that_are_wrong(faults: Faults, shown: str):
    cuff = BloodPressureCuff(address=ADDRESS, name="cuff", clock=clock, faults=faults)
    frame = cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
    assert frame.hex() == "02" + "78005000ff07" + shown


async def test_a_clock_that_is_set_shows_the_new_time(air: Air, radio: Radio):
    cuff = BloodPressureCuff(
        address=ADDRESS, name="cuff", clock=clock, linger=2, faults=Faults(clock_unset=True)
    )
    cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
    await air.add(cuff)
    async with BleakClient(ADDRESS, backend=backends(radio)[1]) as client:
        assert (await client.read_gatt_char("2a2b"))[:7] == bytes(7)
        golden = bytes.fromhex("ea07050c12352b021101")  # ble-scale-sync #168
        await client.write_gatt_char("2a2b", golden, response=True)
        assert (await client.read_gatt_char("2a2b"))[:7] == golden[:7]


async def test_nothing_is_told_before_the_bond_that_a_device_asks_for(air: Air, radio: Radio):
    cuff = BloodPressureCuff(
        address=ADDRESS, name="cuff", linger=2, faults=Faults(pairing=Pairing.JUST_WORKS)
    )
    cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
    await air.add(cuff)
    told: list[bytes] = []
    async with BleakClient(ADDRESS, backend=backends(radio)[1]) as client:
        with pytest.raises(BleakError):
            await client.start_notify("2a35", lambda _, data: told.append(bytes(data)))
        await client.pair()
        await client.start_notify("2a35", lambda _, data: told.append(bytes(data)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not told:
                await asyncio.sleep(0.02)


async def test_a_private_address_is_not_the_devices_own(air: Air, radio: Radio):
    cuff = BloodPressureCuff(
        address=ADDRESS, name="cuff", linger=2, faults=Faults(private_address=True)
    )
    cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
    await air.add(cuff)
    heard = await BleakScanner.find_device_by_name("cuff", backend=backends(radio)[0])
    assert heard is not None
    assert heard.address != ADDRESS
    assert int(heard.address[:2], 16) >> 6 == 0b01  # resolvable
