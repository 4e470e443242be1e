"""Whoever asks in a loop before we know who they are is held off, and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import psycopg
import pytest

from balise.settings import Settings
from balise.stack.ports import free
from care.web import pace
from care.web.app import create_app
from care.web.pace import Pace
from care.web.words import words

W = words("fr")
MINUTE = timedelta(minutes=1)


def test_an_address_may_ask_again_when_its_first_was_long_enough_ago():
    asked = Pace(2, MINUTE)
    assert [asked.take("a", at) for at in (0, 10, 59)] == [True, True, False]
    assert [asked.take("a", at) for at in (60, 69, 70)] == [True, False, True]


def test_an_address_waits_for_no_other():
    asked = Pace(1, MINUTE)
    assert [asked.take(one, 0) for one in "abab"] == [True, True, False, False]


def test_a_house_has_many_addresses_of_ipv6():
    asked = Pace(1, MINUTE)
    assert asked.take("2001:db8:1:2::1", 0)
    assert not asked.take("2001:db8:1:2:ffff::9", 0)
    assert asked.take("2001:db8:1:3::1", 0)
    # As a proxy writes those of IPv4 that listens for both: each is a house of its own.
    assert [asked.take(f"::ffff:192.0.2.{one}", 0) for one in (1, 2, 1)] == [True, True, False]


def test_what_is_kept_of_strangers_has_an_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pace, "_KNOWN", 2)
    asked = Pace(1, MINUTE)
    assert [asked.take(one, 0) for one in "aba"] == [True, True, False]
    assert asked.take("c", 0)
    # b was heard of longest ago; a, who asked since, is known still.
    assert [asked.take(one, 0) for one in "ab"] == [False, True]


@pytest.fixture(scope="module")
def settings(new_database: Callable[[], str]) -> Settings:
    return Settings(
        database_url=new_database(),
        server_url=f"http://localhost:{free()}",
        oidc_issuer="https://127.0.0.1:1",
        oidc_client="balise",
    )


@contextmanager
def asking(settings: Settings) -> Iterator[httpx.AsyncClient]:
    """A browser of an application that lets each address ask three times."""
    app = create_app(settings)
    app.state.pace = Pace(3, MINUTE)
    yield httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.server_url)


@pytest.mark.stack
@pytest.mark.parametrize(
    "where",
    [
        *("/sign-in/passkey", "/sign-in/outside", "/sign-in/outside/out"),
        "/sign-in/outside/back?state=a&code=b",
    ],
)
async def test_who_asks_in_a_loop_is_told_to_wait_and_may_use_a_password(
    settings: Settings, where: str
):
    with asking(settings) as browser:
        answers = [await browser.get(where) for _ in range(5)]
        assert [one.status_code == 429 for one in answers] == [False] * 3 + [True] * 2
        assert W("sign_in.hurried") in answers[-1].text
        assert 'name="password"' in answers[-1].text
        assert answers[-1].headers["Retry-After"] == "300"
        assert (await browser.get("/sign-in")).status_code == 200


@pytest.mark.stack
async def test_what_is_refused_so_leaves_no_row(settings: Settings):
    with psycopg.connect(settings.database_url, autocommit=True) as database:
        database.execute("DELETE FROM passkey_asked")
        with asking(settings) as browser:
            for _ in range(5):
                await browser.get("/sign-in/passkey")
        row = database.execute("SELECT count(*) FROM passkey_asked").fetchone()
    assert row == (3,)
