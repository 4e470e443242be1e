"""Signing in at an OpenID provider: a real one, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from html import unescape
from pathlib import Path

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from pydantic import SecretStr

from balise.errors import ProviderDown
from balise.openid import Provider
from balise.settings import Settings
from balise.stack.ports import free
from care.web import accounts
from care.web.words import words
from sql.roles import digest

pytestmark = [pytest.mark.stack, pytest.mark.browser]

THEIR_PASSWORD = "a password of the provider's"
CLIENT = {"oidc_client": "balise", "oidc_secret": SecretStr("a secret of both: %")}
NAME = "Pro Santé Connect"
W = words("fr")
Serve = Callable[[Settings], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def settings(new_database: Callable[[], str]) -> Settings:
    """Pages that send people to a provider on this machine, which another name stands for."""
    issuer = f"http://localhost:{free()}"
    return Settings(database_url=new_database(), oidc_issuer=issuer, oidc_name=NAME, **CLIENT)


@pytest.fixture(scope="module")
def site(settings: Settings, serve: Serve) -> Iterator[str]:
    with serve(settings) as url:
        yield url


@pytest.fixture(scope="module")
def strict(settings: Settings, serve: Serve) -> Iterator[str]:
    """The pages of whoever asks the provider to be surer than it is."""
    with serve(settings.model_copy(update={"oidc_acr": "eidas1"})) as url:
        yield url


@pytest.fixture(scope="module")
def issuer(settings: Settings, site: str, strict: str) -> Iterator[str]:
    """The provider, in a process of its own."""
    program = Path(__file__).with_name("openid_provider.py")
    port = settings.oidc_issuer.rpartition(":")[2]
    command = [sys.executable, str(program), port, site, strict]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        for _ in range(600):
            try:
                httpx.get(f"{settings.oidc_issuer}/.well-known/openid-configuration")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield settings.oidc_issuer
        process.terminate()


@pytest.fixture
def database(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM login")
        yield connection


@pytest.fixture
def person(site: str, issuer: str) -> Iterator[httpx.Client]:
    """A browser of one's own, which goes where it is sent."""
    assert issuer
    with httpx.Client(base_url=site, follow_redirects=True, timeout=30) as client:
        yield client


def invited(database: psycopg.Connection, name: str, role: str = "clinician") -> str:
    return f"/welcome/{accounts.invite(database, name, role=role, panels=('site',))}"


def choose_provider(person: httpx.Client, welcome: str) -> httpx.Response:
    """Open a link and go from there to the provider."""
    page = person.get(welcome)
    return follow(person, page)


def follow(person: httpx.Client, page: httpx.Response) -> httpx.Response:
    """Go to the provider from a page, as a browser does that says where it was."""
    (there,) = re.findall(r'href="(/sign-in/outside\?[^"]*|/sign-in/outside)"', page.text)
    return person.get(unescape(there), headers={"Referer": str(page.url)})


def let_in(person: httpx.Client, page: httpx.Response, name: str) -> httpx.Response:
    """Sign in at the provider."""
    return sent(person, sent(person, page, login=name), password=THEIR_PASSWORD)


def sent(person: httpx.Client, page: httpx.Response, **fields: str) -> httpx.Response:
    """Send a form of the provider's, with what it hides."""
    hidden = dict(re.findall(r'name="(csrf_token)"[^>]*value="([^"]*)"', page.text))
    return person.post(page.url, data=hidden | fields)


def test_whoever_is_invited_may_use_the_provider_from_then_on(
    person: httpx.Client, issuer: str, database: psycopg.Connection, site: str
):
    page = choose_provider(person, invited(database, "alice.nurse"))
    assert str(page.url).startswith(issuer)
    entered = let_in(person, page, "alice")
    assert entered.url == f"{site}/"
    assert W("worklist.none") in unescape(entered.text)

    out = person.post("/sign-out")
    assert out.url.path == "/sign-in"
    assert person.get("/").url.path == "/sign-in"
    again = person.get("/sign-in/outside")  # signed in there still: nothing is asked
    assert again.url == f"{site}/"
    row = database.execute("SELECT password_hash, outside IS NOT NULL FROM login").fetchone()
    assert row == ("", True)
    whats = [
        what for (what,) in database.execute("SELECT what FROM audit ORDER BY number").fetchall()
    ]
    assert "signs in at the provider" in whats
    assert whats.count("GET /sign-in/outside/back") == 2


def test_who_they_are_there_is_not_kept(
    person: httpx.Client, issuer: str, database: psycopg.Connection
):
    let_in(person, choose_provider(person, invited(database, "somebody")), "alice")
    rows = database.execute("SELECT outside FROM login").fetchall()
    assert rows == [(digest(f"{issuer} alice"),)]


def test_another_site_makes_no_account_anybodys(
    person: httpx.Client, database: psycopg.Connection, site: str
):
    """The provider knows Alice still, and asks nothing; nor would she see whose account it is."""
    let_in(person, choose_provider(person, invited(database, "alice.nurse")), "alice")
    person.post("/sign-out")
    database.execute("DELETE FROM login")
    welcome = invited(database, "evil")
    link = welcome.rpartition("/")[2]
    for headers in ({}, {"Referer": "https://other.example/"}, {"Referer": f"{site}/welcome/x"}):
        answer = person.get(f"/sign-in/outside?link={link}", headers=headers)
        assert answer.status_code == 404
    assert person.get(welcome).status_code == 200
    assert person.get("/sign-in/outside?link=\N{CJK UNIFIED IDEOGRAPH-4E2D}").status_code == 422


def test_on_a_machine_that_others_use_who_comes_next_is_asked(
    person: httpx.Client, issuer: str, database: psycopg.Connection
):
    let_in(person, choose_provider(person, invited(database, "nurse")), "alice")
    asked = asked_anew(person, person.post("/sign-out"), issuer)
    assert sent(person, asked, password=THEIR_PASSWORD).url.path == "/"
    database.execute("UPDATE web_session SET idle_until = now()")
    asked_anew(person, person.get("/"), issuer)


def asked_anew(person: httpx.Client, page: httpx.Response, issuer: str) -> httpx.Response:
    """Go to the provider, which asks for the password of whom it knows still."""
    assert page.url.path == "/sign-in"
    asked = follow(person, page)
    assert str(asked.url).startswith(issuer)
    assert 'name="password"' in asked.text
    return asked


def test_whom_no_account_is_are_told_how_to_get_one(
    person: httpx.Client, database: psycopg.Connection
):
    answer = let_in(person, person.get("/sign-in/outside"), "bruno")
    assert answer.status_code == 403
    assert W("sign_in.outside_unknown", provider=NAME) in unescape(answer.text)
    assert "balise_session" not in person.cookies
    assert database.execute("SELECT FROM web_session").rowcount == 0


def test_who_turns_back_there_is_not_let_in_and_may_choose_again(
    person: httpx.Client, database: psycopg.Connection
):
    """As the provider sends them: OpenID Connect Core 1.0, section 3.1.2.6."""
    page = person.get(invited(database, "nurse"))
    person.follow_redirects = False
    follow(person, page)
    state, *_ = person.cookies["balise_outside"].split(".")
    answer = person.get(f"/sign-in/outside/back?error=access_denied&state={state}")
    assert answer.status_code == 401
    assert W("sign_in.outside_refused", provider=NAME) in unescape(answer.text)
    assert database.execute("SELECT FROM web_session").rowcount == 0
    person.follow_redirects = True
    let_in(person, follow(person, answer), "alice")  # the link is good still
    assert person.get("/").url.path == "/"


def test_a_way_back_is_good_for_its_browser_and_once(
    person: httpx.Client, database: psycopg.Connection
):
    let_in(person, choose_provider(person, invited(database, "alice.nurse")), "alice")
    person.follow_redirects = False
    answer, steps = person.get("/sign-in/outside"), 0
    while "/sign-in/outside/back" not in answer.headers["location"]:
        assert (steps := steps + 1) < 10
        answer = person.get(answer.headers["location"])
    back = answer.headers["location"]
    attempt = person.cookies["balise_outside"]

    assert httpx.get(back).status_code == 401  # somebody else's browser
    forged = re.sub(r"state=[^&]*", "state=another", back)
    assert httpx.get(forged, cookies={"balise_outside": attempt}).status_code == 401
    elsewhere = re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Fother.example", back)
    assert httpx.get(elsewhere, cookies={"balise_outside": attempt}).status_code == 401
    other = attempt.split(".")
    other[2] = "another-verifier-that-nobody-has-hashed-before-it-was-sent"
    assert httpx.get(back, cookies={"balise_outside": ".".join(other)}).status_code == 401
    assert database.execute("SELECT FROM web_session").rowcount == 1  # from the link
    assert person.get(back).headers["location"] == "/"
    assert "balise_outside" not in person.cookies
    assert httpx.get(back, cookies={"balise_outside": attempt}).status_code == 401


def test_one_person_has_one_account(person: httpx.Client, database: psycopg.Connection, site: str):
    let_in(person, choose_provider(person, invited(database, "first")), "alice")
    second = invited(database, "second")
    answer = choose_provider(person, second)
    assert answer.status_code == 409
    assert W("sign_in.outside_taken", provider=NAME) in unescape(answer.text)
    assert httpx.get(f"{site}{second}").status_code == 200  # the link is not used up


def test_an_account_has_one_way_in(person: httpx.Client, database: psycopg.Connection, site: str):
    own = "a password of this site"
    accounts.add(database, "nurse", own, role="clinician")
    let_in(person, choose_provider(person, invited(database, "nurse")), "alice")
    form = {"name": "nurse", "password": own}
    assert httpx.post(f"{site}/sign-in", data=form).status_code == 401

    chosen = {"password": own, "again": own}
    person.post(invited(database, "nurse"), data=chosen)
    person.post("/sign-out")
    assert person.get("/sign-in/outside").status_code == 403


def test_an_admin_sees_who_comes_by_the_provider_and_closes(
    person: httpx.Client, database: psycopg.Connection, site: str
):
    let_in(person, choose_provider(person, invited(database, "nurse")), "alice")
    accounts.add(database, "head", "a password of this site", role="admin")
    with httpx.Client(base_url=site, follow_redirects=True) as admin:
        admin.post("/sign-in", data={"name": "head", "password": "a password of this site"})
        page = admin.get("/accounts")
        assert W("accounts.open_outside", sessions=1) in unescape(page.text)
        admin.post("/accounts/nurse/shut")
    assert person.get("/").url.path == "/sign-in"
    assert person.get("/sign-in/outside").status_code == 403


def test_an_admin_by_the_provider_is_the_first_one(
    person: httpx.Client, database: psycopg.Connection
):
    token = accounts.invite_first(database)
    let_in(person, choose_provider(person, f"/welcome/{token}"), "alice")
    assert accounts.invite_first(database) is None
    assert accounts.ensure_first(database) is None


def test_who_leaves_may_leave_the_provider_too(
    person: httpx.Client, database: psycopg.Connection, site: str, issuer: str
):
    let_in(person, choose_provider(person, invited(database, "nurse")), "alice")
    page = person.post("/sign-out")
    assert W("sign_in.out_there", provider=NAME) in unescape(page.text)
    asked = person.get("/sign-in/outside/out")
    assert str(asked.url).startswith(f"{issuer}/oauth/end_session?client_id=balise")
    assert str(sent(person, asked, answer="logout").url).startswith(f"{site}/sign-in")
    assert 'name="login"' in person.get("/sign-in/outside").text  # asked anew there


def test_a_provider_that_is_away_says_so_and_the_form_is_there(
    settings: Settings, serve: Serve, database: psycopg.Connection
):
    nowhere = f"http://localhost:{free()}"
    with (
        serve(settings.model_copy(update={"oidc_issuer": nowhere})) as site,
        httpx.Client(base_url=site) as person,
    ):
        for path in ("/sign-in/outside", "/sign-in/outside/out"):
            answer = person.get(path)
            assert answer.status_code == 502
            assert W("sign_in.outside_away", provider=NAME) in unescape(answer.text)
            assert 'name="password"' in answer.text
        page = person.get(invited(database, "nurse"))
        for _ in range(3):  # who was invited may try again from where they are
            page = follow(person, page)
            assert page.status_code == 502
            assert "nurse" in page.text


def test_without_a_provider_there_is_no_such_page(settings: Settings, serve: Serve):
    with serve(Settings(database_url=settings.database_url)) as site:
        assert "/sign-in/outside" not in httpx.get(f"{site}/sign-in").text
        for path in ("", "/back", "/out"):
            assert httpx.get(f"{site}/sign-in/outside{path}").status_code == 404


def test_a_provider_that_is_less_sure_than_we_ask_lets_nobody_in(
    person: httpx.Client, database: psycopg.Connection, strict: str
):
    """Alice's password is not what a card is."""
    person.base_url = httpx.URL(strict)
    welcome = invited(database, "nurse")
    answer = let_in(person, choose_provider(person, welcome), "alice")
    assert answer.status_code == 401
    assert person.get(welcome).status_code == 200  # the link is not used up


def test_an_issuer_is_named_exactly(settings: Settings, issuer: str):
    wrong = settings.model_copy(update={"oidc_issuer": f"{issuer}/"})
    with pytest.raises(ProviderDown, match="BALISE_OIDC_ISSUER"):
        Provider.found(wrong)


def test_in_a_browser_that_knows_two_sites(
    browser: Browser, site: str, issuer: str, database: psycopg.Connection
):
    """Its cookies come back from the other site, and its policy lets it go there."""
    page = browser.new_page(locale="fr-FR")
    page.goto(f"{site}{invited(database, 'nurse')}")
    page.get_by_role("link", name=W("welcome.outside", provider=NAME)).click()
    assert page.url.startswith(issuer)
    page.locator("[name=login]").fill("alice")
    page.locator("[name=login]").press("Enter")
    page.locator("[name=password]").fill(THEIR_PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(f"{site}/")
    assert [one["name"] for one in page.context.cookies(site)] == ["balise_session"]
    page.context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_that_offer_it_are_axe_clean_and_fit(
    browser: Browser, site: str, database: psycopg.Connection, language: str, width: int
):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, locale=language, bypass_csp=True
    )
    context.add_cookies([{"name": "balise_session", "value": "left", "url": site}])
    page = context.new_page()
    pages = {
        "sign-in": "/sign-in",
        "welcome": invited(database, "nurse"),
        "outside": "/sign-in/outside/back",
    }
    for name, path in pages.items():
        page.goto(f"{site}{path}")
        if shots := os.environ.get("BALISE_SCREENSHOTS"):
            page.screenshot(path=Path(shots) / f"{name}-{language}-{width}.png", full_page=True)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
