"""A box without the time, from a real device to the database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from balise.model import Quality
from bench.line import Line
from bench.waiting import PATIENCE_SECONDS
from devices.virtual.air import Air
from devices.virtual.thermometer import Thermometer
from flows import steps
from ingest.gateway import agent, clock, devices, session
from ingest.gateway.agent import Agent
from ingest.gateway.clock import Timekeeper
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

pytestmark = pytest.mark.stack

BEHIND = timedelta(days=1200)
PATIENCE = timedelta(seconds=5)


class Behind(datetime):
    """The clock of a box that starts in the past."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) - BEHIND


@pytest.mark.parametrize(
    ("comes", "quality"), [(True, Quality.CLOCK_CORRECTED), (False, Quality.CLOCK_UNVERIFIED)]
)
async def test_a_reading_has_its_true_time_although_the_box_had_none(
    line: Line, monkeypatch: pytest.MonkeyPatch, *, comes: bool, quality: Quality
):
    home, address = f"home-{comes}".lower(), f"C0:00:00:00:0C:{comes:02X}"
    line.enrol(home, {address: "Thermometer"})
    path = devices.folder(line.settings.home, home) / "spool.db"
    spool, timekeeper = Spool(path), Timekeeper()
    monkeypatch.setattr(clock, "since_boot", lambda: clock.time.monotonic() + 3600)
    with monkeypatch.context() as lost:
        lost.setattr(clock, "synchronised", lambda: False)
        for module in (clock, session):
            lost.setattr(module, "datetime", Behind)
        before = datetime.now(UTC)
        await measured(address, lambda item: spool.put(timekeeper.marked(item)))
        after = datetime.now(UTC)
    monkeypatch.setattr(clock, "synchronised", lambda: comes)
    await asyncio.sleep(1)
    publisher = Publisher(Broker(line.of_gateway(home)), home, path, 5, timekeeper=timekeeper)
    publisher.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while spool.depth():
                await asyncio.sleep(0.05)
    finally:
        publisher.stop()
        spool.close()
    steps.run_line(line.settings.database_url)
    with psycopg.connect(line.settings.database_url) as database:
        [(taken_at, found)] = database.execute(
            "SELECT taken_at, quality FROM reading JOIN subject ON subject.id = subject"
            " WHERE code = %s",
            (home,),
        ).fetchall()
    assert before - PATIENCE < taken_at < after + PATIENCE
    assert Quality(found) == quality


async def measured(address: str, put: Any) -> None:
    """Have a device without clock tell one measurement to an agent."""
    thermometer = Thermometer(address=address, name="Thermo")
    async with Air() as air:
        await air.add(thermometer)
        serving = asyncio.create_task(
            agent.serve(f"{air.radio}", Agent([devices.KnownDevice(address=address)], put))
        )
        thermometer.measure(temperature=Decimal("37.2"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while thermometer.memory:
                await asyncio.sleep(0.05)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
