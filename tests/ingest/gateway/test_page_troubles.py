"""The home screen about what a person must mend: a device's bond, its adapter, the radio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import cast

import httpx
import pytest

from balise.languages import LANGUAGES
from balise.settings import Settings
from ingest.gateway import devices
from ingest.gateway.box import Box
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.page.house import House, house_of
from ingest.gateway.page.serve import bound, serving
from ingest.gateway.pairing.stages import Cause
from ingest.gateway.pairing.words import said
from ingest.gateway.watch import RadioState

CUFF, SBM69 = "F0:00:00:00:00:07", "silvercrest-sbm69"


@dataclass
class Site:
    """A box whose page is served, and a visitor who has its code."""

    house: House
    client: httpx.AsyncClient

    async def text(self, path: str) -> str:
        return (await self.client.get(path)).text


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    devices.write(tmp_path / "devices.json", [KnownDevice(address=CUFF, model=SBM69)])
    box = Box("home-1", tmp_path / "devices.json", lambda _item: None, connected=lambda: True)
    house = replace(house_of(Settings(), tmp_path, box), full=lambda: False)
    listening = bound(0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with serving(house, listening), httpx.AsyncClient(base_url=url) as client:
        client.headers["accept-language"] = "fr"
        await client.get("/", params={"code": (tmp_path / "page-code").read_text().strip()})
        yield Site(house, client)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", [Cause.BOND_LOST, Cause.ADAPTER_GONE, Cause.NOT_THAT_DEVICE])
async def test_home_says_what_is_wrong_with_a_device_and_leads_to_its_mend(
    site: Site, cause: Cause, language: str
):
    site.client.headers["accept-language"] = language
    assert said(cause, language).title not in unescape(await site.text("/"))
    site.house.box.agent.contacts[CUFF].trouble = cause
    text = unescape(await site.text("/"))
    assert said(cause, language).title in text
    assert said(cause, language).next in text
    assert f'href="/add/model/{SBM69}"' in text


async def test_home_says_that_the_radio_hangs_and_is_silent_about_a_quiet_home(site: Site):
    site.house.take(cast("Kit", object()))
    agent = site.house.box.agent
    agent.noted(listening=True)
    for state, alarm in ((RadioState.QUIET, False), (RadioState.HUNG, True)):
        agent.watch.state = state
        assert ("Débranchez le boîtier" in unescape(await site.text("/"))) is alarm
