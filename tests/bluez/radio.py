"""What radios and bonds do to an everyday agent on a real BlueZ. Steps of the guest."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from bleak import BleakScanner
from bleak.exc import BleakDBusError
from bumble.transport import open_transport
from guest import MODEL, Bench, address, cuff, measure, powered

from devices.models.model import Pairing as Way
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.ether import Controller
from devices.virtual.faults import Faults
from devices.virtual.faults import Pairing as Asks
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway.agent import Agent, serve
from ingest.gateway.bluez import BlueZ
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.pairing.stages import Cause
from ingest.gateway.stack import opened
from ingest.gateway.watch import Recovery, Rung

_JUST_WORKS = replace(MODEL, pairing=Way.JUST_WORKS)


@asynccontextmanager
async def serving(
    bench: Bench, *devices: KnownDevice, recovery: Recovery | None = None
) -> AsyncIterator[Agent]:
    agent = Agent(devices, bench.spool.put, recovery=recovery)
    task = asyncio.create_task(agent.run(bench.kit))
    try:
        yield agent
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def bonded(
    bench: Bench, number: int, faults: Faults
) -> tuple[BloodPressureCuff, KnownDevice]:
    one = cuff(number, faults)
    measure(one, 120)
    await bench.air.add(one)
    done, cause = await bench.pair(one, _JUST_WORKS)
    assert done, cause
    assert bench.paired is not None
    return one, bench.paired


async def bond_lost_everyday(bench: Bench) -> dict[str, object]:
    """A device that forgot its bond is said so, keeps its bond here, and is paired again."""
    one, known = await bonded(bench, 20, Faults(pairing=Asks.JUST_WORKS))
    async with serving(bench, known) as agent:
        contact = agent.contacts[known.address]
        frame = measure(one, 121)
        await bench.until(lambda: frame.hex() in bench.frames(known.address))
        await bench.until(lambda: one.link is None)
        await one.bonds.delete_all()
        measure(one, 122)
        took = await bench.until(lambda: contact.trouble is Cause.BOND_LOST, 290)
        assert await bench.kit.bonds.has(known.address)
        agent.left_alone = lambda _known: bench.desk.open
        bench.desk.begin(MODEL.key)
        await agent.step_aside(known.model)
        done, cause = await bench.pair(one, _JUST_WORKS)  # while the agent scans
        assert done, cause
        assert bench.paired is not None
        agent.add(bench.paired)
        contact.trouble = Cause.BOND_LOST  # which only being served takes back
        frame = measure(one, 123)
        await bench.until(lambda: frame.hex() in bench.frames(known.address))
        await bench.until(lambda: contact.trouble is None)
    await bench.air.remove(one)
    return {"said_after": took, "adapter": known.adapter}


async def private_address(bench: Bench) -> dict[str, object]:
    """A device that turns its address after it was paired stays one device."""
    faults = Faults(pairing=Asks.JUST_WORKS, private_address=True)
    one, known = await bonded(bench, 21, faults)
    assert known.address == address(21), known
    async with serving(bench, known):
        for systolic in (131, 132):
            one.turn_address()
            frame = measure(one, systolic)
            await bench.until(lambda frame=frame: frame.hex() in bench.frames(known.address))
            await bench.until(lambda: one.link is None)
    await bench.air.remove(one)
    return {"identity": known.address}


async def phantom(bench: Bench) -> dict[str, object]:
    """A link that a killed gateway left is ended, and its device served."""
    strap = HeartRateStrap(address=address(22), name="strap 22", period=0.1)
    strap.beat(bpm=70)
    await bench.air.add(strap)
    crashing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", f"pycache_prefix={sys.pycache_prefix}"),
        *("-c", _CRASHES, address(22)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert crashing.stdout is not None
    assert await asyncio.wait_for(crashing.stdout.readline(), 90) == b"connected\n"
    crashing.kill()
    await crashing.wait()
    await asyncio.sleep(1)
    left = address(22) in await bench.kit.adapters.linked()
    async with serving(bench, KnownDevice(address=address(22))):
        took = await bench.until(lambda: len(bench.frames(address(22))) >= 3)
    await bench.air.remove(strap)
    return {"left_connected": left, "served_after": took}


_CRASHES = """
import asyncio, sys
from bleak import BleakClient, BleakScanner

async def main():
    device = await BleakScanner.find_device_by_address(sys.argv[1], timeout=20)
    async with BleakClient(device):
        print("connected", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def stale_cache(bench: Bench) -> dict[str, object]:
    """New firmware under an address that BlueZ knows: its old services are cached, and given up."""
    old = HeartRateStrap(address=address(23), name="old 23", period=0.1)
    old.beat(bpm=70)
    await bench.air.add(old)
    async with serving(bench, KnownDevice(address=address(23))):
        await bench.until(lambda: len(bench.frames(address(23))) >= 2)
    await bench.air.remove(old)
    new = cuff(23)
    frame = measure(new, 141)
    await bench.air.add(new)
    known = KnownDevice(address=address(23), model=MODEL.key)
    async with serving(bench, known) as agent:
        took = await bench.until(lambda: frame.hex() in bench.frames(address(23)))
        assert agent.contacts[address(23)].trouble is None
    await bench.air.remove(new)
    return {"served_after": took}


async def deaf(bench: Bench) -> dict[str, object]:
    """An adapter that hears nothing is switched off and on, then reported; it hears again."""
    recovery = Recovery(silence=2, rest=3600, lively=0)
    one = cuff(24)
    rungs: list[Rung] = []
    async with serving(bench, KnownDevice(address=address(24)), recovery=recovery) as agent:
        due = agent.watch.due
        agent.watch.due = lambda: _noted(due(), rungs)  # type: ignore[method-assign]
        await bench.until(lambda: rungs[-1:] == [Rung.REPORT])
        # Once it hears again, two silent seconds on a slow machine begin another ladder.
        climbed, state = tuple(rungs), agent.radio
        frame = measure(one, 142)
        await bench.air.add(one)
        took = await bench.until(lambda: frame.hex() in bench.frames(address(24)))
        heard = agent.radio
    await bench.air.remove(one)
    assert climbed == recovery.ladder, climbed
    return {"state": state, "after": heard, "served_after": took}


def _noted(rung: Rung | None, rungs: list[Rung]) -> Rung | None:
    if rung is not None:
        rungs.append(rung)
    return rung


async def other_scanners(bench: Bench) -> dict[str, object]:
    """Another program that scans does no harm; of a second scan of ours we recover."""
    one = cuff(25)
    recovery = Recovery(silence=2, rest=3600)
    async with serving(bench, KnownDevice(address=address(25)), recovery=recovery):
        other = await asyncio.create_subprocess_exec("bluetoothctl", "--timeout", "3", "scan", "on")
        await other.wait()
        frame = measure(one, 143)
        await bench.air.add(one)
        await bench.until(lambda: frame.hex() in bench.frames(address(25)))
        await bench.until(lambda: one.link is None)
        refused = "nothing"
        try:
            async with BleakScanner():
                await asyncio.sleep(0.1)
        except BleakDBusError as error:
            refused = error.dbus_error
        again = measure(one, 144)
        took = await bench.until(lambda: again.hex() in bench.frames(address(25)))
    await bench.air.remove(one)
    return {"second_scan_refused": refused, "mended_after": took}


async def second_adapter(bench: Bench) -> dict[str, object]:
    """A bond belongs to the adapter that made it; another is not tried, and its absence is said."""
    holder = "C0:98:E5:00:00:02"
    async with await open_transport("vhci:") as transport:
        second = Controller(
            "second",
            host_source=transport.source,
            host_sink=transport.sink,
            link=bench.air.ether,
            public_address=holder,
        )
        await switched(bench, "hci1", on=True)
        bench.controller.deaf = True
        one, known = await bonded(bench, 26, Faults(pairing=Asks.JUST_WORKS))
        bench.controller.deaf = False
        assert known.adapter == holder, known
        async with serving(bench, known, recovery=Recovery(silence=3)) as agent:
            one.linger = 3
            frame = measure(one, 161)
            await bench.until(lambda: frame.hex() in bench.frames(known.address))
            by = [chip.name for chip in (bench.controller, second) if chip.le_connections]
            await bench.until(lambda: one.link is None)
            await switched(bench, "hci1", on=False)
            measure(one, 162)
            await bench.until(lambda: agent.contacts[known.address].trouble is Cause.ADAPTER_GONE)
            await asyncio.sleep(3)
            assert one.link is None
            await switched(bench, "hci1", on=True)
            await bench.kit.scan.restart()
            await bench.until(lambda: not one.memory)
            assert agent.contacts[known.address].trouble is None
        await bench.air.remove(one)
        await switched(bench, "hci1", on=False)
    return {"connected_by": by}


async def switched(bench: Bench, name: str, *, on: bool) -> None:
    """Wait for an adapter, and switch it on or off."""
    assert isinstance(bench.kit.adapters, BlueZ)
    for _ in range(100):
        with suppress(BleakDBusError):
            await bench.kit.adapters._power(f"/org/bluez/{name}", on=on)
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(name)


async def daemon_restart(bench: Bench) -> dict[str, object]:
    """bluetoothd dies: the agent registers anew with the next one, which asks it for a bond."""
    one, strap = (
        cuff(27, Faults(pairing=Asks.JUST_WORKS)),
        HeartRateStrap(address=address(28), name="strap 28", period=0.1),
    )
    strap.beat(bpm=70)
    desk, kits = Desk(), list[Kit]()
    agent = Agent([KnownDevice(address=address(28))], bench.spool.put)
    serves = asyncio.create_task(
        serve("bluez", agent, desk, lambda kit: kits.append(kit) if kit else None)
    )
    try:
        await bench.air.add(strap)
        await bench.until(lambda: len(bench.frames(address(28))) >= 3)
        await restart_daemon()
        seen = len(bench.frames(address(28)))
        took = await bench.until(lambda: len(bench.frames(address(28))) > seen + 3)
        measure(one, 171)
        await bench.air.add(one)
        bench.kit, bench.desk = kits[-1], desk
        done, cause = await bench.pair(one, _JUST_WORKS)
        assert done, cause
    finally:
        serves.cancel()
        await asyncio.gather(serves, return_exceptions=True)
        bench.kit, _ = await bench.opened.enter_async_context(opened("bluez", bench.desk))
    return {"served_again_after": took, "opened": len(kits)}


async def restart_daemon() -> None:
    for process in daemons():
        os.kill(process, signal.SIGKILL)
    await asyncio.sleep(1)
    await asyncio.create_subprocess_exec("/usr/libexec/bluetooth/bluetoothd", "-n")
    await powered()


def daemons() -> list[int]:
    return [
        int(one.name)
        for one in Path("/proc").glob("[0-9]*")
        if (one / "comm").read_text().strip() == "bluetoothd"
    ]


STEPS = (
    private_address,
    phantom,
    stale_cache,
    deaf,
    other_scanners,
    second_adapter,
    daemon_restart,
    bond_lost_everyday,
)
