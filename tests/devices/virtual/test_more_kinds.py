"""What the other kinds put on the wire and on the air, laid out by hand."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from bench.waiting import until_async as until
from devices.virtual import KINDS
from devices.virtual.activity import ActivityMonitor
from devices.virtual.air import Air
from devices.virtual.body_composition import BodyCompositionScale
from devices.virtual.enhanced_blood_pressure import EnhancedBloodPressureCuff
from devices.virtual.mi_scale import MiScale, MiScaleOne
from devices.virtual.peripheral import Peripheral
from devices.virtual.segments import Cutter
from ingest.gateway.bumble_backend import Radio, backends

ADDRESS = "F0:00:00:00:00:24"
STAMP = "ea070b19073425"  # 2026-11-25 07:52:37


def clock() -> datetime:
    return datetime(2026, 11, 25, 7, 52, 37)  # noqa: DTZ001 - a device's clock has no zone


def client(radio: Radio) -> BleakClient:
    return BleakClient(ADDRESS, backend=backends(radio)[1], timeout=5)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_connected_to_and_has_what_it_declares(
    kind: type[Peripheral], air: Air, radio: Radio
):
    device = kind(address=ADDRESS, name="a device", clock=clock, battery=80, linger=2)
    if isinstance(device, MiScale):
        device.show(weight=Decimal(70))
    device.press()
    device.keep(b"\0")
    await air.add(device)
    async with client(radio) as connected:
        found = {one.uuid[4:8] for one in connected.services.characteristics.values()}
        tables = (*kind.GATT.values(), *kind.TIME.values())
        declared = {f"{uuid:04x}" for rows in tables for uuid in rows}
        assert declared | {"2a19"} <= found
        for one in connected.services.characteristics.values():
            if "read" in one.properties:
                await connected.read_gatt_char(one)
            if {"notify", "indicate"} & set(one.properties):
                await connected.start_notify(one, lambda *_: None)


def test_a_body_scale():
    scale = BodyCompositionScale(address=ADDRESS, name="scale", clock=clock)
    weight, body = scale.measure(
        weight=Decimal("70.5"), fat=Decimal("21.5"), user=2, body_water_mass=Decimal("34.5")
    )
    assert weight.hex() == "06" + "1437" + STAMP + "02"
    assert body.hex() == "0001" + "d700" + "f41a"
    weight, body = scale.measure(weight=Decimal("155.4"), fat=None, pounds=True)
    assert weight.hex() == "03" + "b43c" + STAMP
    assert body.hex() == "0100" + "ffff"


async def test_a_body_scale_opens_one_users_data_and_tells_on_the_others(air: Air, radio: Radio):
    scale = BodyCompositionScale(address=ADDRESS, name="scale", linger=2, consents={2: 1234})
    scale.measure(weight=Decimal(70), fat=Decimal(20), user=2)
    await air.add(scale)
    told: list[str] = []
    async with client(radio) as connected:
        await connected.start_notify("2a9f", lambda _, data: told.append(data.hex()))
        assert await connected.read_gatt_char("2a9a") == b"\xff"
        for request in ("0202d204", "0202d2", "01d204", "03"):
            await connected.write_gatt_char("2a9f", bytes.fromhex(request), response=True)
        await until(lambda: len(told) == 4)
        assert await connected.read_gatt_char("2a9a") == b"\x02"
        await connected.write_gatt_char("2a99", b"\x01\0\0\0", response=True)
    assert told == ["200201", "200203", "200102", "200302"]
    assert scale.misdeeds == [b"\x03", b"\x01\0\0\0"]


def test_an_enhanced_cuff():
    cuff = EnhancedBloodPressureCuff(address=ADDRESS, name="cuff", clock=clock)
    frame = cuff.measure(
        systolic=Decimal(120), diastolic=Decimal(80), mean=Decimal(93), pulse=Decimal(72), user=1
    )
    assert frame.hex() == "4e" + "780050005d00" + "45509932" + "4800" + "01"
    (record,) = cuff.records
    segments = [item.data for item in record.items]
    assert [item.uuid for item in record.items] == [0x2B36]
    assert segments[0].hex() == "03" + "0100" + "342b" + frame.hex()


def test_an_enhanced_cuff_that_failed_and_has_no_clock():
    cuff = EnhancedBloodPressureCuff(address=ADDRESS, name="cuff")
    assert cuff.measure(systolic=None, diastolic=None).hex() == "00" + "ff07ff07ff07"


async def test_an_enhanced_cuff_measures_before_a_gateway(air: Air, radio: Radio):
    cuff = EnhancedBloodPressureCuff(address=ADDRESS, name="cuff", linger=2)
    cuff.press()
    await air.add(cuff)
    told: list[bytes] = []
    async with client(radio) as connected:
        await connected.start_notify("2b34", lambda _, data: told.append(bytes(data)))
        frame = cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
        await until(lambda: told == [frame])
    assert not cuff.records


def test_an_activity_monitor():
    monitor = ActivityMonitor(address=ADDRESS, name="monitor")
    (steps,) = monitor.walk(seconds=60, step_count=1000, distance=1000)
    assert steps.hex() == "03" + "09" + "0100" + "0000" + "3c000000" + "01000000" + "e80300e80300"
    first, second = monitor.sleep(
        seconds=28800, total_sleep_time=25200, time_in_bed=28800, awakenings=3
    )
    assert (
        first.hex() == "05" + "0d0000" + "0100" + "0000" + "80700000" + "02000000" + "706200" + "80"
    )
    assert second.hex() == "0a" + "7000" + "0300"


async def test_an_activity_monitor_tells_a_sleep_while_it_lasts(air: Air, radio: Radio):
    monitor = ActivityMonitor(address=ADDRESS, name="monitor", period=0.05, linger=2)
    monitor.fall_asleep(heart_rate=52, stage=0x22)
    await air.add(monitor)
    told: list[str] = []
    async with client(radio) as connected:
        await connected.start_notify("2b41", lambda _, data: told.append(data.hex()))
        await until(lambda: len(told) > 1)
        monitor.wake_up()
    head = "0100" + "0000" + "00000000" + "00000000"
    assert told[0] == "03" + "1800" + head + "220000" + "34"


@pytest.mark.parametrize(
    ("length", "headers"), [(1, [0x03]), (4, [0x03]), (5, [0x01, 0x06]), (9, [0x01, 0x04, 0x0A])]
)
def test_a_message_is_cut(length: int, headers: list[int]):
    segments = Cutter(4).cut(bytes(range(length)))
    assert [one[0] for one in segments] == headers
    assert b"".join(one[1:] for one in segments) == bytes(range(length))


def test_the_counter_of_segments_rolls_over():
    cutter = Cutter(1)
    assert [one[0] >> 2 for one in cutter.cut(bytes(66))] == [*range(64), 0, 1]


class Ear:
    """What is advertised, each once."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __call__(self, device: BLEDevice, data: AdvertisementData) -> None:
        del device
        for uuid, value in data.service_data.items():
            if (uuid[4:8], value.hex()) not in self.said:
                self.said.append((uuid[4:8], value.hex()))


async def test_a_scale_that_is_stepped_on_and_off(air: Air, radio: Radio):
    scale = MiScale(address=ADDRESS, name="MIBFS", clock=clock, period=0.4)
    await air.add(scale)
    ear = Ear()
    async with BleakScanner(ear, backend=backends(radio)[0]):
        await scale.weigh(
            on_the_way=(Decimal("35.8"),), weight=Decimal("70.5"), impedance=Decimal(500)
        )
        await until(lambda: len(ear.said) == 2)
        scale.show(weight=Decimal("70.5"), removed=True)
        await until(lambda: len(ear.said) == 3)
        scale.step_off()
        await asyncio.sleep(0.1)
    assert ear.said == [
        ("181b", "0200" + STAMP + "0000" + "f81b"),
        ("181b", "0220" + STAMP + "f401" + "1437"),
        ("181b", "02a0" + STAMP + "0000" + "1437"),
    ]
    assert not await BleakScanner.discover(timeout=0.4, backend=backends(radio)[0])


async def test_a_first_generation_scale_shows_its_weight(air: Air, radio: Radio):
    scale = MiScaleOne(address=ADDRESS, name="MI_SCALE", clock=clock)
    data = scale.show(weight=Decimal("70.5"))
    await air.add(scale)
    heard = await BleakScanner.find_device_by_name("MI_SCALE", backend=backends(radio)[0])
    assert heard is not None
    assert data.hex() == "20" + "1437" + STAMP
    assert scale.show(weight=Decimal(20), stable=False).hex() == "00" + "a00f" + STAMP
