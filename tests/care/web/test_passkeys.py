"""Signing in by a passkey: a real Chromium, with a virtual authenticator of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page

from balise.settings import Settings
from balise.stack.ports import free
from care.web import accounts
from care.web.words import words

pytestmark = [pytest.mark.stack, pytest.mark.browser]

PASSWORD = "a long enough password"
W = words("fr")
Serve = Callable[[Settings], AbstractContextManager[str]]


@dataclass
class Device:
    """A virtual authenticator of one browser."""

    cdp: CDPSession
    name: str

    @classmethod
    def of(cls, page: Page, **other: object) -> Device:
        cdp = page.context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        answer = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options | other})
        return cls(cdp, answer["authenticatorId"])

    def send(self, what: str, **more: object) -> dict[str, Any]:
        return self.cdp.send(f"WebAuthn.{what}", {"authenticatorId": self.name} | more)

    @property
    def keys(self) -> list[dict[str, Any]]:
        return self.send("getCredentials")["credentials"]


@pytest.fixture(scope="module")
def settings(new_database: Callable[[], str]) -> Settings:
    return Settings(database_url=new_database(), server_url=f"http://localhost:{free()}")


@pytest.fixture(scope="module")
def site(settings: Settings, serve: Serve) -> Iterator[str]:
    with serve(settings):
        yield settings.server_url


@pytest.fixture
def database(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM login")
        accounts.add(connection, "alice", PASSWORD, role="clinician")
        accounts.add(connection, "bruno", PASSWORD, role="admin", panels=())
        yield connection


@pytest.fixture
def page(browser: Browser, database: psycopg.Connection) -> Iterator[Page]:
    assert database
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    yield page
    context.close()


def sign_in(page: Page, site: str, name: str = "alice") -> None:
    page.goto(f"{site}/sign-in")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button")
    assert page.url in {f"{site}/", f"{site}/accounts"}


def add(page: Page, site: str, password: str = PASSWORD) -> None:
    page.goto(f"{site}/passkeys")
    page.fill("[name=password]", password)
    with page.expect_navigation():
        page.click("[data-passkey] button")


def enter(page: Page, site: str) -> int:
    """Sign in by a passkey, from the page that offers it; return what the server says."""
    page.context.clear_cookies()
    page.goto(f"{site}/sign-in")
    page.click(f"text={W('sign_in.passkey')}")
    with (
        page.expect_navigation(),
        page.expect_response(lambda answer: answer.request.method == "POST") as answer,
    ):
        page.click("[data-passkey] button")
    return answer.value.status


def trouble(page: Page) -> str:
    """Press the button, and return the name of what the browser refused with."""
    page.click("[data-passkey] button")
    page.wait_for_selector("[data-trouble]:visible")
    return page.get_attribute("[data-trouble]", "data-trouble") or ""


def test_a_passkey_is_added_and_opens_the_account_with_nothing_typed(
    page: Page, site: str, database: psycopg.Connection
):
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    device = Device.of(page)
    sign_in(page, site)
    add(page, site)
    assert W("passkey.never") in page.inner_text("main")
    (key,) = device.keys
    assert (key["isResidentCredential"], key["rpId"], key["userName"]) == (
        True,
        "localhost",
        "alice",
    )
    for count in (2, 3):
        assert enter(page, site) == 303
        assert page.url == f"{site}/"
        row = database.execute("SELECT sign_count, used_at IS NOT NULL FROM passkey").fetchone()
        assert row == (count, True)
    assert all(url.startswith(site) for url in asked)
    assert [one for one in said if one.startswith(("error", "warning"))] == []
    whats = [row[0] for row in database.execute("SELECT what FROM audit WHERE who = 'alice'")]
    assert "added a passkey" in whats


def test_a_passkey_is_removed_by_whose_it_is(page: Page, site: str, database: psycopg.Connection):
    Device.of(page)
    sign_in(page, site)
    add(page, site)
    (credential,) = database.execute("SELECT credential FROM passkey").fetchone() or ()
    with httpx.Client(base_url=site) as other:
        other.post("/sign-in", data={"name": "bruno", "password": PASSWORD})
        gone = other.post("/passkeys/remove", data={"key": bytes(credential).hex()})
        assert gone.status_code == 303
    with httpx.Client(base_url=site) as thief:
        thief.post("/sign-in", data={"name": "alice", "password": PASSWORD})
        assert thief.get("/").status_code == 200
        page.goto(f"{site}/passkeys")
        page.click("form[action='/passkeys/remove'] button")
        assert W("passkey.none") in page.inner_text("main")
        assert thief.get("/").status_code == 303  # whose session it is nobody knows
    page.goto(f"{site}/passkeys")
    assert page.url == f"{site}/passkeys"
    assert enter(page, site) == 401
    assert W("passkey.refused") in page.inner_text("main")


def test_adding_one_takes_the_password_and_a_ceremony(page: Page, site: str):
    Device.of(page)
    sign_in(page, site)
    add(page, site, "not the password")
    assert W("passkey.wrong") in page.inner_text("main")
    with httpx.Client(base_url=site) as other:
        other.post("/sign-in", data={"name": "bruno", "password": PASSWORD})
        answer = other.post("/passkeys", data={"credential": "{}", "password": PASSWORD})
        assert (answer.status_code, "data-trouble" in answer.text) == (422, True)
        assert other.post("/sign-in/passkey", data={"credential": "{}"}).status_code == 401


@pytest.mark.parametrize("change", ["password", "provider", "closed", "link"])
def test_what_changes_the_way_in_ends_the_passkeys(
    page: Page, site: str, database: psycopg.Connection, change: str
):
    Device.of(page)
    sign_in(page, site)
    add(page, site)
    if change == "password":
        accounts.add(database, "alice", "another long password", role=None)
    elif change == "closed":
        database.execute("SELECT close_account('alice')")
    else:
        token = accounts.invite(database, "alice", role=None, panels=())
        assert enter(page, site) == 401  # though the link is not used yet
        if change == "link":
            accounts.use_link(database, token, PASSWORD)
        else:
            accounts.use_link_outside(database, token, "somebody there")
    assert enter(page, site) == 401
    assert database.execute("SELECT FROM passkey").fetchall() == []


def test_an_account_of_the_provider_adds_none(page: Page, site: str, database: psycopg.Connection):
    sign_in(page, site)
    database.execute("UPDATE login SET password_hash = '', outside = 'x' WHERE name = 'alice'")
    page.goto(f"{site}/passkeys")
    assert W("passkey.elsewhere") in page.inner_text("main")
    assert page.query_selector("[data-passkey]") is None


def test_who_is_not_verified_by_the_device_gets_in_nowhere(page: Page, site: str):
    device = Device.of(page)
    sign_in(page, site)
    add(page, site)
    device.send("setUserVerified", isUserVerified=False)
    page.goto(f"{site}/sign-in/passkey")
    assert trouble(page) == "NotAllowedError"
    assert W("passkey.unused") in page.inner_text("main")


def test_a_device_adds_one_for_an_account(page: Page, site: str):
    Device.of(page)
    sign_in(page, site)
    add(page, site)
    page.fill("[name=password]", PASSWORD)
    assert trouble(page) == "InvalidStateError"


@pytest.mark.parametrize("bits", ["isBogusSignature", "isBadUV", "isBadUP"])
def test_a_device_that_lies_lets_nobody_in(page: Page, site: str, bits: str):
    device = Device.of(page)
    sign_in(page, site)
    add(page, site)
    device.send("setResponseOverrideBits", **{bits: True})
    assert enter(page, site) == 401


def test_a_copy_of_a_passkey_is_found_by_its_count(page: Page, site: str):
    device = Device.of(page)
    sign_in(page, site)
    add(page, site)
    (copy,) = device.keys
    assert enter(page, site) == 303
    device.send("clearCredentials")
    device.send("addCredential", credential={**copy, "signCount": 1})
    assert enter(page, site) == 401


def test_an_answer_is_good_for_its_browser_and_once(page: Page, site: str):
    Device.of(page)
    sign_in(page, site)
    add(page, site)
    page.context.clear_cookies()
    page.goto(f"{site}/sign-in/passkey")
    (cookie,) = page.context.cookies(site)
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (
        "balise_passkey",
        True,
        "Strict",
    )
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.click("[data-passkey] button")
    page.wait_for_url(f"{site}/")
    body = sent.value.post_data or ""
    form = {"content-type": "application/x-www-form-urlencoded"}
    for cookies in ({}, {"balise_passkey": cookie["value"]}):
        with httpx.Client(base_url=site, cookies=cookies) as thief:
            answer = thief.post("/sign-in/passkey", content=body, headers=form)
            assert answer.status_code == 401
    with httpx.Client(base_url=site) as other:  # asked in its own right, with another's answer
        other.get("/sign-in/passkey")
        answer = other.post("/sign-in/passkey", content=body, headers=form)
        assert answer.status_code == 401


def test_without_scripts_the_password_is_named(browser: Browser, site: str):
    context = browser.new_context(java_script_enabled=False, locale="fr-FR")
    page = context.new_page()
    page.goto(f"{site}/sign-in/passkey")
    assert W("passkey.without") in page.inner_text("main")
    assert not page.is_visible("[data-passkey]")
    context.close()


def test_only_these_pages_have_a_script(site: str, settings: Settings, serve: Serve):
    with httpx.Client(base_url=site) as client:
        policy = "content-security-policy"
        assert "script-src 'self'" in client.get("/sign-in/passkey").headers[policy]
        assert "script" not in client.get("/sign-in").headers[policy]
    # Neither are they offered where the pages go by another name, or by an address in numbers.
    numbers = site.replace("localhost", "127.0.0.1")
    assert httpx.get(f"{numbers}/sign-in/passkey").status_code == 404
    assert "/passkey" not in httpx.get(f"{numbers}/sign-in").text
    with serve(settings.model_copy(update={"server_url": ""})) as unnamed:
        assert httpx.get(f"{unnamed}/sign-in/passkey").status_code == 404


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_pass_axe(page: Page, site: str, width: int):
    Device.of(page)
    sign_in(page, site)
    add(page, site)
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/passkeys", "/sign-in/passkey", "/sign-in"):
        page.goto(f"{site}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        context = page.context.browser.new_context(bypass_csp=True)  # type: ignore[union-attr]
        context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        look = context.new_page()
        look.set_viewport_size({"width": width, "height": 900})
        look.goto(f"{site}{path}")
        found = Axe().run(look)
        assert found.response["violations"] == [], found.generate_report()
        context.close()
