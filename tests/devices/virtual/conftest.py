from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devices.virtual.air import Air
from ingest.gateway.bumble_backend import Radio


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    async with Air() as air:
        yield air


@pytest.fixture
async def radio(air: Air) -> AsyncIterator[Radio]:
    async with Radio(air.radio) as radio:
        yield radio
