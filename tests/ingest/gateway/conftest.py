from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devices.virtual.air import Air
from devices.virtual.heart_rate import HeartRateStrap
from ingest.gateway.bumble_backend import Radio

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
