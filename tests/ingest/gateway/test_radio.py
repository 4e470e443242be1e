"""The agent survives what radios do, on bumble's controllers: deafness, loss, phantoms, bonds."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bumble.gatt import Service
from structlog.testing import capture_logs

from bench.waiting import until_async as until
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.ether import Controller
from devices.virtual.faults import Faults
from devices.virtual.faults import Pairing as Asks
from devices.virtual.heart_rate import HeartRateStrap
from devices.virtual.thermometer import Thermometer
from ingest.gateway import backoff
from ingest.gateway.agent import Agent, serve
from ingest.gateway.bumble_backend import Radio
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.pairing.stages import Cause
from ingest.gateway.watch import RadioState, Recovery, Rung

CUFF, STRAP, OTHER = "F0:00:00:00:00:31", "F0:00:00:00:00:32", "F0:00:00:00:00:33"
ADAPTER = bytes.fromhex("c098e5000001")
ADAPTERS_NAME = "01:00:00:E5:98:C0"
BU570 = "medisana-bu570"


@dataclass
class Home:
    """An agent that runs, what it spooled, and the stack it runs on just now."""

    air: Air
    agent: Agent
    desk: Desk
    items: list[dict[str, Any]]
    kits: list[Kit] = field(default_factory=list[Kit])

    def frames(self, address: str = CUFF) -> list[str]:
        return [one["data"] for one in self.items if one["device"] == address]

    def trouble(self, address: str = CUFF) -> Cause | None:
        return self.agent.contacts[address].trouble

    async def bond(self) -> tuple[str, str]:
        """Bond with the cuff that advertises, and hang up; return its address before and after."""
        kit = self.kits[-1]
        heard: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()

        def on_heard(device: BLEDevice, _data: object) -> None:
            if device.name == "cuff" and not heard.done():
                heard.set_result(device)

        async with kit.scan.listening(on_heard):
            found = await heard
        before = found.address
        self.desk.begin(BU570)
        async with BleakClient(found, backend=kit.client, timeout=5, pair=True):
            pass
        self.desk.progress = None
        return before, await kit.bonds.identity(found)


@asynccontextmanager
async def living(
    air: Air, *known: KnownDevice, keys: Path | None = None, **more: Any
) -> AsyncIterator[Home]:
    items, desk = list[dict[str, Any]](), Desk()
    agent = Agent(known, lambda item: items.append(json.loads(item)), **more)
    home = Home(air, agent, desk, items)
    agent.left_alone = lambda _known: desk.open
    on_kit = lambda kit: home.kits.append(kit) if kit else None  # noqa: E731
    task = asyncio.create_task(serve(air.radio, agent, desk, on_kit, keys))
    try:
        await until(lambda: bool(home.kits) and agent.radio is RadioState.HEARING)
        yield home
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    async with Air(adapters=repeat(ADAPTER)) as air:
        yield air


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backoff, "FIRST", 0.1)
    monkeypatch.setattr(backoff, "LONGEST", 0.3)


def cuff(address: str = CUFF, faults: Faults | None = None, **more: Any) -> BloodPressureCuff:
    return BloodPressureCuff(
        address=address, name="cuff", linger=0.2, faults=faults or Faults(), **more
    )


def measure(one: BloodPressureCuff, systolic: int) -> str:
    return one.measure(systolic=Decimal(systolic), diastolic=Decimal(80)).hex()


def strap(address: str = STRAP) -> HeartRateStrap:
    one = HeartRateStrap(address=address, name="strap", period=0.05)
    one.beat(bpm=72)
    return one


async def test_a_deaf_radio_is_opened_anew_and_hears_again(air: Air):
    """Case link-adapter-hung."""
    one = cuff()
    recovery = Recovery(silence=0.4, lively=0)
    async with living(air, KnownDevice(address=CUFF), recovery=recovery) as home:
        next(iter(air.gateways)).deafen()
        measured = measure(one, 131)
        with capture_logs() as logs:
            await air.add(one)
            await until(lambda: measured in home.frames())
        assert [log["rung"] for log in logs if "rung" in log] == ["restart_scan", "power_cycle"]
        assert home.agent.radio is RadioState.HEARING
        assert len(home.kits) == 2


async def test_a_radio_that_stays_deaf_is_said_to_be_hung(
    air: Air, monkeypatch: pytest.MonkeyPatch
):
    neighbour = Thermometer(address=OTHER, name="neighbour")
    neighbour.measure(temperature=Decimal("37.0"))
    await air.add(neighbour)
    recovery = Recovery(silence=0.5, rest=60, lively=0.3)
    async with living(air, KnownDevice(address=CUFF), recovery=recovery) as home:
        await asyncio.sleep(1)
        monkeypatch.setattr(Controller, "deaf", True)
        await until(lambda: home.agent.radio is RadioState.HUNG)
        opened = len(home.kits)
        await asyncio.sleep(1.5)
        assert len(home.kits) == opened == 2  # and then it is left in peace
        monkeypatch.setattr(Controller, "deaf", False)
        await until(lambda: home.agent.radio is RadioState.HEARING)


async def test_a_quiet_home_is_no_alarm(air: Air):
    recovery = Recovery(silence=0.2, rest=60)
    async with living(air, KnownDevice(address=CUFF), recovery=recovery) as home:
        await until(lambda: home.agent.radio is RadioState.QUIET)


async def test_an_adapter_that_goes_and_comes_back_is_found_again(air: Air):
    one, other = strap(), cuff()
    await air.add(one)
    known = KnownDevice(address=STRAP), KnownDevice(address=CUFF)
    async with living(air, *known) as home:
        await until(lambda: home.frames(STRAP))
        await next(iter(air.gateways)).close()
        await until(lambda: one.link is None)
        await until(lambda: home.agent.radio is not RadioState.DOWN and len(home.kits) == 2)
        seen = len(home.frames(STRAP))
        await until(lambda: len(home.frames(STRAP)) > seen)
        measured = measure(other, 132)
        await air.add(other)
        await until(lambda: measured in home.frames())


async def test_a_link_that_another_program_left_is_ended(air: Air):
    """Case link-phantom-connected."""
    one = strap()
    recovery = Recovery(silence=0.6, ladder=(Rung.REPORT,))  # off and on would end it too
    async with living(air, KnownDevice(address=OTHER), recovery=recovery) as home:
        await air.add(one)
        found = await home.kits[-1].scan.find(STRAP)
        adapters = home.kits[-1].adapters
        assert isinstance(adapters, Radio)
        await adapters.connect(found.details, 5)  # nobody's client
        home.agent.add(KnownDevice(address=STRAP))
        await until(lambda: home.frames(STRAP))


async def test_failures_that_are_all_alike_end_in_a_disconnection_and_never_in_a_lost_bond(
    air: Air, tmp_path: Path
):
    one = cuff(faults=Faults(pairing=Asks.JUST_WORKS))
    async with living(air, keys=tmp_path / "bonds.json") as home:
        measure(one, 133)
        await air.add(one)
        await home.bond()
        await one.bonds.delete_all()
        with capture_logs() as logs:
            home.agent.add(KnownDevice(address=CUFF, adapter=ADAPTERS_NAME))
            await until(lambda: sum(log["event"] == "device_lost" for log in logs) >= 7)
        cures = [log["cure"] for log in logs if log["event"] == "device_cure"]
        assert cures == ["hang_up", "forget_unbonded"]
        assert await home.kits[-1].bonds.has(CUFF)


async def test_a_device_that_lost_its_half_of_the_bond_is_said_so_until_it_is_paired_again(
    air: Air, tmp_path: Path
):
    """Case link-stale-host-bond-silent, in everyday life."""
    one = cuff(faults=Faults(pairing=Asks.JUST_WORKS))
    async with living(air, keys=tmp_path / "bonds.json") as home:
        measure(one, 134)
        await air.add(one)
        await home.bond()
        await one.bonds.delete_all()
        home.agent.add(KnownDevice(address=CUFF))
        await until(lambda: home.trouble() is Cause.BOND_LOST)
        assert await home.kits[-1].bonds.has(CUFF)
        assert not home.frames()
        await home.kits[-1].bonds.forget(CUFF)  # as a pairing does before it begins
        await home.bond()
        await until(home.frames)
        await until(lambda: home.trouble() is None)


async def test_a_bond_outlives_the_gateway_and_only_its_owner_may_read_it(air: Air, tmp_path: Path):
    one, keys = cuff(faults=Faults(pairing=Asks.JUST_WORKS)), tmp_path / "bonds.json"
    first = measure(one, 135)
    await air.add(one)
    async with living(air, keys=keys) as home:
        await home.bond()
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    async with living(air, KnownDevice(address=CUFF, adapter=ADAPTERS_NAME), keys=keys) as home:
        await until(lambda: first in home.frames())


async def test_a_bonded_device_is_served_by_its_own_adapter_alone(tmp_path: Path):
    """Case link-bond-per-adapter."""
    other, keys = bytes.fromhex("c098e5000002"), tmp_path / "bonds.json"
    one = cuff(faults=Faults(pairing=Asks.JUST_WORKS))
    async with Air(adapters=iter((ADAPTER, other, ADAPTER))) as air:
        first = measure(one, 136)
        await air.add(one)
        async with living(air, keys=keys) as home:
            await home.bond()
            assert await home.kits[-1].bonds.holder(CUFF) == ADAPTERS_NAME
        known = KnownDevice(address=CUFF, adapter=ADAPTERS_NAME)
        async with living(air, known, keys=keys) as home:
            await until(lambda: home.trouble() is Cause.ADAPTER_GONE)
            await until(lambda: home.agent.contacts[CUFF].heard_at)
            links: list[object] = []
            one.connected = lambda: links.append(one)  # type: ignore[method-assign]
            await asyncio.sleep(1)
            del one.connected
            assert links == []
            assert not home.frames()
        async with living(air, known, keys=keys) as home:
            await until(lambda: first in home.frames())
            assert home.trouble() is None


async def test_a_device_that_turns_its_address_stays_one_device(air: Air, tmp_path: Path):
    """Case link-rpa."""
    one = cuff(faults=Faults(pairing=Asks.JUST_WORKS, private_address=True))
    await air.add(one)
    async with living(air, keys=tmp_path / "bonds.json") as home:
        advertised = set[str]()

        def on_heard(device: BLEDevice, _data: object) -> None:
            advertised.add(str(device.details))

        measured = [measure(one, 140)]
        before, after = await home.bond()
        assert before != after == CUFF
        home.agent.add(KnownDevice(address=CUFF))
        async with home.kits[-1].scan.listening(on_heard):
            for systolic in (141, 142, 143):
                await until(lambda: home.frames() == measured)
                await until(lambda: one.link is None)
                one.turn_address()
                measured.append(measure(one, systolic))
            await until(lambda: home.frames() == measured)
        assert len(advertised) >= 3
        assert {item["device"] for item in home.items} == {CUFF}


class Updated(BloodPressureCuff):
    """A cuff that had other services before its firmware was changed."""

    updated = False

    def services(self) -> list[Service]:
        made = super().services()
        return made if self.updated else []


async def test_services_that_are_not_the_models_are_looked_at_twice_and_then_said(air: Air):
    """Case link-stale-gatt-cache."""
    one = Updated(address=CUFF, name="cuff", linger=0.2)
    measured = measure(one, 151)
    await air.add(one)
    with capture_logs() as logs:
        async with living(air, KnownDevice(address=CUFF, model=BU570)) as home:
            await until(lambda: home.trouble() is Cause.NOT_THAT_DEVICE)
            events = [log["event"] for log in logs if log.get("device") == CUFF]
            assert events[:5] == [
                "device_connected",
                "services_missing",
                "device_connected",
                "services_still_missing",
                "device_lost",
            ]
            await air.remove(one)
            one.updated = True
            await air.add(one)
            await until(lambda: measured in home.frames())
            assert home.trouble() is None


async def test_a_device_that_is_off_is_no_event(air: Air, monkeypatch: pytest.MonkeyPatch):
    """Case link-slots: off is the normal state of a cuff; nobody connects, nobody complains."""
    attempts = list[object]()
    asked = Controller.on_hci_le_create_connection_command
    extended = Controller.on_hci_le_extended_create_connection_command

    def counted(self: Controller, command: Any) -> Any:
        attempts.append(command)
        name = type(command).__name__
        return (extended if "Extended" in name else asked)(self, command)

    monkeypatch.setattr(Controller, "on_hci_le_create_connection_command", counted)
    monkeypatch.setattr(Controller, "on_hci_le_extended_create_connection_command", counted)
    one = cuff()
    with capture_logs() as logs:
        async with living(air, KnownDevice(address=CUFF)) as home:
            await asyncio.sleep(2)
            assert attempts == []
            assert [log for log in logs if log["log_level"] != "info"] == []
            measured = measure(one, 152)
            await air.add(one)
            await until(lambda: measured in home.frames())
            assert len(attempts) == 1


async def test_the_power_fails_in_the_middle_of_a_transfer_and_the_rest_comes_later(air: Air):
    one = cuff(faults=Faults(power_off_after=2, dark=0.5))
    measured = [measure(one, systolic) for systolic in (120, 121, 122, 123)]
    await air.add(one)
    async with living(air, KnownDevice(address=CUFF)) as home:
        await until(lambda: not one.memory)
        assert sorted(set(home.frames())) == sorted(measured)


async def test_a_link_that_two_gateways_ask_for_at_once_is_had_by_one_and_ends_nobody(air: Air):
    """Case link-abort-by-local: links fail and then work; the device is heard again."""
    one = cuff()
    measured = [measure(one, systolic) for systolic in (153, 154)]
    known = KnownDevice(address=CUFF)
    air.adapters = iter((ADAPTER, bytes.fromhex("c098e5000002")))
    async with living(air, known) as home, living(air, known) as other:
        await air.add(one)
        await until(lambda: not one.memory)
        assert sorted(home.frames() + other.frames()) == measured
        last = measure(one, 155)
        await until(lambda: last in home.frames() + other.frames())


async def test_a_device_without_a_battery_service_is_served_like_one_with_it(air: Air):
    """Case link-battery-hidden: BlueZ may keep the battery service to itself."""
    with_it, without = cuff(battery=80), cuff(OTHER)
    measured = measure(with_it, 156), measure(without, 157)
    await air.add(with_it)
    await air.add(without)
    async with living(air, KnownDevice(address=CUFF), KnownDevice(address=OTHER)) as home:
        await until(lambda: measured[0] in home.frames() and measured[1] in home.frames(OTHER))
        assert home.trouble() is home.trouble(OTHER) is None
