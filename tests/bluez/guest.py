"""What runs in the guest: our own gateway on the kernel's BlueZ, virtual devices on the same air.

Each step is one line of JSON in the file that is the first argument. One controller serves the
whole boot: closing /dev/vhci and opening it again breaks this kernel.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from bleak import BleakClient, BleakScanner
from bumble.transport import open_transport

from devices.models import find
from devices.models.model import Model
from devices.models.model import Pairing as Way
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.ether import Controller
from devices.virtual.faults import Faults
from devices.virtual.faults import Pairing as Asks
from devices.virtual.glucose import GlucoseMeter
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway import records
from ingest.gateway.agent import Agent
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.pairing.pair import Pairing, Patience
from ingest.gateway.pairing.stages import Cause, Stage
from ingest.gateway.records import Cursors
from ingest.gateway.session import Put
from ingest.gateway.spool import Spool
from ingest.gateway.stack import opened

HOME = Path("/tmp/balise")  # noqa: S108 - the guest's own
QUICK = Patience(search=60, gather=0.5, connect=60, measure=90, quiet=1, back=400)
MODEL = replace(find("medisana-bu570"), names=("cuff",))


@dataclass
class Bench:
    """One boot: the air, BlueZ, and our spool."""

    air: Air
    kit: Kit
    desk: Desk
    spool: Spool
    report: Path
    controller: Controller
    opened: AsyncExitStack
    answers: Callable[[BloodPressureCuff], str] = lambda cuff: cuff.passkey or ""
    paired: KnownDevice | None = None

    def items(self) -> list[dict[str, Any]]:
        rows = self.spool._db.execute("SELECT body FROM item ORDER BY seq").fetchall()
        return [json.loads(body) for (body,) in rows]

    def frames(self, address: str) -> list[str]:
        return [one["data"] for one in self.items() if one["device"] == address]

    def say(self, step: str, *, ok: bool, **figures: object) -> None:
        with self.report.open("a") as file:
            file.write(json.dumps({"step": step, "ok": ok, **figures}) + "\n")

    @asynccontextmanager
    async def agent(self, *addresses: str, put: Put | None = None) -> AsyncIterator[Agent]:
        known = [KnownDevice(address=one) for one in addresses]
        agent = Agent(known, put or self.spool.put, Cursors(HOME / "cursors.json"))
        task = asyncio.create_task(agent.run(self.kit))
        try:
            yield agent
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], object], seconds: float = 180) -> float:
        begun = time.monotonic()
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
        return round(time.monotonic() - begun, 3)

    async def pair(self, cuff: BloodPressureCuff, model: Model) -> tuple[bool, Cause | None]:
        """Pair, with somebody at the desk who types what the cuff shows and measures again."""
        pairing = Pairing(model, self.desk, self.kit, self.spool.put, QUICK)

        async def help_out() -> None:
            while True:
                await self.desk.changed()
                stage = self.desk.progress.stage if self.desk.progress else None
                while stage is Stage.CODE and cuff.passkey is None:
                    await asyncio.sleep(0.05)
                if stage is Stage.CODE:
                    self.desk.answer(self.answers(cuff))
                elif stage is Stage.CONFIRM:
                    self.desk.answer("yes")
                elif stage is Stage.RESTING:
                    measure(cuff, 140)

        helping = asyncio.create_task(help_out())
        try:
            self.paired = await pairing.run()
        finally:
            helping.cancel()
        return self.paired is not None, self.desk.progress.cause if self.desk.progress else None


def measure(cuff: BloodPressureCuff, systolic: int) -> bytes:
    return cuff.measure(systolic=Decimal(systolic), diastolic=Decimal(80), pulse=Decimal(60))


def address(number: int) -> str:
    return f"F0:00:00:00:01:{number:02X}"


def cuff(number: int, faults: Faults | None = None, name: str = "cuff") -> BloodPressureCuff:
    return BloodPressureCuff(
        address=address(number), name=f"{name} {number}", linger=1, faults=faults or Faults()
    )


async def stream(bench: Bench) -> dict[str, object]:
    """A known strap is heard, connected to, and 100 notifications are spooled."""
    strap = HeartRateStrap(address=address(1), name="strap", period=0.02, battery=64)
    strap.beat(bpm=72, rr_intervals=(853,))
    await bench.air.add(strap)
    async with bench.agent(address(1)) as agent:
        took = await bench.until(lambda: len(bench.frames(address(1))) >= 100)
    await bench.air.remove(strap)
    battery = agent.contacts[address(1)].battery
    return {"notifications": len(bench.frames(address(1))), "seconds": took, "battery": battery}


async def memory(bench: Bench) -> dict[str, object]:
    """A cuff's stored measurements are indicated, spooled and confirmed; it hangs up by itself."""
    one = cuff(2)
    sent = [measure(one, systolic) for systolic in (120, 130, 140)]
    await bench.air.add(one)
    async with bench.agent(address(2)):
        await bench.until(lambda: one.confirmed == sent)
        await bench.until(lambda: one.link is None)
        # Out of reach and back, as after its batteries were changed.
        await bench.air.remove(one)
        again = measure(one, 150)
        await bench.air.add(one)
        took = await bench.until(lambda: again.hex() in bench.frames(address(2)))
    await bench.air.remove(one)
    assert bench.frames(address(2)) == [frame.hex() for frame in (*sent, again)]
    return {"reconnected_after": took}


async def just_works(bench: Bench) -> dict[str, object]:
    """A bond without a code, then unattended measurements over it."""
    one = cuff(3, Faults(pairing=Asks.JUST_WORKS))
    measure(one, 120)
    await bench.air.add(one)
    done, cause = await bench.pair(one, replace(MODEL, pairing=Way.JUST_WORKS))
    assert done, cause
    assert await bench.kit.bonds.has(address(3))
    async with bench.agent(address(3)):
        frame = measure(one, 155)
        await bench.until(lambda: frame.hex() in bench.frames(address(3)))
    await bench.air.remove(one)
    return {"bonded": True}


async def passkey(bench: Bench) -> dict[str, object]:
    """Six digits that the device shows are typed at the desk."""
    one = cuff(4, Faults(pairing=Asks.PASSKEY))
    measure(one, 120)
    await bench.air.add(one)
    done, cause = await bench.pair(one, replace(MODEL, pairing=Way.PASSKEY_ON_DEVICE))
    assert done, cause
    await bench.air.remove(one)
    return {"typed": bench.desk.typed_code}


async def wrong_passkey(bench: Bench) -> dict[str, object]:
    """Other digits than the device's are said to be wrong, and leave no bond."""
    one = cuff(5, Faults(pairing=Asks.PASSKEY))
    measure(one, 120)
    await bench.air.add(one)
    bench.answers = lambda cuff: f"{(int(cuff.passkey or 0) + 1) % 1_000_000:06}"
    done, cause = await bench.pair(one, replace(MODEL, pairing=Way.PASSKEY_ON_DEVICE))
    bench.answers = lambda cuff: cuff.passkey or ""
    await bench.air.remove(one)
    assert not done
    assert cause is Cause.WRONG_CODE, cause
    assert not await bench.kit.bonds.has(address(5))
    return {"cause": cause}


async def bond_lost(bench: Bench) -> dict[str, object]:
    """A device that has forgotten the bond is paired again; the old one is asked for first."""
    one = cuff(6, Faults(pairing=Asks.JUST_WORKS))
    measure(one, 120)
    await bench.air.add(one)
    done, cause = await bench.pair(one, replace(MODEL, pairing=Way.JUST_WORKS))
    assert done, cause
    await one.bonds.delete_all()
    measure(one, 125)
    again, cause = await bench.pair(one, replace(MODEL, pairing=Way.JUST_WORKS))
    await bench.air.remove(one)
    assert again, cause
    return {"paired_again": True}


async def stored_records(bench: Bench) -> dict[str, object]:
    """A meter's records are counted, asked for and continued."""
    meter = GlucoseMeter(address=address(7), name="meter", linger=2)
    for value in (100, 110, 120):
        meter.measure(glucose=Decimal(value))
    await bench.air.add(meter)
    cursors = HOME / "cursors.json"
    async with bench.agent(address(7)):
        await bench.until(lambda: len(bench.frames(address(7))) == 3)
        await bench.until(lambda: Cursors(cursors).last(address(7), "1808") == 3)
        meter.measure(glucose=Decimal(130))
        await bench.until(lambda: len(bench.frames(address(7))) == 4)
    await bench.air.remove(meter)
    assert meter.misdeeds == []
    return {"records": 4}


async def confirmation(bench: Bench) -> dict[str, object]:
    """Whether BlueZ confirms an indication before our callback has run."""
    confirmed: list[float] = []
    called: list[float] = []
    one = BloodPressureCuff(
        address=address(8),
        name="cuff 8",
        linger=3,
        on_confirmed=lambda _: confirmed.append(time.monotonic()),
    )
    measure(one, 120)
    await bench.air.add(one)
    device = await BleakScanner.find_device_by_address(address(8), timeout=15)
    assert device is not None

    def on_frame(_: object, _data: bytearray) -> None:
        called.append(time.monotonic())
        time.sleep(2)  # a disk that is slow: nothing else may run meanwhile

    async with BleakClient(device) as client:
        await client.start_notify("00002a35-0000-1000-8000-00805f9b34fb", on_frame)
        await bench.until(lambda: confirmed and called)
    await bench.air.remove(one)
    # The cuff lives in this loop too: it sees the confirmation once the callback has returned. What
    # tells is bluetoothd's log, so that both moments are given.
    return {"confirmed_after_call": round(confirmed[0] - called[0], 3)}


STEPS: tuple[Callable[[Bench], Awaitable[dict[str, object]]], ...] = (
    stream,
    memory,
    just_works,
    passkey,
    wrong_passkey,
    bond_lost,
    stored_records,
    confirmation,
)


async def main(report: Path, *wanted: str) -> int:
    """Run the steps, or those that are named; each that fails says why, and the next goes on."""
    records.GRACE = 0.5
    desk, failed = Desk(), 0
    async with Air() as air, await open_transport("vhci:") as transport:
        controller = Controller(
            "bluez",
            host_source=transport.source,
            host_sink=transport.sink,
            link=air.ether,
            public_address="C0:98:E5:00:00:01",
        )
        await powered()
        async with AsyncExitStack() as stack:
            kit, _lost = await stack.enter_async_context(opened("bluez", desk))
            bench = Bench(air, kit, desk, Spool(HOME / "spool.db"), report, controller, stack)
            [(at, name)] = (await kit.adapters.here()).items()
            bench.say("adapter", ok=True, name=name, at=at)
            for step in (one for one in STEPS if not wanted or one.__name__ in wanted):
                begun = time.monotonic()
                try:
                    figures = await asyncio.wait_for(step(bench), 420)
                    bench.say(
                        step.__name__, ok=True, took=round(time.monotonic() - begun, 1), **figures
                    )
                except Exception as error:  # noqa: BLE001 - a step's failure is what is reported
                    failed += 1
                    traceback.print_exc()
                    bench.say(step.__name__, ok=False, why=why(error))
                finally:  # what a failed step left on the air would be heard by the next
                    for left in tuple(air._lives):
                        await air.remove(left)
    return failed


def why(error: Exception) -> str:
    """Return what went wrong, and at which line of which step."""
    places = traceback.extract_tb(error.__traceback__)
    here = [one for one in places if Path(one.filename).parent == Path(__file__).parent]
    at = next((one for one in reversed(here) if one.name not in ("until", "main")), here[-1])
    return f"{type(error).__name__}: {error} at {at.name}, line {at.lineno}: {at.line}"


async def powered() -> None:
    """Wait until bluetoothd has the adapter, and switch it on."""
    for _ in range(100):
        process = await asyncio.create_subprocess_exec(
            "bluetoothctl", "power", "on", stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        if b"succeeded" in said:
            return
        await asyncio.sleep(0.2)
    raise TimeoutError("no adapter")


if __name__ == "__main__":
    HOME.mkdir(parents=True, exist_ok=True)
    sys.exit(asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:])))
