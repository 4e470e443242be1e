"""A scale shared by several persons tells nothing before a consent: paired, and every day."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bench.waiting import PATIENCE_SECONDS
from devices.models import find
from devices.virtual.air import Air
from devices.virtual.body_composition import BodyCompositionScale
from ingest.gateway import session
from ingest.gateway.agent import Agent, serve
from ingest.gateway.bumble_backend import Radio
from ingest.gateway.devices import KnownDevice
from ingest.gateway.pairing.bumble_agent import kit_of
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.pairing.pair import Pairing, Patience
from ingest.gateway.pairing.stages import Cause, Stage

SCALE = "F0:00:00:00:00:31"
QUICK = Patience(search=3, gather=0.3, connect=5, measure=6, quiet=0.5, back=8)
MODEL = replace(find("beurer-bf600"), names=("scale",), pairing=find("medisana-bu570").pairing)


def scale_of(consents: dict[int, int]) -> BodyCompositionScale:
    scale = BodyCompositionScale(address=SCALE, name="scale", consents=consents, linger=2)
    weigh(scale)
    return scale


def weigh(scale: BodyCompositionScale) -> None:
    scale.measure(weight=Decimal("71.5"), fat=Decimal("24.1"), user=2)


async def pair(
    radio: Radio, scale: BodyCompositionScale, typed: str
) -> tuple[Any, Desk, list[Any]]:
    """Pair with a helper who types this, and weighs again when asked to."""
    desk, items = Desk(), list[Any]()
    pairing = Pairing(
        MODEL,
        desk,
        kit_of(radio, desk),
        lambda item: items.append(json.loads(item)),
        QUICK,
    )

    async def help_out() -> None:
        while True:
            await desk.changed()
            if desk.progress and desk.progress.stage is Stage.CONSENT:
                desk.answer(typed)
            if desk.progress and desk.progress.stage is Stage.RESTING:
                weigh(scale)

    helping = asyncio.create_task(help_out())
    try:
        return await pairing.run(), desk, items
    finally:
        helping.cancel()


async def test_a_consent_is_asked_once_and_given_at_each_connection(air: Air, radio: Radio):
    scale = scale_of({1: 1111, 2: 123})
    await air.add(scale)
    known, _, items = await pair(radio, scale, "2 0123")
    assert known == KnownDevice(
        address=SCALE, name="scale", model="beurer-bf600", consents={2: 123}
    )
    assert {item["characteristic"] for item in items} == {"2A9D", "2A9C"}
    assert "0123" not in json.dumps(items)
    assert scale.misdeeds == []


async def test_a_consent_that_the_scale_refuses_is_said_so(air: Air, radio: Radio):
    scale = scale_of({2: 123})
    await air.add(scale)
    known, desk, items = await pair(radio, scale, "2 9999")
    assert known is None
    assert desk.progress
    assert desk.progress.cause is Cause.CONSENT_REFUSED
    assert items == []
    assert len(scale.memory) == 2


async def test_nobody_who_knows_the_code_ends_the_pairing(
    air: Air, radio: Radio, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ingest.gateway.pairing.desk.CONSENT_SECONDS", 0.5)
    scale = scale_of({2: 123})
    await air.add(scale)
    known, desk, _ = await pair(radio, scale, "not a code")
    assert known is None
    assert desk.progress
    assert desk.progress.cause is Cause.CONSENT_REFUSED


async def test_each_person_of_a_home_is_heard(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "QUIET", 0.3)
    scale, items = scale_of({1: 1111, 2: 123}), list[bytes]()
    given: list[int] = []
    obey = scale._obey

    def noted(operation: int, parameter: bytes) -> int:
        given.append(parameter[0])
        return obey(operation, parameter)

    scale._obey = noted  # type: ignore[method-assign]
    known = KnownDevice(address=SCALE, model="beurer-bf600", consents={1: 1111, 2: 123})
    async with Air() as air:
        await air.add(scale)
        serving = asyncio.create_task(serve(air.radio, Agent([known], items.append)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while scale.memory or given != [1, 2]:
                await asyncio.sleep(0.05)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert len(items) == 2
