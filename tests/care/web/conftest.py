from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest
import uvicorn

from balise.settings import Settings
from care.web import accounts
from care.web.app import create_app
from demo.enrol import enrol_one
from demo.history import documents
from demo.patients import PATIENTS
from devices.payloads import balise_v1
from flows import judging, steps
from ingest.receive import Delivery, land
from sql import people

PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def populated(new_database: Callable[[], str]) -> str:
    """A database with the virtual patients' sixty days, gone through the whole line."""
    url = new_database()
    now = datetime.now(UTC)
    with psycopg.connect(url, autocommit=True) as connection:
        for patient in PATIENTS:
            subject = enrol_one(connection, patient, now - timedelta(days=90))
            device = f"import/{patient.code}"
            people.give(connection, device, subject, since=now - timedelta(days=90))
            bodies = [
                balise_v1.encode_item(
                    balise_v1.Item(device=device, convention=one.convention, document=one.text)
                )
                for one in documents(patient, now)
            ]
            payload = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
            land(connection, [Delivery(1, 1, f"balise/v1/{patient.gateway}/frames", payload)], now)
        accounts.add(connection, "nurse", PASSWORD, role="clinician")
        accounts.add(connection, "coordinator", PASSWORD, role="coordinator")
        accounts.add(connection, "keeper", PASSWORD, role="ops", panels=())
    steps.run_line(url, now)
    with psycopg.connect(url, autocommit=True) as connection:
        judging.assess(connection, now, everyone=True)
    return url


SCALE = "C0:00:00:00:00:77"


@pytest.fixture(scope="module")
def refusals(populated: str) -> int:
    """A weight of 81.5 kg from a scale that is nobody's, and a message that is none; the first."""
    frame = balise_v1.Item(
        device=SCALE,
        captured_at=datetime.now(UTC),
        service="181D",
        characteristic="2A9D",
        data="00ac3f",
    )
    payload = balise_v1.encode_message(uuid4(), [(1, balise_v1.encode_item(frame))])
    with psycopg.connect(populated, autocommit=True) as connection:
        for one in (payload, b"<not-a-message>"):
            land(connection, [Delivery(1, 1, "balise/v1/home/frames", one)], datetime.now(UTC))
        steps.validate(connection)
        row = connection.execute("SELECT min(landing) FROM refused WHERE device = %s", (SCALE,))
        return int(str(next(row)[0]))


Serve = Callable[[Settings], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def serve() -> Serve:
    """Serve the pages of some settings."""
    return served


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The pages, served by a real uvicorn, at the port that settings call them by if they do."""
    port = urlsplit(settings.server_url).port or 0
    config = uvicorn.Config(create_app(settings), port=port, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def site(populated: str, serve: Serve) -> Iterator[str]:
    """The pages of the virtual patients."""
    with serve(Settings(database_url=populated)) as url:
        yield url


@pytest.fixture
def keeper(site: str) -> Iterator[httpx.Client]:
    client = signed_in(site, "keeper")
    yield client
    client.close()


@pytest.fixture
def coordinator(site: str) -> Iterator[httpx.Client]:
    client = signed_in(site, "coordinator")
    yield client
    client.close()


@pytest.fixture
def nurse(site: str) -> Iterator[httpx.Client]:
    client = signed_in(site, "nurse")
    yield client
    client.close()


def signed_in(site: str, name: str) -> httpx.Client:
    client = httpx.Client(base_url=site, follow_redirects=True, timeout=60)
    client.post("/sign-in", data={"name": name, "password": PASSWORD})
    return client


@pytest.fixture
def visit(site: str) -> Iterator[Callable[[str], httpx.Client]]:
    """Sign in as somebody; "" stays outside."""
    clients: list[httpx.Client] = []

    def enter(name: str) -> httpx.Client:
        client = httpx.Client(base_url=site, follow_redirects=True, timeout=60)
        clients.append(client)
        if name:
            answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 200
        return client

    yield enter
    for one in clients:
        one.close()
