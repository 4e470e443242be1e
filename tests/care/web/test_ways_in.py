"""What ends a way in ends it at once, and who comes in crowds takes no one else's place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest
from prometheus_client import REGISTRY

from balise.settings import Settings
from care.web import accounts, visit
from care.web.app import create_app
from sql import rows
from sql.roles import digest

pytestmark = pytest.mark.stack

PASSWORD, OTHER = "a long enough password", "quite another password"
HOUSE = "2001:db8:1:2::"
HOUR = timedelta(hours=1)


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(populated, autocommit=True) as connection:
        connection.execute("DELETE FROM sign_in_refused")
        yield connection


Enter = Callable[..., httpx.Client]


@pytest.fixture
def enter(database: psycopg.Connection, site: str) -> Iterator[Enter]:
    """Sign in as somebody who is there, or is made."""
    clients: list[httpx.Client] = []

    def enter(name: str, *, role: str = "clinician", password: str = PASSWORD) -> httpx.Client:
        if not database.execute("SELECT FROM login WHERE name = %s", (name,)).rowcount:
            accounts.add(database, name, PASSWORD, role=role)
        clients.append(httpx.Client(base_url=site, follow_redirects=True))
        clients[-1].post("/sign-in", data={"name": name, "password": password})
        return clients[-1]

    yield enter
    for one in clients:
        one.close()


def is_in(client: httpx.Client) -> bool:
    return client.get("/").url.path != "/sign-in"


def test_a_new_link_is_the_one_way_in_from_then_on(enter: Enter):
    owner, admin = enter("relinked"), enter("head", role="admin")
    assert is_in(owner)
    admin.post("/accounts", data={"name": "relinked", "role": "clinician", "panel": "site"})
    assert not is_in(owner)
    assert not is_in(enter("relinked"))


def test_a_link_by_command_is_so_too(enter: Enter, database: psycopg.Connection):
    owner = enter("commanded")
    token = accounts.invite(database, "commanded", role=None, panels=())
    assert not is_in(owner)
    assert not is_in(enter("commanded"))
    assert accounts.use_link(database, token, OTHER) == "commanded"
    assert is_in(enter("commanded", password=OTHER))


def test_a_password_that_was_changed_while_it_was_checked_opens_nothing(
    enter: Enter, database: psycopg.Connection
):
    assert is_in(enter("racer"))
    old = rows.value(database, "accounts.find", name="racer")
    accounts.add(database, "racer", OTHER, role=None, panels=())
    keys = {"name": "racer", "lifetime": HOUR, "idle": HOUR}
    opened = rows.value(database, "accounts.open_session", digest=digest("t"), hash=old, **keys)
    assert opened is False
    new = rows.value(database, "accounts.find", name="racer")
    assert rows.value(database, "accounts.open_session", digest=digest("t"), hash=new, **keys)


def test_who_was_closed_and_comes_again_follows_nobody(enter: Enter, database: psycopg.Connection):
    enter("leaver")
    admin = enter("head", role="admin")
    held = "SELECT panel FROM panel_account WHERE account = 'leaver' AND left_at IS NULL"
    assert database.execute(held).fetchall() == [("site",)]
    admin.post("/accounts/leaver/shut")
    admin.post("/accounts", data={"name": "leaver", "role": "clinician", "panel": ""})
    assert database.execute(held).fetchall() == []


def test_nobody_is_shut_who_is_not_there(enter: Enter, database: psycopg.Connection):
    def written() -> int:
        rows = database.execute("SELECT FROM audit WHERE what LIKE '%%: shut'")
        return rows.rowcount

    before = written()
    enter("head", role="admin").post(f"/accounts/{'x' * 5000}/shut")
    assert written() == before


def test_a_house_has_one_count_however_many_addresses(database: psycopg.Connection):
    def guess(number: int) -> bool:
        return accounts.knows_password(
            database, f"name{number}", "wrong", address=f"{HOUSE}{number:x}"
        )

    for number in range(accounts.MOST[2]):
        assert not guess(number)
    with pytest.raises(accounts.Guessed):
        guess(999)


def test_many_houses_have_one_count_for_a_name(database: psycopg.Connection):
    for number in range(accounts.MOST[1]):
        accounts.knows_password(database, "wanted", "wrong", address=f"192.0.2.{number}")
    with pytest.raises(accounts.Guessed):
        accounts.knows_password(database, "wanted", "wrong", address="198.51.100.1")


def test_who_is_not_let_in_is_told_without_a_name(
    database: psycopg.Connection, caplog: pytest.LogCaptureFixture
):
    def count(why: str) -> float:
        return REGISTRY.get_sample_value("balise_sign_in_refused_total", {"why": why}) or 0

    before = count("wrong"), count("held_off")
    caplog.set_level(logging.INFO)
    for _ in range(accounts.MOST[0]):
        accounts.knows_password(database, "secretive", "wrong", address="192.0.2.77")
    with pytest.raises(accounts.Guessed):
        accounts.knows_password(database, "secretive", "wrong", address="192.0.2.77")
    assert (count("wrong"), count("held_off")) == (before[0] + accounts.MOST[0], before[1] + 1)
    assert "secretive" not in caplog.text


async def test_a_program_with_the_right_password_may_ask_for_much_at_once(
    database: psycopg.Connection, site: str
):
    accounts.add(database, "parallel", PASSWORD, role="clinician")
    async with httpx.AsyncClient(auth=("parallel", PASSWORD), timeout=120) as client:
        asked = [client.get(f"{site}/fhir/Patient?_count=1") for _ in range(12)]
        answers = await asyncio.gather(*asked)
    assert [one.status_code for one in answers] == [200] * 12


async def test_a_crowd_leaves_the_database_to_the_line(populated: str):
    """A hundred at once hold twenty connections; the others wait their turn."""
    app = create_app(Settings(database_url=populated))
    most, ended = 0, False

    async def watch() -> None:
        nonlocal most
        with psycopg.connect(populated, autocommit=True) as database:
            while not ended:
                query = (
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND backend_type = 'client backend'"
                )
                most = max(most, int(str(database.execute(query).fetchall()[0][0])))
                await asyncio.sleep(0.01)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x", timeout=120) as client:
        watching = asyncio.create_task(watch())
        answers = await asyncio.gather(*(client.get("/welcome/x") for _ in range(100)))
        ended = True
        await watching
    assert {one.status_code for one in answers} <= {404, 503}
    assert 404 in {one.status_code for one in answers}
    assert 1 < most <= visit.AT_ONCE + 10  # the watcher, and the database's own


async def test_who_waits_too_long_is_told_to_come_again(
    populated: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(visit, "TURN_SECONDS", 0.05)
    app = create_app(Settings(database_url=populated))
    app.state.turns = asyncio.Semaphore(0)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/welcome/x")
        alive = await client.get("/healthz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert alive.status_code == 200
