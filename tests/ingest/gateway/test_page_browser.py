"""The patient's page in a real Chromium: every screen, both languages, small and large, axe clean.

`BALISE_SCREENSHOTS=folder` keeps a picture of each.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from balise.settings import Settings
from ingest.gateway import devices
from ingest.gateway.box import Box
from ingest.gateway.devices import KnownDevice
from ingest.gateway.kit import Kit
from ingest.gateway.page.door import SHUT_SECONDS
from ingest.gateway.page.house import House, house_of
from ingest.gateway.page.serve import bound, serving
from ingest.gateway.pairing.desk import Progress
from ingest.gateway.pairing.stages import Cause, Stage

pytestmark = [pytest.mark.browser]
MODEL = "silvercrest-sbm69"
FIGURES = ("132/78 mmHg", "64 /min")
DEVICES = [
    KnownDevice(address="F0:00:00:00:00:01", model=MODEL),
    KnownDevice(address="F0:00:00:00:00:02", model="xiaomi-mi-body-composition-scale"),
]


@dataclass
class Line:
    waiting: int = 0
    connected: bool = True
    full: bool = False


class Home:
    """A box that serves its page from a thread, and what happens to it."""

    def __init__(self, folder: Path) -> None:
        self.line = Line()
        self.code = ""
        self.url = ""
        self.house: House
        self._folder = folder
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        path = self._folder / "devices.json"
        devices.write(path, DEVICES)
        box = Box(
            "home-1",
            path,
            lambda _item: None,
            waiting=lambda: self.line.waiting,
            connected=lambda: self.line.connected,
        )
        settings = Settings(gateway_phone="01 23 45 67 89", gateway_message="Bravo, tout va bien.")
        self.house = replace(house_of(settings, self._folder, box), full=lambda: self.line.full)
        self.code = (self._folder / "page-code").read_text().strip()
        listening = bound(0)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with serving(self.house, listening):
            self._started.set()
            await self._stop.wait()

    def does(self, work: Callable[[], object]) -> None:
        """Do something in the box's own thread."""
        done: Future[object] = Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(work()))
        done.result(5)

    def listens(self) -> None:
        self.house.ear._task = self._loop.create_task(asyncio.sleep(60))

    def shows(self, stage: Stage, model: str = MODEL, **more: Any) -> None:
        progress = Progress(model, stage, **more)
        self.does(lambda: self.house.box.desk.show(progress))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(tmp_path) as home:
        yield home


@dataclass
class Looker:
    """Opens screens, and looks at each as axe and as a narrow window do."""

    page: Page
    home: Home
    width: int
    suffix: str

    def at(self, path: str, name: str) -> None:
        # A screen that asks again by itself would end the visit of a slow machine.
        self.page.goto("about:blank")
        self.page.route("**/*", still)
        self.page.goto(f"{self.home.url}{path}", wait_until="load")
        self.page.unroute_all()
        self.look(name)

    def look(self, name: str) -> None:
        shots = os.environ.get("BALISE_SCREENSHOTS")
        if shots:
            Path(shots).mkdir(parents=True, exist_ok=True)
            file = Path(shots) / f"{name}-{self.suffix}.png"
            self.page.screenshot(path=file, full_page=True)
        results = Axe().run(self.page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width, name
        assert self.page.evaluate(SMALL) == [], name


def still(route: Route) -> None:
    """Answer with what the box says, but for when to ask again."""
    answer = route.fetch()
    headers = {name: said for name, said in answer.headers.items() if name != "refresh"}
    route.fulfill(response=answer, headers=headers)


SMALL = """() => [...document.querySelectorAll(
    'a, button, select, input:not([type=hidden]), summary')]
  .filter(one => !one.matches('.skip') && one.checkVisibility())
  .filter(one => one.getBoundingClientRect().height < 44 || one.getBoundingClientRect().width < 44)
  .map(one => one.outerHTML)"""


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_every_screen_is_axe_clean_fits_and_has_large_targets(
    browser: Browser, home: Home, language: str, width: int
):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, locale=language, bypass_csp=True
    )
    look = Looker(context.new_page(), home, width, f"{language}-{width}")
    the_door(look)
    the_home(look)
    the_choice(look)
    the_pairing(look)
    context.close()


def the_door(look: Looker) -> None:
    look.at("/", "00-code")
    for _ in range(5):
        look.page.fill("#code", "12")
        look.page.click("main button")
        if _ == 0:
            look.look("01-code-wrong")
    look.look("02-code-shut")
    door = look.home.house.door
    door._shut_until -= SHUT_SECONDS
    look.page.goto(f"{look.home.url}/?code={look.home.code}")
    look.page.wait_for_url(f"{look.home.url}/")


def the_home(look: Looker) -> None:
    home = look.home
    look.at("/", "03-home-no-radio")
    home.does(lambda: home.house.take(cast("Kit", object())))
    for one in home.house.box.agent.contacts.values():
        one.told_at = datetime.now(UTC)
    look.at("/", "04-home-sent")
    home.line.waiting, home.line.connected = 12, False
    home.does(home.house.story._look_at_the_line)
    look.at("/", "05-home-offline")
    home.line.full = True
    look.at("/", "06-home-full")
    home.line.waiting, home.line.connected, home.line.full = 1, True, False
    look.at("/", "07-home-sending")
    look.at("/nowhere", "08-not-found")
    look.at("/sheet", "09-sheet")
    contact = next(iter(home.house.box.agent.contacts.values()))
    contact.trouble = Cause.BOND_LOST
    look.at("/", "09-home-bond-lost")
    contact.trouble = None


def the_choice(look: Looker) -> None:
    look.at("/add", "10-kinds")
    look.at("/add/kind/blood_pressure_monitor", "11-models")
    look.at(f"/add/model/{MODEL}", "12-model")
    look.at(f"/add/model/{MODEL}?wrong=radio", "13-model-no-radio")
    look.at("/add/unknown", "14-unknown")
    look.home.does(look.home.listens)
    look.at("/add/heard", "15-listening")
    look.home.house.ear._task = None
    look.at("/add/heard", "15-heard-nothing")
    look.home.house.ear._names = {"SBM69", "BLESmart_0000016F"}
    look.at("/add/heard", "16-heard")


def the_pairing(look: Looker) -> None:
    for number, stage in enumerate(Stage, 20):
        if stage is Stage.FAILED:
            continue
        look.home.shows(stage, digits="042137", figures=FIGURES)
        look.at("/pairing", f"{number}-{stage}")
        if stage is Stage.CODE:
            look.at("/pairing?wrong=code", f"{number}-{stage}-wrong")
            assert look.page.evaluate("document.activeElement.className") == "error"
        if stage is Stage.CONSENT:
            look.home.shows(stage, "beurer-bf600")
            look.at("/pairing?wrong=code", f"{number}-{stage}-wrong")
        if stage is Stage.SEARCHING:
            look.at("/", f"{number}-home-meanwhile")
    for number, cause in enumerate(Cause, 30):
        look.home.shows(Stage.FAILED, cause=cause)
        look.at("/pairing", f"{number}-failed-{cause}")


def test_nobody_needs_javascript_and_the_page_changes_by_itself(browser: Browser, home: Home):
    context = browser.new_context(java_script_enabled=False, locale="fr")
    page, asked = context.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{home.url}/?code={home.code}")
    page.click("text=Ajouter un appareil")
    page.click("text=Tensiomètre")
    page.click("text=SBM 69")
    assert page.locator("ol.steps li").count() == 6
    home.shows(Stage.SEARCHING)
    page.goto(f"{home.url}/pairing")
    page.wait_for_timeout(1500)
    home.shows(Stage.CONNECTING)
    page.wait_for_selector("text=L'appareil est trouvé", timeout=60_000)
    home.shows(Stage.CODE)
    page.wait_for_selector("#code", timeout=60_000)
    page.keyboard.type("042 1")  # the field has the focus
    page.wait_for_timeout(2500)
    assert page.input_value("#code") == "042 1"
    home.shows(Stage.RESTING, figures=FIGURES)
    page.click("main form button >> nth=0")
    page.wait_for_selector("text=Nous avons reçu 132/78")
    page.click("header a.language")
    page.wait_for_selector("text=We received 132/78")
    page.click("main form button")
    home.shows(Stage.DONE, figures=FIGURES)
    page.wait_for_selector("text=It is done", timeout=60_000)
    assert all(url.startswith(home.url) for url in asked)
    context.close()
