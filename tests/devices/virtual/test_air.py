from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from bench.waiting import PATIENCE_SECONDS
from bench.waiting import until_async as until
from devices.virtual import KINDS
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.heart_rate import HeartRateStrap
from devices.virtual.mi_scale import MiScale
from devices.virtual.oximeter import Oximeter
from devices.virtual.peripheral import Peripheral
from ingest.gateway.bumble_backend import Radio, backends

CUFF, STRAP, OXIMETER = (f"F0:00:00:00:00:0{n}" for n in (1, 2, 3))
ROOT = Path(__file__).parents[3]


def clock() -> datetime:
    return datetime(2026, 11, 25, 7, 52, 37)  # noqa: DTZ001 - a device's clock has no zone


@pytest.fixture
async def cuff(air: Air) -> BloodPressureCuff:
    cuff = BloodPressureCuff(
        address=CUFF, name="cuff", clock=clock, maker="Balise", model="C1", battery=80, linger=0.2
    )
    await air.add(cuff)
    return cuff


@pytest.fixture
async def strap(air: Air) -> HeartRateStrap:
    strap = HeartRateStrap(address=STRAP, name="strap", period=0.05)
    strap.beat(bpm=72)
    await air.add(strap)
    return strap


def client(radio: Radio, address: str, on_gone: asyncio.Event | None = None) -> BleakClient:
    def gone(_client: BleakClient) -> None:
        if on_gone is not None:
            on_gone.set()

    return BleakClient(address, gone, backend=backends(radio)[1], timeout=5)


def drop(radio: Radio) -> None:
    """Cut the gateway's TCP connection, as the kernel does for a process killed."""
    sink: Any = radio.device.host.hci_sink
    sink.transport.abort()


def measure(cuff: BloodPressureCuff, *values: int) -> list[bytes]:
    return [cuff.measure(systolic=Decimal(one), diastolic=Decimal(80)) for one in values]


async def take(radio: Radio, frames: list[bytes], limit: int = 99) -> None:
    """Connect to the cuff and note its frames until it hangs up, or dies with the radio."""
    gone = asyncio.Event()

    def on_frame(_: object, data: bytearray) -> None:
        if len(frames) == limit:
            drop(radio)
            raise RuntimeError("killed before the frame was safe")
        frames.append(bytes(data))

    connected = client(radio, CUFF, gone)
    await connected.connect()
    await connected.start_notify("2a35", on_frame)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await gone.wait()


@pytest.mark.parametrize("kind", [one for one in KINDS if not issubclass(one, MiScale)])
async def test_each_kind_is_heard_with_its_service_and_name(
    kind: type[Peripheral], air: Air, radio: Radio
):
    device = kind(address=CUFF, name="a device")
    device.keep(b"\0")
    await air.add(device)
    heard = await BleakScanner.find_device_by_filter(
        lambda _, data: f"0000{kind.SERVICE:04x}-0000-1000-8000-00805f9b34fb" in data.service_uuids,
        timeout=5,
        backend=backends(radio)[0],
    )
    assert heard is not None
    assert (heard.address, heard.name) == (CUFF, "a device")


async def test_a_cuff_tells_its_memory_in_order_and_hangs_up(radio: Radio, cuff: BloodPressureCuff):
    told: list[bytes] = []
    measured = measure(cuff, 120, 130, 140)
    await take(radio, told)
    assert told == measured == cuff.confirmed
    assert not cuff.memory


async def test_a_cuff_with_nothing_to_tell_is_silent(radio: Radio, cuff: BloodPressureCuff):
    found = await BleakScanner.discover(timeout=0.5, backend=backends(radio)[0])
    assert not found
    assert not cuff.busy()


async def test_each_confirmation_is_told(air: Air, radio: Radio):
    ledger: list[bytes] = []
    cuff = BloodPressureCuff(address=CUFF, name="cuff", linger=0.1, on_confirmed=ledger.append)
    await air.add(cuff)
    measured = measure(cuff, 120, 130)
    await take(radio, [])
    assert ledger == measured


async def test_what_was_not_confirmed_is_told_again(air: Air, cuff: BloodPressureCuff):
    measured = measure(cuff, 120, 130, 140)
    first: list[bytes] = []
    async with Radio(air.radio) as radio:
        await take(radio, first, limit=1)
        assert radio.lost.is_set()
    assert first == cuff.confirmed == measured[:1]
    second: list[bytes] = []
    async with Radio(air.radio) as radio:
        await take(radio, second)
    assert second == measured[1:]
    assert cuff.confirmed == measured


async def test_without_subscription_nothing_counts_as_confirmed(
    radio: Radio, cuff: BloodPressureCuff
):
    measure(cuff, 120)
    async with client(radio, CUFF):
        await asyncio.sleep(0.3)
    assert len(cuff.memory) == 1
    assert not cuff.confirmed


async def test_a_measurement_taken_while_connected_is_told_at_once(
    radio: Radio, cuff: BloodPressureCuff
):
    told: list[bytes] = []
    measure(cuff, 120)
    async with client(radio, CUFF) as connected:
        await connected.start_notify("2a35", lambda _, data: told.append(bytes(data)))
        await until(lambda: len(told) == 1)
        measure(cuff, 130)
        await until(lambda: len(told) == 2)


async def test_a_gateway_killed_twenty_times_comes_back_at_once(air: Air, strap: HeartRateStrap):
    for _ in range(20):
        async with Radio(air.radio) as radio:
            beats = asyncio.Event()
            connected = client(radio, STRAP)
            await connected.connect()
            await connected.start_notify("2a37", lambda _, _data, beats=beats: beats.set())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await beats.wait()
            drop(radio)
            await until(lambda connected=connected: not connected.is_connected)
    await until(lambda: not air.gateways)
    assert len(air.ether.controllers) == 1


VICTIM = """
import asyncio, sys
from bleak import BleakClient
from ingest.gateway.bumble_backend import Radio, backends

async def main():
    async with Radio(sys.argv[1]) as radio:
        async with BleakClient(sys.argv[2], backend=backends(radio)[1]) as strap:
            await strap.start_notify("2a37", lambda _, data: print(data.hex(), flush=True))
            await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_gateway_ended_by_kill_9_frees_its_device(
    air: Air, radio: Radio, strap: HeartRateStrap
):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, air.radio, STRAP, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"0648\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with client(radio, STRAP) as connected:
        assert connected.is_connected


async def test_two_gateways_at_once(air: Air, cuff: BloodPressureCuff, strap: HeartRateStrap):
    measured = measure(cuff, 120, 130)
    told: list[bytes] = []
    beats: list[bytes] = []
    async with Radio(air.radio) as one, Radio(air.radio) as other, client(other, STRAP) as held:
        await held.start_notify("2a37", lambda _, data: beats.append(bytes(data)))
        await take(one, told)
        await until(lambda: len(beats) > 5)
    assert told == measured


async def test_of_two_gateways_after_one_device_one_has_it(air: Air, strap: HeartRateStrap):
    async with Radio(air.radio) as one, Radio(air.radio) as other:
        for _ in range(5):
            scanner = backends(one)[0]
            device = await BleakScanner.find_device_by_address(STRAP, timeout=5, backend=scanner)
            assert device is not None
            pair = [
                BleakClient(device, backend=backends(radio)[1], timeout=1) for radio in (one, other)
            ]
            results = await asyncio.gather(
                *(connected.connect() for connected in pair), return_exceptions=True
            )
            assert [connected.is_connected for connected in pair].count(True) == 1
            assert sum(isinstance(result, BleakError | TimeoutError) for result in results) == 1
            for connected in pair:
                await connected.disconnect()


async def test_one_gateway_holds_several_devices(
    radio: Radio, air: Air, strap: HeartRateStrap, cuff: BloodPressureCuff
):
    oximeter = Oximeter(address=OXIMETER, name="oximeter", period=0.05)
    oximeter.finger_in(saturation=Decimal(97), pulse=Decimal(72))
    await air.add(oximeter)
    told: list[bytes] = []
    seen: dict[str, bytes] = {}
    async with client(radio, STRAP) as one, client(radio, OXIMETER) as other:
        await one.start_notify("2a37", lambda _, data: seen.update(strap=bytes(data)))
        await other.start_notify("2a5f", lambda _, data: seen.update(oximeter=bytes(data)))
        measured = measure(cuff, 120)
        await take(radio, told)
        await until(lambda: len(seen) == 2)
    assert told == measured
    assert seen == {"strap": bytes.fromhex("0648"), "oximeter": bytes.fromhex("0061004800")}


async def test_an_oximeter_hangs_up_once_the_finger_is_out(radio: Radio, air: Air):
    oximeter = Oximeter(address=OXIMETER, name="oximeter", period=0.05, linger=0.1)
    oximeter.finger_in(saturation=Decimal(97), pulse=Decimal(72))
    await air.add(oximeter)
    gone = asyncio.Event()
    async with client(radio, OXIMETER, gone), asyncio.timeout(PATIENCE_SECONDS):
        oximeter.finger_out()
        await gone.wait()


async def test_a_device_carried_away_and_back(radio: Radio, air: Air, cuff: BloodPressureCuff):
    measured = measure(cuff, 120)
    gone = asyncio.Event()
    async with client(radio, CUFF, gone), asyncio.timeout(PATIENCE_SECONDS):
        await air.remove(cuff)
        await gone.wait()
    await air.add(cuff)
    told: list[bytes] = []
    await take(radio, told)
    assert told == measured


async def test_a_device_says_what_it_is_and_its_own_time(radio: Radio, cuff: BloodPressureCuff):
    measure(cuff, 120)
    cuff.clock_offset = timedelta(hours=-1)
    async with client(radio, CUFF) as connected:
        reads: Callable[[str], Awaitable[bytearray]] = connected.read_gatt_char
        assert await reads("2a29") == b"Balise"
        assert await reads("2a24") == b"C1"
        assert await reads("2a19") == bytes((80,))
        assert (await reads("2a2b")).hex() == "ea070b19063425" + "030000"


async def test_a_strap_beats_once_a_second(radio: Radio, air: Air):
    strap = HeartRateStrap(address=STRAP, name="strap")
    await air.add(strap)
    loop, times = asyncio.get_running_loop(), list[float]()
    async with client(radio, STRAP) as connected:
        await connected.start_notify("2a37", lambda *_: times.append(loop.time()))
        await until(lambda: len(times) == 3)
    assert times[2] - times[0] > 1


async def test_a_port_that_is_taken_is_said(air: Air):
    with pytest.raises(OSError, match="in use"):
        await Air(port=air.port).__aenter__()
