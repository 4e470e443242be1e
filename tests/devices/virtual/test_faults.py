"""Accidents and habits of devices, as a central on bumble's controllers meets them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from bumble.device import Device
from bumble.hci import Address
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.smp import AddressResolver

from bench.waiting import PATIENCE_SECONDS
from bench.waiting import until_async as until
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.faults import Faults, Pairing
from ingest.gateway.bumble_backend import Radio, backends

ADDRESS = "F0:00:00:00:00:23"
READINGS = (120, 130, 140, 150)


async def cuff(air: Air, faults: Faults, linger: float = 0.3) -> BloodPressureCuff:
    one = BloodPressureCuff(address=ADDRESS, name="cuff", linger=linger, faults=faults)
    for systolic in READINGS:
        one.measure(systolic=Decimal(systolic), diastolic=Decimal(80))
    await air.add(one)
    return one


def client(radio: Radio, address: str = ADDRESS, gone: asyncio.Event | None = None) -> BleakClient:
    left = gone or asyncio.Event()
    return BleakClient(address, lambda _: left.set(), backend=backends(radio)[1], timeout=5)


async def take(radio: Radio) -> list[int]:
    """Connect, and return the systolic pressures told until the device is gone."""
    told, gone = list[int](), asyncio.Event()
    connected = client(radio, gone=gone)
    await connected.connect()
    await connected.start_notify("2a35", lambda _, data: told.append(data[1]))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await gone.wait()
    return told


async def heard(radio: Radio, *before: str) -> str:
    """Return the address under which the cuff is heard that was not heard before."""
    found = await BleakScanner.find_device_by_filter(
        lambda device, data: data.local_name == "cuff" and on_air(device) not in before,
        timeout=3,
        backend=backends(radio)[0],
    )
    assert found is not None
    return on_air(found)


def on_air(device: BLEDevice) -> str:
    """Return the address a device advertises under, which our backend resolves where it can."""
    address: Address = device.details
    return address.to_string(with_type_qualifier=False)


async def test_the_power_fails_and_the_memory_is_kept(air: Air, radio: Radio):
    one = await cuff(air, Faults(power_off_after=2, dark=0.6))
    assert await take(radio) == [120, 130]
    assert [frame[1] for frame in one.memory] == [140, 150]
    scanner = backends(radio)[0]
    assert not await BleakScanner.discover(timeout=0.3, backend=scanner)
    assert await take(radio) == [140, 150]
    assert not one.memory


async def test_a_power_failure_without_confirmation_of_the_next_frame_loses_none(
    air: Air, radio: Radio
):
    await cuff(air, Faults(power_off_after=1, dark=0.1, replays=True))
    assert await take(radio) == [120]
    assert await take(radio) == list(READINGS)


async def test_a_device_that_replays_comes_back_when_its_button_is_pressed(air: Air, radio: Radio):
    one = await cuff(air, Faults(replays=True))
    assert await take(radio) == list(READINGS)
    assert not one.busy()
    one.press()
    assert await take(radio) == list(READINGS)
    assert [frame[1] for frame in one.memory] == list(READINGS)


async def test_a_device_carried_away_while_dark_stays_away(air: Air, radio: Radio):
    one = await cuff(air, Faults(power_off_after=1, dark=0.2))
    await take(radio)
    await air.remove(one)
    assert not await BleakScanner.discover(timeout=0.5, backend=backends(radio)[0])
    assert len(air.ether.controllers) == 1


class Typist(PairingDelegate):
    """Somebody who types what the display shows, or something else."""

    def __init__(self, shown: Callable[[], str | None], wrong_by: int = 0) -> None:
        super().__init__(PairingDelegate.KEYBOARD_INPUT_ONLY)
        self._shown, self._wrong_by = shown, wrong_by

    async def get_number(self) -> int | None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (shown := self._shown()) is None:
                await asyncio.sleep(0.01)
        assert len(shown) == 6
        return (int(shown) + self._wrong_by) % 1_000_000


def types(device: Device, delegate: PairingDelegate | None) -> None:
    """Have a central pair with a keyboard, or with nothing at all."""
    device.pairing_config_factory = lambda _link: PairingConfig(delegate=delegate)


async def test_nothing_is_told_before_the_passkey_is_typed(air: Air, radio: Radio):
    one = await cuff(air, Faults(pairing=Pairing.PASSKEY), linger=2)
    types(radio.device, Typist(lambda: one.passkey))
    async with client(radio) as connected:
        told: list[int] = []
        with pytest.raises(BleakError):
            await connected.start_notify("2a35", lambda _, data: told.append(data[1]))
        assert one.passkey is None
        await connected.pair()
        assert one.passkey
        await connected.start_notify("2a35", lambda _, data: told.append(data[1]))
        await until(lambda: told == list(READINGS))


@pytest.mark.parametrize("wrong_by", [1, None], ids=["another passkey", "no keyboard"])
async def test_without_the_passkey_there_is_no_bond(air: Air, radio: Radio, wrong_by: int | None):
    one = await cuff(air, Faults(pairing=Pairing.PASSKEY), linger=2)
    typist = None if wrong_by is None else Typist(lambda: one.passkey, wrong_by)
    types(radio.device, typist)
    async with client(radio) as connected:
        with pytest.raises(BleakError):
            await connected.pair()
        assert not await one.bonds.get_all()
    assert len(one.memory) == len(READINGS)


@pytest.mark.parametrize("asks", [Pairing.JUST_WORKS, Pairing.PASSKEY])
async def test_a_bond_outlives_the_power(air: Air, radio: Radio, asks: Pairing):
    one = await cuff(air, Faults(pairing=asks, power_off_after=2, dark=0.1), linger=2)
    types(radio.device, Typist(lambda: one.passkey) if asks is Pairing.PASSKEY else None)
    gone = asyncio.Event()
    connected = client(radio, gone=gone)
    await connected.connect()
    await connected.pair()
    await connected.start_notify("2a35", lambda *_: None)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await gone.wait()
    shown, told = one.passkey, list[int]()
    async with client(radio) as again:
        await next(iter(radio.device.connections.values())).encrypt()
        await again.start_notify("2a35", lambda _, data: told.append(data[1]))
        await until(lambda: told == [140, 150])
    assert one.passkey == shown


async def test_a_private_address_turns_and_its_gateway_knows_it(air: Air, radio: Radio):
    faults = Faults(private_address=True, pairing=Pairing.JUST_WORKS)
    one = await cuff(air, faults, linger=0.2)
    first = await heard(radio)
    async with client(radio, first) as connected:
        await connected.pair()
        keys = radio.device.keystore
        assert keys is not None
        await until(lambda: bool(one.bonds.all_keys))
        resolver = AddressResolver(await keys.get_resolving_keys())
    one.turn_address()
    second = await heard(radio, first)
    one.turn_address()
    third = await heard(radio, first, second)
    for address in (first, second, third):
        assert address != ADDRESS
        resolved = resolver.resolve(Address(address))
        assert resolved is not None
        assert resolved.to_string(with_type_qualifier=False) == ADDRESS
    async with client(radio, ADDRESS) as connected:
        told: list[int] = []
        await next(iter(radio.device.connections.values())).encrypt()
        await connected.start_notify("2a35", lambda _, data: told.append(data[1]))
        await until(lambda: told == list(READINGS))


async def test_a_stranger_cannot_follow_a_private_address(air: Air, radio: Radio):
    one = await cuff(air, Faults(private_address=True))
    first = await heard(radio)
    one.turn_address()
    second = await heard(radio, first)
    keys = radio.device.keystore
    assert keys is not None
    resolver = AddressResolver(await keys.get_resolving_keys())
    assert resolver.resolve(Address(second)) is None
