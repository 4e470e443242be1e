"""The screens of a pairing over HTTP: one for each stage, one next step for each cause."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from balise.languages import LANGUAGES
from devices import models
from ingest.gateway.page import choose
from ingest.gateway.page.words import words
from ingest.gateway.pairing.pair import Patience
from ingest.gateway.pairing.stages import Cause, Stage

if TYPE_CHECKING:
    from conftest import Site

CUFF = "F0:00:00:00:00:07"
QUICK = Patience(search=3, gather=0.3, connect=5, measure=6, quiet=0.5, back=8)
SBM69 = "silvercrest-sbm69"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_stage_has_its_screen(site: Site, language: str):
    site.client.headers["accept-language"] = language
    for stage in set(Stage) - {Stage.FAILED}:
        site.show(stage, address=CUFF, digits="042137", figures=("132/78 mmHg", "64 /min"))
        answer = await site.client.get("/pairing")
        text, said = unescape(answer.text), words(language).said(stage)
        assert said.title in text
        assert said.next in text
        assert ('action="/pairing/stop"' in text) is (stage is not Stage.DONE)
        assert ("refresh" in answer.headers) is (stage is not Stage.DONE)
        if stage is Stage.CONFIRM:
            assert "042 137" in text
        if stage in (Stage.RESTING, Stage.DONE):
            beats = "battements par minute" if language == "fr" else "beats a minute"
            assert re.search(
                rf"132/78\u00a0mmHg .* 64\u00a0{beats} .* \d+(\u00a0h\u00a0|:)\d\d\.", text
            )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_failure_has_its_cause_and_one_next_step(site: Site, language: str):
    site.client.headers["accept-language"] = language
    for cause in Cause:
        site.show(Stage.FAILED, cause=cause)
        text, said = unescape(await site.text("/pairing")), words(language).said(cause)
        assert said.title in text
        assert said.next in text
        for step in choose.steps(models.find(SBM69), words(language)):
            assert step in text
        assert ('action="/pairing"' in text) is (cause is not Cause.NOT_THAT_DEVICE)


async def test_a_page_that_waits_is_answered_as_soon_as_something_happens(site: Site):
    site.show(Stage.SEARCHING)
    first = await site.client.get("/pairing")
    path = first.headers["refresh"].partition("url=")[2]
    waiting = asyncio.create_task(site.client.get(path))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    site.show(Stage.CONNECTING)
    answer = await asyncio.wait_for(waiting, 2)
    assert words("fr").said(Stage.CONNECTING).title in unescape(answer.text)


async def test_nobody_who_types_is_interrupted_before_it_is_too_late(site: Site):
    site.show(Stage.CODE)
    seconds, _, path = (await site.client.get("/pairing")).headers["refresh"].partition("; url=")
    assert int(seconds) >= 28
    assert path == "/pairing"


async def test_a_person_and_four_digits_are_another_screen_than_six_digits(site: Site):
    """Case link-passkey-vs-consent: 970798 is no consent, and 0123 keeps its zero."""
    desk = site.house.box.desk
    site.show(Stage.BONDING, address=CUFF)
    asking = asyncio.create_task(desk.consent())
    await asyncio.sleep(0)
    text = await site.text("/pairing")
    assert 'name="user"' in text
    assert 'maxlength="4"' in text
    for wrong in ("970798", "12", "12a4"):
        assert await site.post("/pairing/answer", user="2", answer=wrong) == "/pairing?wrong=code"
    assert 'aria-invalid="true"' in await site.text("/pairing?wrong=code")
    assert await site.post("/pairing/answer", user="2", answer="0123") == "/pairing"
    assert await asking == (2, 123)


async def test_a_code_that_is_none_is_asked_for_again(site: Site):
    desk = site.house.box.desk
    site.show(Stage.BONDING, address=CUFF)
    asking = asyncio.create_task(desk.code(CUFF))
    await asyncio.sleep(0)
    wrong = await site.post("/pairing/answer", answer="12")
    assert wrong == "/pairing?wrong=code"
    text = await site.text(wrong)
    assert 'role="alert"' in text
    assert 'aria-invalid="true"' in text
    assert await site.post("/pairing/answer", answer="012 345") == "/pairing"
    assert await asking == 12345
    assert await site.post("/pairing/answer", answer="012345") == "/pairing"


@pytest.mark.parametrize(("typed", "agreed"), [("yes", True), ("no", False)])
async def test_digits_are_compared(site: Site, typed: str, agreed: bool):  # noqa: FBT001
    site.show(Stage.BONDING, address=CUFF)
    asking = asyncio.create_task(site.house.box.desk.confirm(CUFF, 42))
    await asyncio.sleep(0)
    assert "000 042" in await site.text("/pairing")
    await site.post("/pairing/answer", answer=typed)
    assert await asking is agreed
