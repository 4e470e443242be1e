"""`balise bench latency`: from a message to the landing, from a measurement to the page.

Messages of one reading come a hundred a second; the clock runs until the receiver's commit is heard
of. Then a virtual thermometer measures, until the value is in the HTML that a signed-in clinician's
browser gets. Gateway, receiver, flows and pages are the real processes.
"""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal

import httpx
import psycopg

from balise.stack.ports import free
from bench import machine
from bench.landing import Landing
from bench.line import Line, running
from bench.rounds import share
from bench.stream import Stream
from care.web import accounts
from devices.virtual.air import Air
from devices.virtual.thermometer import Thermometer

_ADDRESS = "C0:00:00:00:0B:01"
_HOME = "bench-home"
_POLL = 0.05
_LIMIT_SECONDS = 60.0


def main(readings: int, messages: int) -> None:
    """Print the latencies' medians and percentiles, in seconds, as one JSON object."""
    with running(prefect=True, members=("receive",)) as line:
        facts = machine.facts(line.settings.database_url)
        landing = Landing(line, Stream(homes=20, readings=messages, per_message=1)).measure()
        port = free()
        line.fleet.add("web", "web", BALISE_WEB_PORT=str(port))
        line.fleet.add("flows", "flows", "serve", "--no-schedules")
        line.enrol(_HOME, {_ADDRESS: "Thermometer"}, pathway="respiratory_failure")
        seconds = asyncio.run(_measure(line, port, readings))
    print(json.dumps({"machine": facts, "landing": report(landing), "page": report(seconds)}))


def report(seconds: list[float]) -> dict[str, float | int]:
    """Return what is said of the latencies."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    said = {f"{name}_seconds": round(share(seconds, part), 4) for name, part in shares.items()}
    return {"readings": len(seconds)} | said


async def _measure(line: Line, port: int, readings: int) -> list[float]:
    thermometer = Thermometer(address=_ADDRESS, name="Bench", linger=3600)
    async with (
        Air() as air,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as browser,
    ):
        await air.add(thermometer)
        line.add_gateway(_HOME, air.radio)
        await _sign_in(line, browser)
        # The first is the warm-up: connection, first flow run.
        seconds = [await _one(thermometer, browser, number) for number in range(readings + 1)]
    return seconds[1:]


async def _sign_in(line: Line, browser: httpx.AsyncClient) -> None:
    with psycopg.connect(line.settings.database_url, autocommit=True) as connection:
        accounts.add(connection, "bench", "bench", role="clinician")
    until = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < until:
        try:
            answer = await browser.post("/sign-in", data={"name": "bench", "password": "bench"})
        except httpx.ConnectError:
            await asyncio.sleep(_POLL)
        else:
            answer.raise_for_status() if answer.is_error else None
            return


async def _one(thermometer: Thermometer, browser: httpx.AsyncClient, number: int) -> float:
    value = Decimal("36.00") + Decimal(number) / 100
    shown = f"{value:f}".replace(".", ",") + " °C"
    began = time.monotonic()
    thermometer.measure(temperature=value)
    while time.monotonic() - began < _LIMIT_SECONDS:
        page = await browser.get(f"/patients/{_HOME}?days=7")
        if shown in page.text:
            return time.monotonic() - began
        await asyncio.sleep(_POLL)
    raise TimeoutError(f"reading {number} is not on the page after {_LIMIT_SECONDS:.0f} s")
