"""`balise bench pages`: what clinicians' pages weigh, and how long a slow machine waits for them.

A slow machine is a quarter of this one's processor behind 8 Mbit/s and 60 ms, in a real Chromium
without a cache: of every visit what the page and its style weighed on the line, and the time until
all of it was there.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import psycopg
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from balise.errors import UsageError
from balise.stack.ports import free
from bench import machine
from bench.clinic import Clinic
from bench.line import running
from care.web import accounts
from care.web.patients import PERIODS

_WHO = "bench"
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_SLOW_PROCESSOR = {"rate": 4}
_SLOW_LINE = {
    "offline": False,
    "latency": 60,
    "downloadThroughput": 1_000_000,
    "uploadThroughput": 1_000_000,
}
_START_SECONDS = 60.0
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


@dataclass(frozen=True, slots=True)
class Visit:
    """A page as a browser got it: what came over the line, and until it stood there."""

    kilobytes: float
    seconds: float


def main(*, patients: int, days: int, rounds: int) -> None:
    """Print weights and medians of times of fast and slow machines, as one JSON object."""
    if days not in PERIODS:
        raise UsageError(f"the trend page shows {', '.join(map(str, PERIODS))} days, not {days}")
    chromium = os.environ.get("BALISE_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise UsageError("no chromium here: apt-get install chromium, or set BALISE_CHROMIUM")
    port = free()
    clinic = Clinic(patients, days, 1)
    with running(prefect=False, members=()) as line:
        url = line.settings.database_url
        readings = clinic.build(url)
        with psycopg.connect(url, autocommit=True) as connection:
            accounts.add(connection, _WHO, _WHO, role="clinician")
        line.fleet.add("web", "web", BALISE_WEB_PORT=str(port))
        base = f"http://127.0.0.1:{port}"
        _wait(base)
        with _browser(chromium) as browser:
            found = measure(browser, base, clinic, rounds)
        facts = {"machine": machine.facts(url), "patients": patients, "readings": readings}
        print(json.dumps(facts | found, indent=2))


def measure(browser: Browser, base: str, clinic: Clinic, rounds: int) -> dict[str, object]:
    """Return what the worklist, all its pages and a trend page of the densest patient take."""
    trend = f"{base}/patients/{clinic.code(0)}?days={clinic.days}"
    with _signed_in(browser, base) as context:
        pages = _pages(context, base)
    listed = _of(browser, base, pages, 1, slow=False)
    found: dict[str, object] = {
        "worklist of all": {
            "pages": len(pages),
            "kilobytes": round(sum(one.kilobytes for one in listed), 1),
        }
    }
    for name, where in {"worklist": base, "trend": trend}.items():
        for slow in (False, True):
            visits = _of(browser, base, [where], rounds, slow=slow)
            found[f"{name}, {'slow' if slow else 'fast'}"] = {
                "kilobytes": round(median(one.kilobytes for one in visits), 1),
                "seconds": round(median(one.seconds for one in visits), 3),
                "seconds_at_most": round(max(one.seconds for one in visits), 3),
            }
    return found


def _of(browser: Browser, base: str, pages: list[str], rounds: int, *, slow: bool) -> list[Visit]:
    """Visit pages so often, each time with a browser that has none of it."""
    visits: list[Visit] = []
    for where in pages * rounds:
        with _signed_in(browser, base) as context:
            visits.append(_visit(context, where, slow=slow))
    return visits


def _visit(context: BrowserContext, where: str, *, slow: bool) -> Visit:
    page, weights = context.new_page(), list[float]()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda said: weights.append(said["encodedDataLength"]))
    if slow:
        session.send("Emulation.setCPUThrottlingRate", _SLOW_PROCESSOR)
        session.send("Network.emulateNetworkConditions", _SLOW_LINE)
    answer = page.goto(where, wait_until="load")
    if answer is None or not answer.ok or page.url.rstrip("/") != where.rstrip("/"):
        raise UsageError(f"{where} is not what was shown: {page.url}")
    return Visit(sum(weights) / 1000, float(page.evaluate(_LOADED)) / 1000)


def _pages(context: BrowserContext, base: str) -> list[str]:
    """Return the addresses of all pages of the worklist, by its own links."""
    page, found = context.new_page(), [f"{base}/"]
    page.goto(base)
    while (link := page.query_selector("a[rel=next]")) is not None:
        found.append(f"{base}{link.get_attribute('href')}")
        page.goto(found[-1])
    return found


@contextmanager
def _signed_in(browser: Browser, base: str) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.request.post(f"{base}/sign-in", form={"name": _WHO, "password": _WHO})
    yield context
    context.close()


@contextmanager
def _browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield started
        started.close()


def _wait(base: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{base}/readyz", timeout=5).close()  # noqa: S310 - our own
        except urllib.error.URLError:
            time.sleep(0.2)
        else:
            return
    raise UsageError("the pages did not start")
