"""Stored records of a meter on bumble's controllers: counted, continued, never deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.waiting import until_async
from devices.virtual.air import Air
from devices.virtual.faults import Faults
from devices.virtual.glucose import GlucoseMeter
from ingest.gateway import records
from ingest.gateway.agent import Agent
from ingest.gateway.bumble_backend import Radio
from ingest.gateway.devices import KnownDevice
from ingest.gateway.pairing.bumble_agent import kit_of
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.records import Cursors

METER = "F0:00:00:00:00:18"


class Home:
    """An agent that knows one meter, and what it spooled."""

    def __init__(self, radio: Radio, folder: Path, model: str = "") -> None:
        self.items: list[dict[str, Any]] = []
        self.cursors = Cursors(folder / "cursors.json")
        self.agent = Agent(
            [KnownDevice(address=METER, model=model)],
            lambda item: self.items.append(json.loads(item)),
            self.cursors,
        )
        self.task = asyncio.create_task(self.agent.run(kit_of(radio, Desk())))

    def glucoses(self) -> list[int]:
        """The numbers of the glucoses that were spooled."""
        frames = [item["data"] for item in self.items if item["characteristic"] == "2A18"]
        return [int.from_bytes(bytes.fromhex(data)[1:3], "little") for data in frames]

    async def until(self, count: int) -> None:
        await until_async(lambda: len(self.glucoses()) >= count)

    async def at(self, last: int) -> None:
        await until_async(lambda: self.cursors.last(METER, "1808") == last)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "PAUSE", 0.02)
    monkeypatch.setattr(records, "GRACE", 0.3)


@pytest.fixture
async def home(radio: Radio, tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(radio, tmp_path)
    yield home
    await home.close()


async def meter(air: Air, faults: Faults | None = None, count: int = 3) -> GlucoseMeter:
    one = GlucoseMeter(address=METER, name="meter", linger=2.0, faults=faults or Faults())
    for value in range(count):
        one.measure(glucose=Decimal(100 + value))
    await air.add(one)
    return one


async def test_all_records_then_only_the_new_ones(air: Air, home: Home):
    one = await meter(air)
    await home.at(3)
    assert home.glucoses() == [1, 2, 3]
    one.measure(glucose=Decimal(111))
    await home.at(4)
    assert home.glucoses() == [1, 2, 3, 4]
    assert one.misdeeds == []


async def test_a_context_goes_along_with_its_glucose(air: Air, home: Home):
    one = GlucoseMeter(address=METER, name="meter", linger=0.3)
    one.measure(glucose=Decimal(120), context={"meal": 1})
    await air.add(one)
    await home.at(1)
    (item,) = home.items
    assert [other["characteristic"] for other in item["companions"]] == ["2A34"]


async def test_a_broken_transfer_is_kept_and_asked_for_again(air: Air, home: Home):
    one = await meter(air, Faults(stops_after=2))
    await home.until(2)
    assert home.cursors.last(METER, "1808") is None
    one.faults = Faults()
    one.press()
    await home.at(3)
    assert sorted(set(home.glucoses())) == [1, 2, 3]


async def test_the_power_fails_between_two_records(air: Air, home: Home):
    await meter(air, Faults(power_off_after=2, dark=0.2), count=4)
    await home.at(4)
    assert sorted(set(home.glucoses())) == [1, 2, 3, 4]


async def test_an_end_that_overtakes_the_last_record(air: Air, home: Home):
    await meter(air, Faults(end_first=True))
    await home.at(3)
    assert home.glucoses() == [1, 2, 3]


async def test_a_meter_with_a_new_battery_numbers_anew(air: Air, home: Home):
    one = await meter(air, count=5)
    await home.at(5)
    one.new_battery()
    one.measure(glucose=Decimal(99))
    await home.at(1)
    assert home.glucoses()[:5] == [1, 2, 3, 4, 5]
    assert set(home.glucoses()[5:]) == {1}


async def test_a_meter_that_knows_no_ranges_tells_all_each_time(
    air: Air, radio: Radio, tmp_path: Path
):
    home = Home(radio, tmp_path, model="fora-tng-voice")
    one = await meter(air, Faults(no_ranges=True), count=2)
    await home.at(2)
    one.measure(glucose=Decimal(99))
    await home.at(3)
    assert sorted(set(home.glucoses())) == [1, 2, 3]
    await home.close()


async def test_no_records_is_no_failure(air: Air, home: Home):
    one = await meter(air, count=0)
    one.press()
    await asyncio.sleep(1)
    assert home.items == []
    one.measure(glucose=Decimal(99))
    await home.at(1)


def test_a_cursor_is_kept_between_two_lives(tmp_path: Path):
    Cursors(tmp_path / "cursors.json").move(METER, "1808", 7)
    assert Cursors(tmp_path / "cursors.json").last(METER, "1808") == 7
