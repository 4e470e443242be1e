"""Record Access Control Points: every request and answer, on the wire of bumble's controllers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import pytest
from bleak import BleakClient
from bleak.exc import BleakGATTProtocolError

from bench.waiting import until_async as until
from devices.virtual.air import Air
from devices.virtual.cgm import ContinuousGlucoseSensor
from devices.virtual.faults import Faults
from devices.virtual.glucose import GlucoseMeter
from devices.virtual.health_sensor import GenericHealthSensor
from devices.virtual.peripheral import Peripheral
from devices.virtual.racp import Refused, chosen
from ingest.gateway.bumble_backend import Radio, backends

ADDRESS = "F0:00:00:00:00:22"
RACP = "2a52"


def clock() -> datetime:
    return datetime(2026, 11, 25, 7, 52, 37)  # noqa: DTZ001 - a device's clock has no zone


@dataclass
class Told:
    """A client, and what it was told in order: (characteristic, bytes in hexadecimal)."""

    client: BleakClient
    rows: list[tuple[str, str]]

    async def hear(self, *uuids: str) -> None:
        for uuid in uuids:
            await self.client.start_notify(
                uuid, lambda _, data, uuid=uuid: self.rows.append((uuid, data.hex()))
            )

    async def write(self, request: str, uuid: str = RACP) -> None:
        await self.client.write_gatt_char(uuid, bytes.fromhex(request), response=True)

    async def ask(self, request: str, uuid: str = RACP) -> str:
        """Write a request and return its answer."""
        before = len(self.of(uuid))
        await self.write(request, uuid)
        await until(lambda: len(self.of(uuid)) > before)
        return self.of(uuid)[-1]

    def of(self, uuid: str) -> list[str]:
        return [data for one, data in self.rows if one == uuid]


@asynccontextmanager
async def gateway(air: Air, radio: Radio, device: Peripheral, *uuids: str) -> AsyncIterator[Told]:
    await air.add(device)
    async with BleakClient(ADDRESS, backend=backends(radio)[1], timeout=5) as client:
        told = Told(client, [])
        await told.hear(*uuids)
        yield told


def meter(count: int = 5, faults: Faults | None = None) -> GlucoseMeter:
    one = GlucoseMeter(
        address=ADDRESS, name="meter", clock=clock, linger=2, faults=faults or Faults()
    )
    for value in range(count):
        one.measure(glucose=Decimal(100 + value))
    return one


def numbers(told: Told) -> list[int]:
    return [int.from_bytes(bytes.fromhex(data)[1:3], "little") for data in told.of("2a18")]


@pytest.mark.parametrize(
    ("request_", "answer", "reported"),
    [
        ("0101", "06000101", [1, 2, 3, 4, 5]),
        ("0105", "06000101", [1]),
        ("0106", "06000101", [5]),
        ("0103010400", "06000101", [4, 5]),
        ("0102010200", "06000101", [1, 2]),
        ("01040102000300", "06000101", [2, 3]),
        ("0103010900", "06000106", []),
        ("0401", "05000500", []),
        ("0403010400", "05000200", []),
        ("0300", "06000301", []),
        ("0701", "06000702", []),  # combined report: not in this service
        ("0100", "06000103", []),
        ("0103020400", "06000109", []),  # by user-facing time
        ("01030104", "06000105", []),
        ("01040103000200", "06000105", []),
    ],
)
async def test_every_request_has_its_answer(
    air: Air, radio: Radio, request_: str, answer: str, reported: list[int]
):
    one = meter()
    async with gateway(air, radio, one, "2a18", RACP) as told:
        assert await told.ask(request_) == answer
        assert numbers(told) == reported
        assert told.rows[-1][0] == RACP
    assert len(one.records) == 5
    assert one.misdeeds == []


async def test_a_context_follows_its_glucose(air: Air, radio: Radio):
    one = meter(0)
    record = one.measure(glucose=Decimal(120), context={"meal": 1}, offset=60)
    async with gateway(air, radio, one, "2a18", "2a34", RACP) as told:
        assert await told.ask("0101") == "06000101"
    assert told.rows[:2] == [
        ("2a18", "13" + "0100" + "ea070b19063425" + "3c00" + "78b0" + "11"),
        ("2a34", "02" + "0100" + "01"),
    ]
    assert [data.hex() for _, data in record.items] == [data for _, data in told.rows[:2]]


async def test_a_meter_deletes_where_it_is_told_to_and_tells_on_it(air: Air, radio: Radio):
    one = meter()
    async with gateway(air, radio, one, "2a18", RACP) as told:
        assert await told.ask("0202010200") == "06000201"
    assert [record.number for record in one.records] == [3, 4, 5]
    assert [request.hex() for request in one.misdeeds] == ["0202010200"]


async def test_a_report_is_aborted(air: Air, radio: Radio):
    one = meter(faults=Faults(late=0.5))
    async with gateway(air, radio, one, "2a18", RACP) as told:
        await told.write("0101")
        with pytest.raises(BleakGATTProtocolError) as refused:
            await told.write("0401")
        assert refused.value.code == 0xFE  # procedure already in progress
        assert await told.ask("0300") == "06000301"
        assert numbers(told) == []
        assert await told.ask("0401") == "05000500"


async def test_a_request_without_subscription_is_refused(air: Air, radio: Radio):
    async with gateway(air, radio, meter(), RACP) as told:
        with pytest.raises(BleakGATTProtocolError) as refused:
            await told.write("0101")
        assert refused.value.code == 0xFD  # subscriptions improperly configured
        assert await told.ask("0401") == "05000500"


async def test_the_end_overtakes_the_last_record(air: Air, radio: Radio):
    async with gateway(air, radio, meter(3, Faults(end_first=True)), "2a18", RACP) as told:
        assert await told.ask("0101") == "06000101"
        await until(lambda: len(told.rows) == 4)
    assert [uuid for uuid, _ in told.rows] == ["2a18", "2a18", RACP, "2a18"]


async def test_a_meter_gives_up_on_the_way(air: Air, radio: Radio):
    async with gateway(air, radio, meter(5, Faults(stops_after=2)), "2a18", RACP) as told:
        assert await told.ask("0101") == "06000108"
        assert numbers(told) == [1, 2]


async def test_a_meter_without_ranges_says_so(air: Air, radio: Radio):
    async with gateway(air, radio, meter(2, Faults(no_ranges=True)), "2a18", RACP) as told:
        assert await told.ask("0103010100") == "06000104"
        assert await told.ask("0101") == "06000101"


async def test_a_meters_own_clock_is_read_and_set(air: Air, radio: Radio):
    one = meter(1)
    async with gateway(air, radio, one) as told:
        assert (await told.client.read_gatt_char("2a08")).hex() == "ea070b19073425"
        await told.write("ea070c01080000", "2a08")
        assert (await told.client.read_gatt_char("2a08")).hex() == "ea070c01080000"
        with pytest.raises(BleakGATTProtocolError):
            await told.write("ea070d01080000", "2a08")  # month 13


def test_a_new_battery_loses_records_numbers_and_time():
    one = meter(5)
    one.new_battery()
    record = one.measure(glucose=Decimal(99))
    assert [record] == one.records
    assert record.items[0].data.hex() == "02" + "0100" + "00" * 7 + "63b0" + "11"


def sensor() -> ContinuousGlucoseSensor:
    one = ContinuousGlucoseSensor(address=ADDRESS, name="sensor", clock=clock, hours=5, linger=2)
    one.measure(
        Decimal(115), minutes=300, trend=Decimal(36), cal_temp=3, sensor_quality=Decimal(26)
    )
    return one


async def test_a_glucose_sensors_records_by_their_minutes(air: Air, radio: Radio):
    one = sensor()
    one.measure(Decimal(118), None, minutes=305)
    async with gateway(air, radio, one, "2aa7", RACP) as told:
        assert await told.ask("0401") == "05000300"
        assert await told.ask("010301" + "3101") == "06000101"  # from minute 305
        assert await told.ask("010301" + "0f00") == "06000101"
        second, whole = told.of("2aa7")
        assert whole == "0d4373002c010324001a003e04" + second  # nRF-Connect #174, then two more
        assert second[:12] == "080076003101"
        assert second[16:28] == "0800ff073601"


async def test_a_glucose_sensor_tells_what_it_measures_and_its_session(air: Air, radio: Radio):
    one = sensor()
    async with gateway(air, radio, one, "2aa7", RACP) as told:
        packet = one.measure(Decimal(120), Decimal(121), minutes=305)
        await until(lambda: bool(told.of("2aa7")))
        assert told.of("2aa7") == [packet.hex()]
        reads = [(await told.client.read_gatt_char(uuid)).hex() for uuid in ("2aa8", "2aa9")]
        assert [one[:-4] for one in reads] == ["00900159", "2c01" + "000000"]
        start = (await told.client.read_gatt_char("2aaa")).hex()
        assert start[:-4] == "ea070b19023425" + "80ff"
        assert (await told.client.read_gatt_char("2aab")).hex()[:4] == "f000"
    assert one.misdeeds == []


async def test_a_session_that_is_stopped_is_told_on(air: Air, radio: Radio):
    one = sensor()
    async with gateway(air, radio, one) as told:
        await told.write("1b", "2aac")
    assert [request.hex() for request in one.misdeeds] == ["1b"]


STAMP = "20" + "455099320000" + "0000"  # local, of the current timeline, in seconds from 2000
STORED_SPO2 = "01" + "1600" + "2300" + "b84b0200" + STAMP + "01" + "2002" + "62000000"


def health() -> GenericHealthSensor:
    return GenericHealthSensor(address=ADDRESS, name="sensor", clock=clock, linger=2)


async def test_a_health_sensors_records_have_long_numbers(air: Air, radio: Radio):
    one = health()
    one.saturation(Decimal(98), patient=1)
    one.saturation(Decimal(97))
    async with gateway(air, radio, one, "2bdd", RACP) as told:
        assert await told.ask("0401") == "050002000000"
        assert await told.ask("0101") == "06000102"  # the combined report alone
        assert await told.ask("070301" + "01000000") == "080002000000"
        assert await told.ask("070301" + "0300") == "06000705"
        segments = [bytes.fromhex(one) for one in told.of("2bdd")]
    first = b"".join(one[1:] for one in segments[:2])
    assert [one[0] for one in segments] == [0x01, 0x06, 0x09, 0x0E]
    assert first.hex() == "01000000" + STORED_SPO2


async def test_live_observations_are_started_and_stopped(air: Air, radio: Radio):
    one = health()
    one.press()
    async with gateway(air, radio, one, "2b8b", "2bdd", "2bf4", RACP) as told:
        one.saturation(Decimal(96))
        assert await told.ask("01", "2bf4") == "80"
        made = one.pressure(Decimal(100), Decimal(60), Decimal(80))
        await until(lambda: len(told.of("2b8b")) == 3)
        assert await told.ask("02", "2bf4") == "80"
        one.saturation(Decimal(95))
        with pytest.raises(BleakGATTProtocolError) as refused:
            await told.write("03", "2bf4")
        assert refused.value.code == 0x81  # command not supported
    assert "".join(data[2:] for data in told.of("2b8b")) == made.hex()
    assert (
        made.hex()[-68:]
        == (  # the STM32 example's compound, without its object
            "03" + "054a0200" + "01200f64000000"
            "064a0200" + "01200f3c000000"
            "074a0200" + "01200f50000000"
        )
    )
    assert len(one.records) == 2


async def test_elapsed_time_is_read_and_set(air: Air, radio: Radio):
    one = health()
    one.press()
    async with gateway(air, radio, one) as told:
        read = await told.client.read_gatt_char("2bf2")
        assert read.hex() == STAMP + "0000"
        await told.write("22a66a002c0000" + "0700", "2bf2")
        read = await told.client.read_gatt_char("2bf2")
        assert read.hex()[2:14] == "a66a002c0000"


@pytest.mark.parametrize("request_", [b"", b"\x01", b"\x01\x01\x01", b"\x01\x04\x01\x01\x00"])
def test_a_request_that_is_cut_is_refused(request_: bytes):
    with pytest.raises(Refused):
        chosen(meter(2).records, request_, width=2, ranges=True)
