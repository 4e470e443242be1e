from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from decimal import Decimal

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.scanner import AdvertisementData
from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bumble.att import AttributeValue
from bumble.core import UUID
from bumble.device import Advertisement
from bumble.gatt import Characteristic, Descriptor, Service
from bumble.hci import Address

from bench.waiting import PATIENCE_SECONDS
from bench.waiting import until_async as until
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway.bumble_backend import Radio, backends
from ingest.gateway.bumble_scanner import advertisement_data

CUFF, STRAP, NOBODY = "F0:00:00:00:00:01", "F0:00:00:00:00:02", "F0:00:00:00:00:03"
HEART_RATE = "0000180d-0000-1000-8000-00805f9b34fb"
BEAT = bytes.fromhex("0648")


@pytest.fixture
async def cuff(air: Air) -> BloodPressureCuff:
    cuff = new_cuff()
    await air.add(cuff)
    return cuff


def new_cuff() -> BloodPressureCuff:
    cuff = BloodPressureCuff(address=CUFF, name="cuff", linger=0.2)
    cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
    return cuff


def client(
    radio: Radio, address: str, on_gone: asyncio.Event | None = None, timeout: float = 5
) -> BleakClient:
    def gone(_client: BleakClient) -> None:
        if on_gone is not None:
            on_gone.set()

    return BleakClient(address, gone, backend=backends(radio)[1], timeout=timeout)


async def wait(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await event.wait()


def said_by(*parts: str) -> AdvertisementData:
    data = b"".join(bytes((len(one) // 2,)) + bytes.fromhex(one) for one in parts)
    return advertisement_data(Advertisement(Address(CUFF), rssi=-61, data_bytes=data))


def test_an_advertisement_in_bleaks_terms():
    said = said_by(
        "0106",
        "0afc",
        "030a18",
        "020f180a18",
        "06fb349b5f80000080001000000d180000",
        "ff4c000102",
        "160918aa",
        "08626c6f6f6421",
    )
    assert said.local_name == "blood!"
    assert said.tx_power == -4
    assert said.rssi == -61
    assert said.manufacturer_data == {0x004C: b"\x01\x02"}
    assert said.service_data == {"00001809-0000-1000-8000-00805f9b34fb": b"\xaa"}
    assert [one[4:8] for one in said.service_uuids] == ["180a", "180f", "180d"]


def test_a_strangers_malformed_advertisement_is_read_as_far_as_it_goes():
    said = said_by("0a", "030a180d", "ff4c", "1609", "09ff41", "06fb34")
    assert said.local_name == "\N{REPLACEMENT CHARACTER}A"
    assert [one[4:8] for one in said.service_uuids] == ["180a"]
    assert (said.tx_power, said.manufacturer_data, said.service_data) == (None, {}, {})


async def test_a_scanner_hears_the_services_asked_for(
    radio: Radio, cuff: BloodPressureCuff, strap: HeartRateStrap
):
    scanner, _ = backends(radio)
    everything = await BleakScanner.discover(timeout=0.6, backend=scanner)
    assert {(one.address, one.name) for one in everything} == {(CUFF, "cuff"), (STRAP, "strap")}
    straps = await BleakScanner.discover(timeout=0.6, backend=scanner, service_uuids=[HEART_RATE])
    assert [one.address for one in straps] == [STRAP]


async def test_two_scanners_share_the_radio(radio: Radio, strap: HeartRateStrap):
    scanner, _ = backends(radio)
    async with BleakScanner(backend=scanner) as one:
        async with BleakScanner(backend=scanner) as other:
            await until(lambda: bool(one.discovered_devices and other.discovered_devices))
        async with BleakScanner(backend=scanner) as again:
            await until(lambda: bool(again.discovered_devices))
        with pytest.raises(BleakError, match="already"):
            await one.start()
    assert not radio.device.is_scanning


async def test_services_of_a_device(radio: Radio, strap: HeartRateStrap):
    async with client(radio, STRAP) as connected:
        beat = connected.services.get_characteristic("2a37")
        assert beat is not None
        assert beat.properties == ["notify"]
        assert beat.service_uuid == HEART_RATE
        assert [one.uuid[4:8] for one in beat.descriptors] == ["2902"]
        assert beat.max_write_without_response_size == connected.mtu_size - 3 == 514
        assert await connected.read_gatt_descriptor(beat.descriptors[0]) == b"\x00\x00"
        await connected.start_notify(beat, lambda *_: None)
        assert await connected.read_gatt_descriptor(beat.descriptors[0]) == b"\x01\x00"
    with pytest.raises(BleakError, match="not been performed"):
        _ = connected.services


async def test_a_client_by_its_scanned_device_has_its_name(radio: Radio, strap: HeartRateStrap):
    scanner, backend = backends(radio)
    device = await BleakScanner.find_device_by_name("strap", timeout=5, backend=scanner)
    assert device is not None
    async with BleakClient(device, backend=backend, services=["180a"]) as connected:
        assert (connected.name, connected.address) == ("strap", STRAP)
        assert [one.uuid[4:8] for one in connected.services] == ["180a"]
        with pytest.raises(BleakError, match="connected already"):
            await connected.connect()
    assert client(radio, STRAP).name == STRAP.replace(":", "-")


class Secret(HeartRateStrap):
    """A strap with a characteristic and a descriptor of its own, for those who have paired."""

    def services(self) -> list[Service]:
        open_to, allowed = Characteristic.Permissions, Characteristic.Properties
        note = Descriptor(UUID(0x2901), open_to.READABLE | open_to.WRITEABLE, Note())
        secret: Characteristic[bytes] = Characteristic(
            UUID(0x2A00),
            allowed.READ | allowed.WRITE | allowed.WRITE_WITHOUT_RESPONSE,
            open_to.READ_REQUIRES_ENCRYPTION | open_to.WRITE_REQUIRES_ENCRYPTION,
            Note(),
            [note],
        )
        return [*super().services(), Service(UUID(0x1840), [secret])]


class Note(AttributeValue[bytes]):
    """A value that can be written and read again."""

    def __init__(self) -> None:
        self.value = b"old"
        super().__init__(lambda _: self.value, lambda _, value: setattr(self, "value", value))


@pytest.fixture
async def secret(air: Air) -> None:
    await air.add(Secret(address=STRAP, name="secret"))


async def test_what_needs_pairing(radio: Radio, secret: None):
    async with client(radio, STRAP) as connected:
        service = connected.services.get_service("1840")
        assert service is not None
        (value,) = service.characteristics
        with pytest.raises(BleakGATTProtocolError, match="Insufficient"):
            await connected.read_gatt_char(value)
        with pytest.raises(BleakGATTProtocolError, match="Insufficient"):
            await connected.write_gatt_char(value, b"new", response=True)
        await connected.pair()
        assert await connected.read_gatt_char(value) == b"old"
        await connected.write_gatt_char(value, bytearray(b"new"), response=True)
        assert await connected.read_gatt_char(value) == b"new"
        await connected.write_gatt_char(value, b"n" * 300, response=False)
        assert await connected.read_gatt_char(value) == b"n" * 300
        (note,) = value.descriptors
        await connected.write_gatt_descriptor(note, b"written")
        assert await connected.read_gatt_descriptor(note) == b"written"


async def test_what_a_device_has_not(radio: Radio, strap: HeartRateStrap):
    async with client(radio, STRAP) as connected:
        assert await connected.read_gatt_char("2a29") == b"Balise"
        with pytest.raises(BleakCharacteristicNotFoundError):
            await connected.read_gatt_char("2a35")
        with pytest.raises(BleakError, match="can't be subscribed"):
            await connected.start_notify("2a29", print)


async def test_notifications_start_and_stop(radio: Radio, strap: HeartRateStrap):
    told: list[bytes] = []
    async with client(radio, STRAP) as connected:
        await connected.start_notify("2a37", lambda _, data: told.append(bytes(data)))
        with pytest.raises(BleakError, match="subscribed to already"):
            await connected.start_notify("2a37", print)
        await until(lambda: len(told) > 3)
        await connected.stop_notify("2a37")
        had = len(told)
        await asyncio.sleep(0.2)
        assert len(told) == had
        await connected.start_notify("2a37", lambda _, data: told.append(bytes(data)))
        await until(lambda: len(told) > had)
    assert set(told) == {BEAT}


class CountingStrap(HeartRateStrap):
    """A strap that numbers its notifications by the heart rate they tell."""

    def busy(self) -> bool:
        return True  # without a look at what it tells: each look counts

    def live(self) -> bytes:
        frame = super().live()
        self.beat(bpm=frame[1] + 1)
        return frame


async def test_no_notification_is_lost_or_doubled(radio: Radio, air: Air):
    strap = CountingStrap(address=STRAP, name="strap", period=0.01)
    await air.add(strap)
    told: list[int] = []
    async with client(radio, STRAP) as connected:
        await connected.start_notify("2a37", lambda _, data: told.append(data[1]))
        await until(lambda: len(told) >= 100)  # it goes on while we look
        await connected.stop_notify("2a37")
    assert told == list(range(told[0], told[0] + len(told)))


@contextmanager
def distant_air(cuff: BloodPressureCuff) -> Iterator[str]:
    """Another thread's air: it goes on while this thread's loop is blocked in a callback."""
    opened: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with Air() as air:
            await air.add(cuff)
            ended = asyncio.Event()
            opened.set_result((air.radio, asyncio.get_running_loop(), ended))
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    name, loop, ended = opened.result(timeout=10)
    try:
        yield name
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


async def test_an_indication_is_confirmed_once_the_callback_has_returned():
    cuff = new_cuff()
    confirmed_within: list[int] = []

    def on_frame(_: object, _data: bytearray) -> None:
        time.sleep(0.5)  # the cuff's thread has all the time to receive a confirmation
        confirmed_within.append(len(cuff.confirmed))

    with distant_air(cuff) as name:
        async with Radio(name) as radio, client(radio, CUFF) as connected:
            await connected.start_notify("2a35", on_frame)
            await until(lambda: len(cuff.confirmed) == 1)
    assert confirmed_within == [0]


async def test_an_indication_is_not_confirmed_where_the_callback_raised(
    radio: Radio, cuff: BloodPressureCuff
):
    def on_frame(_: object, _data: bytearray) -> None:
        raise OSError("no space left on device")

    async with client(radio, CUFF) as connected:
        await connected.start_notify("2a35", on_frame)
        await asyncio.sleep(0.3)
        assert connected.is_connected
        assert len(cuff.memory) == 1
    async with client(radio, CUFF) as connected:
        await connected.start_notify("2a35", lambda *_: None)
        await until(lambda: len(cuff.confirmed) == 1)


async def test_a_device_that_hangs_up_is_seen(radio: Radio, cuff: BloodPressureCuff):
    gone = asyncio.Event()
    async with client(radio, CUFF, gone) as connected:
        await connected.start_notify("2a35", lambda *_: None)
        await wait(gone)
        assert not connected.is_connected
        with pytest.raises(BleakError, match="Not connected"):
            await connected.start_notify("2a35", print)
        await connected.disconnect()


async def test_a_disconnection_asked_for_is_told_too(radio: Radio, strap: HeartRateStrap):
    gone = asyncio.Event()
    async with client(radio, STRAP, gone):
        assert not gone.is_set()
    await wait(gone)


async def test_a_read_cut_by_a_disconnection_ends(radio: Radio, air: Air, strap: HeartRateStrap):
    connected = client(radio, STRAP)
    await connected.connect()
    reading = asyncio.create_task(connected.read_gatt_char("2a29"))
    await asyncio.sleep(0)
    await air.remove(strap)
    with pytest.raises(BleakError, match="disconnected meanwhile"):
        await reading


async def test_pairing_by_just_works(radio: Radio, strap: HeartRateStrap):
    async with BleakClient(STRAP, backend=backends(radio)[1], pair=True) as connected:
        link = next(iter(radio.device.connections.values()))
        assert link.is_encrypted
        await connected.pair()
        assert await connected.read_gatt_char("2a29") == b"Balise"
        await connected.unpair()
        assert not connected.is_connected


async def test_an_address_nobody_has(radio: Radio):
    with pytest.raises(BleakDeviceNotFoundError, match=f"No advertisement of {NOBODY} in 0.3 s"):
        await client(radio, NOBODY, timeout=0.3).connect()
    assert not radio.device.is_scanning


async def test_a_device_gone_since_it_was_heard(radio: Radio, air: Air, strap: HeartRateStrap):
    scanner, backend = backends(radio)
    device = await BleakScanner.find_device_by_address(STRAP, timeout=5, backend=scanner)
    assert device is not None
    await air.remove(strap)
    with pytest.raises(TimeoutError):
        await BleakClient(device, backend=backend, timeout=0.3).connect()
    await air.add(strap)
    async with BleakClient(device, backend=backend, timeout=5) as connected:
        assert connected.is_connected


async def test_a_cancelled_attempt_leaves_nothing_behind(
    radio: Radio, air: Air, strap: HeartRateStrap
):
    scanner, backend = backends(radio)
    device = await BleakScanner.find_device_by_address(STRAP, timeout=5, backend=scanner)
    assert device is not None
    await air.remove(strap)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await BleakClient(device, backend=backend).connect()
    await air.add(strap)
    await asyncio.sleep(0.3)
    assert not radio.device.connections
    async with BleakClient(device, backend=backend, timeout=5) as connected:
        assert connected.is_connected
