from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from balise.settings import Settings
from devices.virtual.air import Air
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway import devices
from ingest.gateway.box import Box, Habits
from ingest.gateway.bumble_backend import Radio
from ingest.gateway.devices import KnownDevice
from ingest.gateway.page.ear import Ear
from ingest.gateway.page.house import House, house_of
from ingest.gateway.page.serve import bound, serving
from ingest.gateway.pairing.desk import Progress
from ingest.gateway.pairing.pair import Patience
from ingest.gateway.pairing.stages import Stage

CUFF = "F0:00:00:00:00:07"
QUICK = Patience(search=3, gather=0.3, connect=5, measure=6, quiet=0.5, back=8)
SBM69 = "silvercrest-sbm69"


STRAP = "F0:00:00:00:00:02"


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    async with Air() as air:
        yield air


@pytest.fixture
async def radio(air: Air) -> AsyncIterator[Radio]:
    async with Radio(air.radio) as radio:
        yield radio


@pytest.fixture
async def strap(air: Air) -> HeartRateStrap:
    strap = HeartRateStrap(address=STRAP, name="strap", maker="Balise", period=0.05)
    strap.beat(bpm=72)
    await air.add(strap)
    return strap


@dataclass
class Line:
    """What the box is told of its connection to the server."""

    waiting: int = 0
    connected: bool = True


@dataclass
class Site:
    """A box whose page is served, and a visitor who has its code."""

    house: House
    line: Line
    client: httpx.AsyncClient
    items: list[bytes]
    code: str

    def show(self, stage: Stage, **more: object) -> None:
        self.house.box.desk.show(Progress(SBM69, stage, **more))  # type: ignore[arg-type]

    async def text(self, path: str) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == 200
        return answer.text

    async def post(self, path: str, **form: str) -> str:
        """Send a form and return where it leads."""
        answer = await self.client.post(path, data=form)
        assert answer.status_code == 303
        return answer.headers["location"]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    devices.write(tmp_path / "devices.json", [KnownDevice(address=CUFF, model=SBM69)])
    line, items = Line(), list[bytes]()
    box = Box(
        "home-1",
        tmp_path / "devices.json",
        items.append,
        waiting=lambda: line.waiting,
        connected=lambda: line.connected,
        habits=Habits(patience=QUICK),
    )
    house = replace(house_of(Settings(), tmp_path, box), ear=Ear(0.5), full=lambda: False)
    listening = bound(0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with (
        serving(house, listening),
        httpx.AsyncClient(base_url=url, timeout=30, headers={"accept-language": "fr"}) as client,
    ):
        code = (tmp_path / "page-code").read_text().strip()
        answer = await client.get("/", params={"code": code})
        assert answer.status_code == 200
        yield Site(house, line, client, items, code)
