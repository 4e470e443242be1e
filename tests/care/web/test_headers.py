"""What every answer tells the browser, whoever asks, whatever is asked, and what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import psycopg
import pytest

from balise.settings import Settings
from balise.stack.ports import free
from care.web import accounts
from care.web.app import create_app
from care.web.words import words

pytestmark = pytest.mark.stack

Serve = Callable[[Settings], AbstractContextManager[str]]

PASSWORD = "a long enough password"
HTML = {"Accept": "text/html"}
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
CALLS = [
    (method, path)
    for path, methods in create_app(Settings()).openapi()["paths"].items()
    for method in methods
]


@pytest.fixture(scope="module")
def people(site: str, populated: str) -> Iterator[dict[str, httpx.Client]]:
    """Who may come in, each signed in, and nobody; none of them follows an answer elsewhere."""
    with psycopg.connect(populated, autocommit=True) as database:
        accounts.add(database, "head", PASSWORD, role="admin", panels=())
    clients = {name: httpx.Client(base_url=site) for name in ("nurse", "keeper", "head", "")}
    for name, client in clients.items():
        client.post("/sign-in", data={"name": name, "password": PASSWORD})
    yield clients
    for client in clients.values():
        client.close()


def told(answer: httpx.Response) -> dict[str, str]:
    """Return what an answer says of what `ALWAYS` has."""
    return {name: answer.headers.get(name, "") for name in ALWAYS}


@pytest.mark.parametrize("who", ["nurse", "keeper", "head", ""])
def test_every_route_says_the_same(people: dict[str, httpx.Client], who: str):
    calls = [one for one in CALLS if one[1] not in {"/sign-out", "/sign-in"}]
    assert len(calls) > 70
    for method, path in calls:
        where = re.sub(r"\{code\}", "p-martin", path)
        answer = people[who].request(method, re.sub(r"\{\w+\}", "1", where))
        assert (told(answer), method, path) == (ALWAYS, method, path)


def test_what_goes_wrong_says_it_too(people: dict[str, httpx.Client]):
    nurse, one = people["nurse"], people[""]
    wrong = {
        404: nurse.get("/no-such-page"),
        405: nurse.request("DELETE", "/"),
        403: nurse.post("/language", headers={"Origin": "https://elsewhere.example"}),
        422: nurse.get("/?start=abc"),
        413: nurse.post("/language", content=b"x" * 300_000),
        401: one.post("/sign-in", data={"name": "nobody", "password": "x"}),
        303: one.get("/"),
    }
    assert {status: answer.status_code for status, answer in wrong.items()} == {s: s for s in wrong}
    assert {status: told(answer) for status, answer in wrong.items()} == dict.fromkeys(
        wrong, ALWAYS
    )


def test_only_what_is_everybody_s_is_kept(site: str):
    style = re.findall(r'href="(/static/[^"]+\.css[^"]*)"', httpx.get(f"{site}/sign-in").text)
    answer = httpx.get(f"{site}{style[0]}")
    assert told(answer) == ALWAYS | {"cache-control": "public, max-age=3600"}


def test_a_session_is_a_cookie_that_no_script_and_no_other_site_can_use(site: str):
    form = {"name": "nurse", "password": PASSWORD}
    cookie = httpx.post(f"{site}/sign-in", data=form).headers["set-cookie"]
    value, _, flags = cookie.partition("; ")
    assert re.fullmatch(r"balise_session=[\w-]{43}", value)
    assert flags == "HttpOnly; Max-Age=43200; Path=/; SameSite=lax"


def test_behind_https_a_browser_comes_by_no_other_way(populated: str, serve: Serve):
    form = {"name": "nurse", "password": PASSWORD}
    with serve(Settings(database_url=populated, web_secure_cookies=True)) as url:
        answers = [httpx.get(f"{url}/sign-in"), httpx.get(f"{url}/x"), httpx.get(f"{url}/static/x")]
        cookie = httpx.post(f"{url}/sign-in", data=form).headers["set-cookie"]
    said = [one.headers["strict-transport-security"] for one in answers]
    assert said == ["max-age=31536000"] * 3
    assert cookie.endswith("; HttpOnly; Max-Age=43200; Path=/; SameSite=lax; Secure")


def test_without_it_none_is_told_to(site: str):
    assert "strict-transport-security" not in httpx.get(f"{site}/sign-in").headers


def test_health_is_said_in_a_word(site: str):
    assert httpx.get(f"{site}/healthz").text == httpx.get(f"{site}/readyz").text == "ok\n"


def test_a_database_that_is_away_is_said_in_words(serve: Serve):
    away = f"postgresql://balise:hidden@127.0.0.1:{free()}/balise"
    with serve(Settings(database_url=away)) as url:
        page = httpx.post(f"{url}/sign-in", data={"name": "nurse", "password": "x"}, headers=HTML)
        outcome = httpx.get(f"{url}/fhir/Patient")
        ready = httpx.get(f"{url}/readyz")
    assert [one.status_code for one in (page, outcome, ready)] == [503] * 3
    assert words("fr")("away.title") in page.text
    assert outcome.json()["issue"][0]["code"] == "transient"
    assert [told(one) for one in (page, outcome, ready)] == [ALWAYS] * 3
    assert page.headers["retry-after"] == "60"
    assert "hidden" not in page.text + outcome.text


def test_an_error_of_ours_is_said_in_words(new_database: Callable[[], str], serve: Serve):
    database = new_database()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE web_session CASCADE")
    sent = {"Cookie": "balise_session=any"}
    with serve(Settings(database_url=database, web_secure_cookies=True)) as url:
        page = httpx.get(f"{url}/", headers=HTML | sent)
        outcome = httpx.get(f"{url}/fhir/Patient", headers=sent)
    assert [one.status_code for one in (page, outcome)] == [500] * 2
    assert words("fr")("fault.title") in page.text
    assert outcome.json()["issue"][0]["code"] == "exception"
    assert [told(one) for one in (page, outcome)] == [ALWAYS] * 2
    assert page.headers["strict-transport-security"]
    assert "web_session" not in page.text + outcome.text
