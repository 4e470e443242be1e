"""No log of any process, ours or a server's, says whose a measurement is, or how much it was."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal

import httpx
import psycopg
import pytest

from balise.stack.ports import free
from bench.line import Line, running
from bench.waiting import until_async
from care.web import accounts
from devices.virtual.air import Air
from devices.virtual.weight_scale import WeightScale
from ingest.mqtt import Broker

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HOME, ADDRESS, PASSWORD = "home-logged", "C0:00:00:00:0D:01", "a long enough password"
CODE, BORN, PHONE, INS = "p-x9k2", "1931-02-03", "0241987654", "269054958815780"
WEIGHT, FAMILY, GIVEN = "81.235", "Zwingelstein", "Ursuline"
NOTE, WRONG = "éclampsie", "mot-de-81.235"
MARKS = (WEIGHT, "81,235", FAMILY, GIVEN, NOTE, PASSWORD, WRONG, CODE, BORN, PHONE, INS)
"""No second of a minute is written like this weight; the names are nobody's."""
PARTS = ("postgres", "broker", "prefect", "receive", "flows", "web", HOME)
"""Whoever has something to say of servers that were killed; of `watch` the page is looked at."""


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {"web": free(), "watch": free()}


@pytest.fixture(scope="module")
def line(ports: dict[str, int]) -> Iterator[Line]:
    members = ("receive", "flows serve --no-schedules", "web", "watch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BALISE_WEB_PORT", str(ports["web"]))
        patch.setenv("BALISE_LOG_LEVEL", "debug")
        with running(prefect=True, members=members[:3]) as started:
            port = str(ports["watch"])
            started.add("watch", BALISE_METRICS_PORT=port)
            subject = started.enrol(HOME, {ADDRESS: "Scale"}, pathway="heart_failure")
            with psycopg.connect(started.settings.database_url, autocommit=True) as database:
                database.execute(
                    "UPDATE identity SET family = %s, given = %s, birth_date = %s, phone = %s,"
                    " ins = %s, ins_kind = 'nir', status = 'retrieved' WHERE subject = %s",
                    (FAMILY, GIVEN, BORN, PHONE, INS, subject),
                )
                database.execute("UPDATE subject SET code = %s WHERE id = %s", (CODE, subject))
                accounts.add(database, "nurse", PASSWORD, role="clinician")
            yield started


async def test_no_log_says_whose_or_how_much(line: Line, ports: dict[str, int]):
    scale = WeightScale(address=ADDRESS, name="Scale", linger=3600)
    page = f"http://127.0.0.1:{ports['web']}"
    async with Air() as air, httpx.AsyncClient(base_url=page, follow_redirects=True) as nurse:
        await air.add(scale)
        line.add_gateway(HOME, air.radio)
        scale.measure(weight=Decimal(WEIGHT))
        await until(line, lambda: readings(line) == 1)
        await until(line, lambda: is_up(page))
        await ill_used(nurse)
        shown = await nurse.get(f"/patients/{CODE}")
        assert FAMILY in shown.text
        assert WEIGHT.replace(".", ",") in shown.text
        watched = await nurse.get(f"http://127.0.0.1:{ports['watch']}/metrics")
        await asyncio.to_thread(nonsense, line)
        run(line, FAILING)
        note = await nurse.post(f"/patients/{CODE}/notes", data={"text": NOTE})
        assert note.status_code == 500
        scale.measure(weight=Decimal(WEIGHT))
        await until(line, lambda: "NotNullViolation" in logs(line)["flows serve --no-schedules"])
        run(line, MENDED)
        for server in ("postgres", "broker"):
            os.kill(line.stack.pid(server), signal.SIGKILL)
        scale.measure(weight=Decimal(WEIGHT))
        await until(line, lambda: readings(line) == 3)
    said = {**logs(line), "metrics": watched.text}
    for part in PARTS:
        assert [text for name, text in said.items() if name.startswith(part) and text], part
    for name, text in said.items():
        found = [one for one in text.splitlines() if any(mark in one for mark in MARKS)]
        assert found == [], name


async def ill_used(nurse: httpx.AsyncClient) -> None:
    """Sign in, after a wrong password, and send what no form has."""
    for password in (WRONG, PASSWORD):
        await nurse.post("/sign-in", data={"name": "nurse", "password": password})
    await nurse.post(f"/patients/{CODE}/notes", data={"text": f"{NOTE} {WEIGHT}"})
    await nurse.post(f"/patients/{CODE}/notes", data={"txet": f"{NOTE} {WEIGHT}"})
    await nurse.get(f"/patients/{FAMILY}", params={"value": WEIGHT})
    await nurse.get("/fhir/Patient", params={"name": FAMILY, "birthdate": WEIGHT})
    await nurse.get(f"/fhir/Observation?patient={FAMILY}&date=ge{WEIGHT}")


def is_up(page: str) -> bool:
    try:
        return httpx.get(f"{page}/healthz").is_success
    except httpx.TransportError:
        return False


def nonsense(line: Line) -> None:
    """Send what can't be read, with a name and a value in it."""
    broker = Broker(line.of_gateway(HOME))
    client = broker.client(f"balise-gateway-{HOME}-2")
    client.connect(broker.host, broker.port)
    client.loop_start()
    for topic in (f"balise/v1/{HOME}/frames", f"balise/v1/{HOME}/{FAMILY}/{WEIGHT}"):
        body = f'{{"name": "{FAMILY}", "weight": {WEIGHT}, "items": [{{}}]}}'
        client.publish(topic, body, qos=1).wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


FAILING = f"""
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE not_null_violation USING MESSAGE = 'of a patient', DETAIL = '{WEIGHT} {FAMILY}';
END $$;
CREATE TRIGGER fail BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION fail();
CREATE TRIGGER fail BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION fail();
"""
"""An error whose text holds a name and a value, as that of a constraint or of a COPY does."""
MENDED = "DROP TRIGGER fail ON account; DROP TRIGGER fail ON note"


def run(line: Line, statements: str) -> None:
    with psycopg.connect(line.settings.database_url) as database:
        database.execute(statements.encode())


def readings(line: Line) -> int:
    try:
        with psycopg.connect(line.settings.database_url) as database:
            row = database.execute("SELECT count(*) FROM reading").fetchone()
    except psycopg.OperationalError:
        return 0
    return int(row[0]) if row else 0


def logs(line: Line) -> dict[str, str]:
    return {path.stem: path.read_text(errors="replace") for path in line.fleet.logs.glob("*.log*")}


async def until(line: Line, condition: Callable[[], bool]) -> None:
    await until_async(condition, meanwhile=line.keep_running, poll=0.2)
