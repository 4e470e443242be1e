"""The patient's page over HTTP: the door, the home screen, a real pairing."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
import pypdfium2
import pytest
import typst
import zxingcpp

from balise.languages import LANGUAGES
from devices import models
from devices.models.model import Kind
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.faults import Faults
from devices.virtual.faults import Pairing as Asks
from ingest.gateway.bumble_backend import Radio
from ingest.gateway.page import choose
from ingest.gateway.page.ear import models_of
from ingest.gateway.page.house import Word
from ingest.gateway.page.serve import bound, served, serving
from ingest.gateway.page.words import words
from ingest.gateway.pairing.bumble_agent import kit_of
from ingest.gateway.pairing.pair import Patience
from ingest.gateway.pairing.stages import Cause, Stage

if TYPE_CHECKING:
    from conftest import Site

CUFF = "F0:00:00:00:00:07"
QUICK = Patience(search=3, gather=0.3, connect=5, measure=6, quiet=0.5, back=8)
SBM69 = "silvercrest-sbm69"


async def test_without_the_code_every_page_asks_for_it(site: Site, tmp_path: Path):
    async with httpx.AsyncClient(base_url=site.client.base_url) as stranger:
        for path in ("/", "/add", "/pairing", "/anything"):
            shown = await stranger.get(path)
            assert 'action="/code"' in shown.text
            assert "SBM 69" not in shown.text
        assert (await stranger.post("/pairing", data={"model": SBM69})).headers["location"] == "/"
        assert site.house.box.desk.progress is None
        assert "Ce n'est pas" not in (await stranger.get("/")).text
        wrong = await stranger.post("/code", data={"code": "nonsense"}, follow_redirects=True)
        assert 'role="alert"' in wrong.text
        right = await stranger.post("/code", data={"code": site.code})
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "SBM 69" in (await stranger.get("/")).text


async def test_the_sheet_has_the_square_that_opens_the_page(site: Site):
    text = await site.text("/sheet")
    assert f"{site.code[:3]} {site.code[3:]}" in text
    drawing = text[text.index("<svg") : text.index("</svg>") + 6]
    assert scanned(drawing) == f"{site.client.base_url}/?code={site.code}"
    async with httpx.AsyncClient() as stranger:
        assert "SBM 69" not in (await stranger.get(f"{site.client.base_url}/sheet")).text


def scanned(svg: str) -> str:
    """Read a QR code back with another program than the one that drew it."""
    page = typst.compile(
        b'#set page(width: 80mm, height: 80mm)\n#image(bytes(sys.inputs.svg), format: "svg")',
        sys_inputs={"svg": svg},
    )
    picture = pypdfium2.PdfDocument(page)[0].render(scale=4, grayscale=True)
    pixels = memoryview(bytes(picture.buffer)).cast("B", (picture.height, picture.stride))
    [found] = zxingcpp.read_barcodes(pixels)
    return found.text


async def test_another_site_can_post_nothing(site: Site):
    for origin in ("http://evil.example", "null"):
        answer = await site.client.post(
            "/pairing", data={"model": SBM69}, headers={"origin": origin}
        )
        assert answer.status_code == 403
    own = str(site.client.base_url).rstrip("/")
    answer = await site.client.post("/pairing/stop", headers={"origin": own})
    assert answer.status_code == 303
    assert (await site.client.post("/code", content=b"x" * 5000)).status_code == 403


async def test_every_answer_says_what_a_browser_may_do_with_it(site: Site):
    for path in ("/", "/static/page.css", "/nowhere"):
        headers = (await site.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert "/static/" not in (await site.client.get("/nowhere")).headers["cache-control"]


async def test_home_says_what_waits_and_the_one_thing_to_do(site: Site):
    assert "Tout est envoyé." in await site.text("/")
    assert "Bluetooth" in await site.text("/")
    site.line.waiting = 12
    assert "12 mesures partent en ce moment." in await site.text("/")
    site.line.connected = False
    site.house.story._look_at_the_line()
    text = await site.text("/?language=en")
    assert re.search(r"12 measurements wait: .* since today at \d+:\d\d\.", text)
    assert "router is switched on" in text
    site.line.waiting = 0
    assert "No measurement waits" in await site.text("/")


async def test_the_day_somebody_looked_is_said_in_the_language_of_the_page(site: Site):
    assert "Un mot de votre équipe" not in await site.text("/")
    house = replace(site.house, word=lambda: Word(looked=date(2026, 3, 1)), language="en")
    listening = bound(0)
    async with serving(house, listening):
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        answer = await site.client.get(url)
    assert "Somebody looked at your measurements on 1 March 2026." in answer.text


def test_a_first_of_the_month_is_said_as_each_language_does():
    assert words("fr").day(date(2026, 3, 1)) == "1er mars"
    assert words("fr").day(date(2026, 3, 2)) == "2 mars"
    assert words("en").day(date(2026, 3, 1)) == "1 March"


async def test_home_says_that_the_box_is_full_and_does_not_promise_that_nothing_is_lost(site: Site):
    site.line.waiting, site.line.connected = 12, False
    house = replace(site.house, full=lambda: True)
    listening = bound(0)
    async with serving(house, listening):
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        answer = await site.client.get(url)
    assert "Le boîtier est plein" in answer.text
    assert "Rien n'est perdu" not in unescape(answer.text)


async def test_what_cannot_be_shown_is_said_in_words(site: Site):
    def broken() -> int:
        raise sqlite3.OperationalError("disk I/O error")

    site.house.box._waiting = broken
    answer = await site.client.get("/")
    assert answer.status_code == 500
    assert "Attendez une minute" in answer.text
    answer = await site.client.get("/nowhere")
    assert answer.status_code == 404
    assert "Revenez à l'accueil" in unescape(answer.text)


async def test_home_says_when_a_device_was_last_heard(site: Site):
    contact = site.house.box.agent.contacts[CUFF]
    assert "Aucune mesure depuis" in await site.text("/")
    contact.heard_at = datetime.now(UTC)
    assert "Entendu aujourd'hui" in unescape(await site.text("/"))
    contact.told_at = datetime.now(UTC)
    assert "Dernière mesure reçue aujourd'hui à" in unescape(await site.text("/"))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_model_is_found_by_what_it_looks_like(site: Site, language: str):
    site.client.headers["accept-language"] = language
    kinds = await site.text("/add")
    found = set[str]()
    for kind in choose.KINDS:
        assert f'href="/add/kind/{kind}"' in kinds
        found |= set(re.findall(r'href="/add/model/([^"]+)"', await site.text(f"/add/kind/{kind}")))
    assert found == {model.key for model in models.MODELS}
    for model in models.MODELS:
        text = await site.text(f"/add/model/{model.key}")
        assert text.count("<li>") == len(model.steps.fr if language == "fr" else model.steps.en)


async def test_without_a_radio_nothing_starts_and_the_page_says_so(site: Site):
    for path, form in (("/pairing", {"model": SBM69}), ("/add/listen", {})):
        where = await site.post(path, **form)
        assert where.endswith("?wrong=radio")
        assert "Débranchez le boîtier" in await site.text(where)
    assert await site.post("/pairing", model="nothing we know") == "/add"
    assert (await site.client.get("/pairing")).headers["location"] == "/add"


async def cuff_on(air: Air, asks: Asks = Asks.NONE) -> BloodPressureCuff:
    cuff = BloodPressureCuff(
        address="F0:00:00:00:00:08", name="SBM69", linger=0.5, faults=Faults(pairing=asks)
    )
    measure(cuff)
    await air.add(cuff)
    return cuff


def measure(cuff: BloodPressureCuff) -> None:
    cuff.measure(systolic=Decimal(132), diastolic=Decimal(78), pulse=Decimal(64))


async def test_who_does_not_know_the_model_is_told_what_is_heard(
    site: Site, air: Air, radio: Radio
):
    await cuff_on(air)
    site.house.take(kit_of(radio, site.house.box.desk))
    assert await site.post("/add/listen") == "/add/heard"
    listening = await site.client.get("/add/heard")
    path = listening.headers["refresh"].partition("url=")[2]
    assert 'href="/add/model/silvercrest-sbm69"' in await site.text(path)
    site.house.ear._names = {"Marie's phone"}
    assert "Marie" not in await site.text("/add/heard")
    assert {model.maker for model in models_of("BLESmart_00001234")} == {"Omron"}


async def help_through_the_page(site: Site, cuff: BloodPressureCuff) -> list[str]:
    """Do what a helper does who sees nothing but the page, until it asks for nothing more."""
    path, titles = "/pairing", list[str]()
    while path:
        answer = await site.client.get(path)
        titles += re.findall(r"<title>(.*?) \u2013", unescape(answer.text))
        if 'name="answer"' in answer.text:
            while cuff.passkey is None:
                await asyncio.sleep(0.05)  # the display is slower than the air
            path = await site.post("/pairing/answer", answer=cuff.passkey)
            continue
        if titles[-1] == words("fr").said(Stage.RESTING).title and len(cuff.memory) == 0:
            measure(cuff)
        path = answer.headers.get("refresh", "").partition("url=")[2]
    return titles


async def test_a_cuff_is_paired_through_the_page_alone(
    site: Site, air: Air, radio: Radio, capsys: pytest.CaptureFixture[str]
):
    cuff = await cuff_on(air, Asks.PASSKEY)
    site.house.take(kit_of(radio, site.house.box.desk))
    assert await site.post("/pairing", model=SBM69) == "/pairing"
    assert await site.post("/pairing", model=SBM69) == "/pairing"
    titles = await help_through_the_page(site, cuff)
    assert site.house.box.desk.progress
    assert site.house.box.desk.progress.cause is None
    w = words("fr")
    for stage in (Stage.CODE, Stage.RESTING, Stage.DONE):
        assert w.said(stage).title in titles
    assert "132/78\u00a0mmHg et 64\u00a0battements par minute" in await site.text("/pairing")
    assert len(site.items) >= 2
    assert (await site.text("/")).count("Silvercrest SBM 69") == 2
    written = "".join(capsys.readouterr())
    assert "132" not in written
    assert "SBM69" not in written


async def test_a_stopped_pairing_is_stopped_for_every_visitor(site: Site, radio: Radio):
    site.house.take(kit_of(radio, site.house.box.desk))
    await site.post("/pairing", model=SBM69)
    assert "En cours" not in await site.text("/")
    assert 'href="/pairing"' in await site.text("/")
    async with httpx.AsyncClient(base_url=site.client.base_url, cookies=site.client.cookies) as two:
        searching = unescape((await two.get("/pairing")).text)
        assert words("fr").said(Stage.SEARCHING).title in searching
        await site.post("/pairing/stop")
        stopped = unescape((await two.get("/pairing")).text)
        assert words("fr").said(Cause.STOPPED).title in stopped


async def test_a_taken_port_or_none_leaves_the_gateway_alone(site: Site):
    port = urlsplit(str(site.client.base_url)).port
    assert port
    for one in (port, 0):
        async with served(site.house, one):
            pass


def test_both_languages_say_the_same_things():
    keys = [set(words(language).entries) for language in LANGUAGES]
    assert keys[0] == keys[1]
    for kind in Kind:
        assert {f"kind.{kind}", f"measure.{kind}"} <= keys[0]
        assert (Path(choose.__file__).parent / f"static/kinds/{kind}.svg").exists()


def test_times_are_those_of_the_home_whatever_the_box_goes_by():
    night = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert words("fr", ZoneInfo("Europe/Paris")).moment(night, night + timedelta(hours=9)) == (
        "aujourd'hui à 0\u00a0h\u00a030"
    )
    assert words("en", ZoneInfo("America/Cayenne")).clock(night) == "19:30"


def test_times_are_said_as_one_says_them(monkeypatch: pytest.MonkeyPatch):
    now = datetime.now().astimezone().replace(hour=18, minute=4)
    french, english = words("fr"), words("en")
    assert french.moment(now, now) == "aujourd'hui à 18\u00a0h\u00a004"
    assert english.moment(now - timedelta(days=1), now) == "yesterday at 18:04"
    old = now.replace(year=2026, month=2, day=3, hour=9)
    assert french.moment(old, old + timedelta(days=90)) == "le 3 février à 9\u00a0h\u00a004"
    assert french.figures(("36.5 °C",)) == "36,5\u00a0°C"
    assert english.figures(()) == ""
