"""Signing in: guessing, waiting, links, accounts, and what an emergency opens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from care.web import accounts
from sql.roles import digest

pytestmark = pytest.mark.stack

PASSWORD = "a long enough password"
OTHER = "quite another password"
SignIn = Callable[..., httpx.Response]


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(populated, autocommit=True) as connection:
        connection.execute("DELETE FROM sign_in_refused")
        yield connection


@pytest.fixture
def person(database: psycopg.Connection, site: str) -> Iterator[SignIn]:
    """Sign in with a browser of one's own; the account is made if it isn't there."""
    clients: list[httpx.Client] = []

    def enter(name: str, password: str = PASSWORD, role: str = "clinician") -> httpx.Response:
        if not database.execute("SELECT FROM login WHERE name = %s", (name,)).rowcount:
            accounts.add(database, name, PASSWORD, role=role)
        client = httpx.Client(base_url=site, follow_redirects=True)
        clients.append(client)
        answer = client.post("/sign-in", data={"name": name, "password": password})
        answer.extensions["client"] = client
        return answer

    yield enter
    for one in clients:
        one.close()


def browser(answer: httpx.Response) -> httpx.Client:
    client = answer.extensions["client"]
    assert isinstance(client, httpx.Client)
    return client


def test_who_guesses_waits_whatever_the_password(person: SignIn):
    for _ in range(accounts.MOST[0]):
        assert person("guessed", "wrong").status_code == 401
    answer = person("guessed", PASSWORD)
    assert answer.status_code == 429
    assert "quart d\N{RIGHT SINGLE QUOTATION MARK}heure" in answer.text
    assert person("somebody.else").status_code == 200


def test_whoever_tries_many_names_waits(person: SignIn, site: str):
    for number in range(accounts.MOST[2]):
        httpx.post(f"{site}/sign-in", data={"name": f"name{number}", "password": "x"})
    assert person("nobody.guessed").status_code == 429


def test_what_was_typed_as_a_name_is_kept_nowhere(site: str, database: psycopg.Connection):
    typed = "my password by mistake"
    httpx.post(f"{site}/sign-in", data={"name": typed, "password": "x"})
    (rows,) = database.execute("SELECT count(*) FROM sign_in_refused").fetchall()
    assert rows[0]
    text = database.execute("SELECT string_agg(one::text, '') FROM sign_in_refused AS one")
    assert typed.encode().hex() not in str(text.fetchone())


def test_an_api_that_is_asked_with_guessed_passwords_closes_too(person: SignIn, site: str):
    person("program")
    codes = [
        httpx.get(f"{site}/fhir/Patient", auth=("program", "wrong")).status_code
        for _ in range(accounts.MOST[0] + 1)
    ]
    assert codes == [401] * accounts.MOST[0] + [429]


def test_a_session_nobody_uses_ends(person: SignIn, database: psycopg.Connection):
    client = browser(person("idler"))
    assert "Patients à voir" in client.get("/").text
    token = digest(client.cookies["balise_session"])
    database.execute(
        "UPDATE web_session SET idle_until = now() + interval '5 minutes' WHERE token_digest = %s",
        (token,),
    )
    client.get("/")
    row = database.execute(
        "SELECT idle_until > now() + interval '20 minutes' FROM web_session"
        " WHERE token_digest = %s",
        (token,),
    ).fetchone()
    assert row == (True,)  # it was used, and goes on
    database.execute("UPDATE web_session SET idle_until = now() WHERE token_digest = %s", (token,))
    assert client.get("/").url.path == "/sign-in"


def test_a_session_ends_at_its_last_hour_however_it_is_used(
    person: SignIn, database: psycopg.Connection
):
    client = browser(person("worker"))
    database.execute("UPDATE web_session SET expires_at = now() WHERE login = 'worker'")
    assert client.get("/").url.path == "/sign-in"


def test_an_admin_gives_an_account_and_takes_it(person: SignIn, site: str):
    admin = browser(person("head", role="admin"))
    assert admin.get("/").url.path == "/accounts"
    form = {"name": "new.nurse", "role": "clinician", "panel": "site"}
    page = admin.post("/accounts", data=form).text
    (link,) = re.findall(rf"{re.escape(site)}/welcome/[\w-]+", page)
    assert link not in admin.get("/accounts").text

    nurse = httpx.Client(follow_redirects=True)
    assert "new.nurse" in nurse.get(link).text
    short = nurse.post(link, data={"password": "short", "again": "short"})
    assert (short.status_code, "trop court" in short.text) == (422, True)
    differ = nurse.post(link, data={"password": PASSWORD, "again": OTHER})
    assert (differ.status_code, "différents" in differ.text) == (422, True)
    entered = nurse.post(link, data={"password": OTHER, "again": OTHER})
    assert "Patients à voir" in entered.text
    assert nurse.get(link).status_code == 404
    assert nurse.post(link, data={"password": OTHER, "again": OTHER}).status_code == 404

    admin.post("/accounts/new.nurse/shut")
    assert nurse.get(site).url.path == "/sign-in"
    assert person("new.nurse", OTHER).status_code == 401
    nurse.close()


def test_an_admin_can_t_shut_themselves_out(person: SignIn):
    admin = browser(person("head", role="admin"))
    admin.post("/accounts/head/shut")
    assert admin.get("/accounts").status_code == 200


@pytest.mark.parametrize("role", ["clinician", "coordinator", "ops"])
def test_nobody_else_gives_accounts(person: SignIn, role: str, database: psycopg.Connection):
    client = browser(person(f"a.{role}", role=role))
    assert client.get("/accounts").status_code == 404
    form = {"name": "friend", "role": "admin", "panel": ""}
    assert client.post("/accounts", data=form).status_code == 404
    assert client.post("/accounts/nurse/shut").status_code == 404
    assert not database.execute("SELECT FROM login WHERE name = 'friend'").rowcount


def test_the_first_admin_gets_a_link_once(database_url: str):
    with psycopg.connect(database_url, autocommit=True) as database:
        first = accounts.invite_first(database)
        assert first
        again = accounts.invite_first(database)  # nobody used it yet: it gives way to a new one
        assert again
        assert accounts.account_of_link(database, first) is None
        assert accounts.use_link(database, again, PASSWORD) == accounts.FIRST_ADMIN
        assert accounts.invite_first(database) is None
        assert accounts.use_link(database, again, OTHER) is None


def test_an_emergency_opens_a_page_and_is_written_down(
    person: SignIn, database: psycopg.Connection
):
    accounts.add(database, "locum", PASSWORD, role="clinician", panels=())
    client = browser(person("locum"))
    page = client.get("/patients/p-martin")
    assert page.status_code == 404
    assert "/emergency?code=p-martin" in page.text
    form = {"code": "p-martin", "reason": " "}
    assert client.post("/emergency", data=form).status_code == 422
    assert client.post("/emergency", data={"code": "nobody", "reason": "x"}).status_code == 404
    opened = client.post("/emergency", data={"code": "p-martin", "reason": "found on the floor"})
    assert "Martin" in opened.text
    assert client.get("/patients/p-durand").status_code == 404
    rows = database.execute(
        "SELECT role, what, cardinality(patients), split_part(reason, '/', 1) FROM audit"
        " WHERE who = 'locum' AND action = 'emergency' ORDER BY number"
    ).fetchall()
    assert rows == [
        ("clinician", "asked for a code that is nobody's", 0, ""),
        ("clinician", "POST /emergency", 1, "break_glass"),
    ]
    assert "found on the floor" in client.get("/patients/p-martin/access").text
    database.execute("UPDATE break_glass SET until = now()")
    assert client.get("/patients/p-martin").status_code == 404


def test_a_coordinator_opens_nobody(person: SignIn, database: psycopg.Connection):
    accounts.add(database, "planner", PASSWORD, role="coordinator", panels=())
    client = browser(person("planner"))
    form = {"code": "p-martin", "reason": "curious"}
    assert client.post("/emergency", data=form).status_code == 404
    assert client.get("/patients/p-martin").status_code == 404
