"""A radio that is stuck, lost, left, or never opens."""

from __future__ import annotations

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakError
from bumble import controller
from bumble.hci import Address

from balise.errors import RadioDown
from bench.waiting import PATIENCE_SECONDS
from devices.virtual import ether
from devices.virtual.air import Air
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway import bumble_radio
from ingest.gateway.bumble_backend import Radio, backends

STRAP, NOBODY = "F0:00:00:00:00:02", "F0:00:00:00:00:03"


def client(radio: Radio, address: str, on_gone: asyncio.Event | None = None) -> BleakClient:
    gone = on_gone or asyncio.Event()
    return BleakClient(address, lambda _: gone.set(), backend=backends(radio)[1], timeout=5)


async def wait(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await event.wait()


async def test_a_radio_that_never_ends_an_attempt_is_given_up(
    radio: Radio, air: Air, strap: HeartRateStrap, monkeypatch: pytest.MonkeyPatch
):
    scanner, backend = backends(radio)
    device = await BleakScanner.find_device_by_address(STRAP, timeout=5, backend=scanner)
    assert device is not None
    await air.remove(strap)
    stuck = "on_hci_le_create_connection_cancel_command"
    monkeypatch.setattr(ether.Controller, stuck, getattr(controller.Controller, stuck))
    monkeypatch.setattr(bumble_radio, "ANSWER", 0.2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(TimeoutError):
            await BleakClient(device, backend=backend, timeout=0.2).connect()


@pytest.mark.parametrize("begun", [0, 3, 30])
@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_an_attempt_cancelled_at_any_moment_leaves_the_device_free(
    begun: int, turns: int, radio: Radio, air: Air, strap: HeartRateStrap
):
    """Cancelled so many of the loop's turns after its begin, and so many before it is heard."""
    scanner, backend = backends(radio)
    device = await BleakScanner.find_device_by_address(STRAP, timeout=5, backend=scanner)
    assert device is not None
    [advertising] = [one for one in sets(air) if one.enabled]
    advertising.stop()
    advertising.enabled = True
    attempt = asyncio.create_task(BleakClient(device, backend=backend).connect())
    await turn(begun)
    attempt.cancel()
    await turn(turns)
    advertising.start()
    attempt.cancel()  # somebody else gives it up too
    await asyncio.gather(attempt, return_exceptions=True)
    for link in tuple(radio.device.connections.values()):
        assert not attempt.cancelled()
        await link.disconnect()
    async with BleakClient(device, backend=backend, timeout=5) as connected:
        assert connected.is_connected


@pytest.mark.parametrize("turns", range(8))
async def test_a_link_that_its_caller_leaves_as_it_comes_about_is_nobodys(
    turns: int, radio: Radio, strap: HeartRateStrap
):
    scanner, backend = backends(radio)
    device = await BleakScanner.find_device_by_address(STRAP, timeout=5, backend=scanner)
    assert device is not None
    address = Address(STRAP, Address.RANDOM_DEVICE_ADDRESS)
    attempt = asyncio.create_task(radio.connect(address, 5))
    while not radio.device.connections:
        await asyncio.sleep(0)
    await turn(turns)
    if not attempt.done():
        attempt.cancel()
        await turn(turns)
        attempt.cancel()  # somebody else gives it up too
        with pytest.raises(asyncio.CancelledError):
            await attempt
        assert not radio.device.connections
    else:
        await (await attempt).disconnect()
    async with BleakClient(device, backend=backend, timeout=5) as connected:
        assert connected.is_connected


def sets(air: Air) -> list[controller.AdvertisingSet]:
    """Return what the devices on an air advertise."""
    return [one for chip in air.ether.controllers for one in chip.advertising_sets.values()]


async def turn(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def test_a_lost_radio_is_told_to_all(radio: Radio, air: Air, strap: HeartRateStrap):
    gone = asyncio.Event()
    connected = client(radio, STRAP, gone)
    await connected.connect()
    waiting = asyncio.create_task(client(radio, NOBODY).connect())
    await asyncio.sleep(0.05)
    assert not radio.lost.is_set()
    await next(iter(air.gateways)).close()
    await wait(radio.lost)
    await wait(gone)
    with pytest.raises(BleakBluetoothNotAvailableError, match="is lost"):
        await waiting
    with pytest.raises(BleakError):
        await connected.read_gatt_char("2a29")
    with pytest.raises(BleakBluetoothNotAvailableError):
        await connected.connect()
    async with Radio(air.radio) as again, client(again, STRAP) as other:
        assert other.is_connected


async def test_a_scan_on_a_lost_radio_ends_quietly(radio: Radio, air: Air, strap: HeartRateStrap):
    scanner, _ = backends(radio)
    async with BleakScanner(backend=scanner) as scan:
        while not scan.discovered_devices:
            await asyncio.sleep(0.01)
        await next(iter(air.gateways)).close()
        await wait(radio.lost)
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner.discover(backend=scanner)


@pytest.mark.parametrize(
    "name", ["tcp-client:127.0.0.1:1", "tcp-client:nowhere", "usb:99", "carrier-pigeon:1"]
)
async def test_a_radio_that_does_not_open_says_what_to_do(name: str):
    with pytest.raises(RadioDown, match=r"does not open: .+ Check BALISE_BLE\."):
        await Radio(name).__aenter__()


async def test_a_radio_that_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bumble_radio, "OPENING", 0.2)
    loop = asyncio.get_running_loop()
    async with await loop.create_server(asyncio.Protocol, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RadioDown, match="no answer"):
            await Radio(f"tcp-client:127.0.0.1:{port}").__aenter__()
        await asyncio.sleep(0.05)  # the server's side closes


async def test_leaving_the_radio_frees_its_devices(air: Air, strap: HeartRateStrap):
    gone = asyncio.Event()
    async with Radio(air.radio) as radio:
        await client(radio, STRAP, gone).connect()
    await wait(gone)
    async with Radio(air.radio) as radio, client(radio, STRAP) as connected:
        assert connected.is_connected
