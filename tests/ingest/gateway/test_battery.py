"""A device's battery: asked once a connection, kept over a start, never sent as a measurement."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.waiting import until_async
from devices.virtual.air import Air
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway import battery, health, standing
from ingest.gateway.agent import Agent
from ingest.gateway.box import Box
from ingest.gateway.bumble_backend import Radio
from ingest.gateway.devices import KnownDevice, write
from ingest.gateway.pairing.bumble_agent import kit_of
from ingest.gateway.pairing.desk import Desk

STRAP = "F0:00:00:00:00:02"


async def strap_with(air: Air, level: int | None) -> None:
    strap = HeartRateStrap(address=STRAP, name="strap", period=0.05, battery=level)
    strap.beat(bpm=72)
    await air.add(strap)


async def serve_for(radio: Radio, agent: Agent, condition: Any) -> None:
    serving = asyncio.create_task(agent.run(kit_of(radio, Desk())))
    await until_async(condition)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_the_level_is_read_and_is_no_measurement(air: Air, radio: Radio):
    await strap_with(air, 83)
    items: list[bytes] = []
    agent = Agent([KnownDevice(address=STRAP)], items.append)
    contact = agent.contacts[STRAP]
    await serve_for(radio, agent, lambda: contact.battery and items)
    assert contact.battery == 83
    assert contact.battery_at is not None
    assert {msgspec.json.decode(one)["characteristic"] for one in items} == {"2A37"}


async def test_a_device_without_a_battery_service_measures_all_the_same(air: Air, radio: Radio):
    await strap_with(air, None)
    items: list[bytes] = []
    agent = Agent([KnownDevice(address=STRAP)], items.append)
    await serve_for(radio, agent, lambda: len(items) > 5)
    assert agent.contacts[STRAP].battery is None


class Hung:
    """A device that shows its battery and does not answer."""

    address = STRAP

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.services = self
        self.properties = ["read"]

    def get_characteristic(self, _uuid: str) -> Hung:
        return self

    async def read_gatt_char(self, _characteristic: object) -> bytes:
        if isinstance(self._answer, bytes):
            return self._answer
        if self._answer is None:
            await asyncio.sleep(60)
        raise self._answer


@pytest.mark.parametrize("answer", [None, OSError("gone"), EOFError(), b"", b"\x65", b"\x32\x00"])
async def test_a_level_that_is_not_told_is_no_failure(answer: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(battery, "_SECONDS", 0.05)
    assert await battery.level(Hung(answer)) is None  # type: ignore[arg-type]


async def test_what_was_known_of_a_device_holds_over_a_start(tmp_path: Path):
    def box() -> Box:
        return Box("home-1", tmp_path / "devices.json", lambda _item: None)

    write(tmp_path / "devices.json", [KnownDevice(address=STRAP.lower())])
    first = box()
    first.agent.contacts[STRAP].charged(41)
    now = first.agent.contacts[STRAP].battery_at
    assert now is not None

    def say() -> bytes:
        return health.encode(first.state(), clock_known=True, now=now)

    keeping = asyncio.create_task(standing.keep(tmp_path, first, say, every=60))
    await asyncio.sleep(0.1)
    assert standing.runs(tmp_path)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert not standing.runs(tmp_path)
    second = box()
    standing.remember(tmp_path, second.agent.contacts)
    [state] = second.state().devices
    assert (state.battery, state.battery_at) == (41, now)
    (tmp_path / "status.json").write_bytes(b"half a")
    standing.remember(tmp_path, box().agent.contacts)
