"""Pairing on bumble's controllers, for every way a device asks for a bond and every failure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from bleak import BleakClient

from balise.languages import LANGUAGES
from devices.models import find
from devices.models.model import Model
from devices.models.model import Pairing as Way
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.faults import Faults
from devices.virtual.faults import Pairing as Asks
from ingest.gateway.bumble_backend import Radio, backends
from ingest.gateway.devices import KnownDevice
from ingest.gateway.pairing.bumble_agent import RadioBonds, kit_of
from ingest.gateway.pairing.desk import Desk
from ingest.gateway.pairing.pair import Pairing, Patience
from ingest.gateway.pairing.stages import Cause, Stage
from ingest.gateway.pairing.words import said

ADDRESS = "F0:00:00:00:00:05"
QUICK = Patience(search=3, gather=0.3, connect=5, measure=6, quiet=0.5, back=8)


@dataclass
class Home:
    """A gateway's radio with somebody at the desk."""

    radio: Radio
    model: Model
    answers: Callable[[BloodPressureCuff], str | None] = lambda cuff: cuff.passkey
    desk: Desk = field(default_factory=Desk)
    items: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    stages: list[Stage] = field(default_factory=list[Stage])

    async def pair(self, cuff: BloodPressureCuff | None) -> KnownDevice | None:
        pairing = Pairing(
            self.model,
            self.desk,
            kit_of(self.radio, self.desk),
            lambda item: self.items.append(json.loads(item)),
            QUICK,
        )
        watching = asyncio.create_task(self._watch(cuff))
        try:
            return await pairing.run()
        finally:
            watching.cancel()

    async def _watch(self, cuff: BloodPressureCuff | None) -> None:
        """Do what a helper at home does: type the code, measure, switch off and on."""
        while True:
            await self.desk.changed()
            progress = self.desk.progress
            assert progress is not None
            self.stages.append(progress.stage)
            if cuff is None:
                continue
            while progress.stage is Stage.CODE and cuff.passkey is None:
                await asyncio.sleep(0.05)  # the display is slower than the air
            if progress.stage in (Stage.CODE, Stage.CONFIRM):
                answer = self.answers(cuff) if progress.stage is Stage.CODE else "yes"
                if answer is not None:
                    self.desk.answer(answer)
            if progress.stage is Stage.RESTING:
                measure(cuff)


def measure(cuff: BloodPressureCuff) -> None:
    cuff.measure(systolic=Decimal(132), diastolic=Decimal(78), pulse=Decimal(64))


@pytest.fixture
def model() -> Model:
    return replace(find("medisana-bu570"), names=("cuff",))


@pytest.fixture
def cuff_of(air: Air) -> Callable[..., Any]:
    async def make(faults: Faults | None = None, name: str = "cuff 1", **more: Any) -> Any:
        cuff = BloodPressureCuff(
            address=more.pop("address", ADDRESS), name=name, linger=0.5, faults=faults or Faults()
        )
        measure(cuff)
        await air.add(cuff)
        return cuff

    return make


@pytest.mark.parametrize(
    ("asks", "way"),
    [
        (Asks.NONE, Way.NONE),
        (Asks.JUST_WORKS, Way.JUST_WORKS),
        (Asks.PASSKEY, Way.PASSKEY_ON_DEVICE),
    ],
)
async def test_a_device_is_paired_once_it_measured_and_came_back(
    radio: Radio, cuff_of: Callable[..., Any], model: Model, asks: Asks, way: Way
):
    cuff = await cuff_of(Faults(pairing=asks))
    home = Home(radio, replace(model, pairing=way))
    known = await home.pair(cuff)
    assert home.desk.progress
    assert home.desk.progress.cause is None
    adapter = "" if asks is Asks.NONE else radio.address
    assert known == KnownDevice(
        address=ADDRESS, name="cuff 1", model="medisana-bu570", adapter=adapter
    )
    assert home.desk.progress.stage is Stage.DONE
    assert home.desk.progress.figures == ("132/78 mmHg", "64 /min")
    assert len(home.items) >= 2
    assert (Stage.CODE in home.stages) is (asks is Asks.PASSKEY)


@pytest.mark.parametrize("loser", ["device", "gateway"])
async def test_a_bond_that_one_side_has_lost_is_made_again(
    radio: Radio, cuff_of: Callable[..., Any], model: Model, loser: str
):
    """Case link-authfailed-two-causes: whether there is a bond is asked before one is dropped."""
    cuff = await cuff_of(Faults(pairing=Asks.JUST_WORKS))
    home = Home(radio, replace(model, pairing=Way.JUST_WORKS))
    assert await home.pair(cuff)
    bonds = RadioBonds(radio)
    assert await bonds.has(ADDRESS)
    await (cuff.bonds.delete_all() if loser == "device" else bonds.forget(ADDRESS))
    measure(cuff)
    assert await home.pair(cuff)
    assert await bonds.has(ADDRESS)


async def failed(home: Home, cuff: BloodPressureCuff | None) -> Cause | None:
    assert await home.pair(cuff) is None
    assert home.desk.progress
    assert home.desk.progress.stage is Stage.FAILED
    return home.desk.progress.cause


async def test_a_wrong_code_is_said_so(radio: Radio, cuff_of: Callable[..., Any], model: Model):
    cuff = await cuff_of(Faults(pairing=Asks.PASSKEY))
    home = Home(radio, replace(model, pairing=Way.PASSKEY_ON_DEVICE))
    home.answers = lambda cuff: f"{(int(cuff.passkey or 0) + 1) % 1_000_000:06}"
    assert await failed(home, cuff) is Cause.WRONG_CODE


async def test_a_code_that_nobody_types_is_late(
    radio: Radio, cuff_of: Callable[..., Any], model: Model, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ingest.gateway.pairing.desk.CODE_SECONDS", 0.5)
    cuff = await cuff_of(Faults(pairing=Asks.PASSKEY))
    home = Home(radio, replace(model, pairing=Way.PASSKEY_ON_DEVICE))
    home.answers = lambda _cuff: None
    assert await failed(home, cuff) is Cause.LATE_CODE


async def test_a_device_that_a_phone_holds_is_not_heard_and_the_phone_is_named(
    air: Air, radio: Radio, cuff_of: Callable[..., Any], model: Model
):
    """Case link-official-app-steals."""
    cuff = await cuff_of()
    cuff.linger = 60
    async with (
        Radio(air.radio) as phone,
        BleakClient(ADDRESS, backend=backends(phone)[1], timeout=5),
    ):
        assert await failed(Home(radio, model), None) is Cause.NOT_HEARD
    assert "téléphone" in said(Cause.NOT_HEARD, "fr").next
    assert "phone" in said(Cause.NOT_HEARD, "en").next


@pytest.mark.parametrize(
    ("typed", "taken"), [("1234", False), ("970798", True), ("000042", True), ("97079", False)]
)
async def test_a_consent_code_of_four_digits_is_no_passkey(typed: str, taken: object):
    """Case link-passkey-vs-consent: six digits, as text."""
    desk = Desk()
    desk.begin("beurer-bf600")
    asked = asyncio.create_task(desk.code(ADDRESS))
    await asyncio.sleep(0)
    assert desk.answer(typed) is taken
    if taken:
        assert f"{await asked:06}" == typed
    asked.cancel()


async def test_a_silent_device_is_not_heard(radio: Radio, model: Model):
    assert await failed(Home(radio, model), None) is Cause.NOT_HEARD


async def test_two_alike_are_not_guessed_between(
    radio: Radio, cuff_of: Callable[..., Any], model: Model
):
    await cuff_of()
    await cuff_of(name="cuff 2", address="F0:00:00:00:00:06")
    assert await failed(Home(radio, model), None) is Cause.SEVERAL


async def test_a_device_of_another_kind_is_said_so(
    radio: Radio, cuff_of: Callable[..., Any], model: Model
):
    cuff = await cuff_of()
    home = Home(radio, replace(model, sends=("181D/2A9D",)))
    assert await failed(home, cuff) is Cause.NOT_THAT_DEVICE


async def test_a_device_that_never_comes_back_is_not_paired(
    radio: Radio, cuff_of: Callable[..., Any], model: Model, monkeypatch: pytest.MonkeyPatch
):
    """Case link-read-is-not-paired."""
    monkeypatch.setitem(globals(), "measure", lambda _cuff: None)
    cuff = await cuff_of()
    cuff.measure(systolic=Decimal(120), diastolic=Decimal(80))
    assert await failed(Home(radio, model), cuff) is Cause.NOT_BACK


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stage_and_cause_has_its_words_and_one_next_step(language: str):
    for what in (*Stage, *Cause):
        words = said(what, language)
        assert words.title
        assert words.next
