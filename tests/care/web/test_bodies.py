"""What is sent to the pages has an end, whoever sends it: nothing is read before that is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import chain, repeat

import httpx
import pytest

from balise.settings import Settings
from care.web.app import _BODY_BYTES, create_app
from care.web.words import words


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """Of an application without a database: what is refused asks for none."""
    transport = httpx.ASGITransport(create_app(Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as one:
        yield one


async def endless() -> AsyncIterator[bytes]:
    for piece in chain(repeat(b"x" * 1000, 10)):
        yield piece


@pytest.mark.parametrize("where", ["/sign-in", "/enrolment", "/fhir/Patient", "/no-such-page"])
async def test_a_body_that_is_too_long_is_refused_unread(browser: httpx.AsyncClient, where: str):
    answer = await browser.post(where, content=b"x" * (_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert answer.text == words("fr")("too_large.text")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_body_of_no_length_is_refused(browser: httpx.AsyncClient, method: str):
    answer = await browser.request(method, "/healthz", content=endless())
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "", "9" * 5000, "²"])
async def test_a_length_that_is_none_is_refused(browser: httpx.AsyncClient, length: str):
    headers = [(b"content-length", length.encode())]
    assert (await browser.request("POST", "/healthz", headers=headers)).status_code == 413


async def test_as_much_as_fits_is_looked_at(browser: httpx.AsyncClient):
    answer = await browser.post("/no-such-page", content=b"x" * _BODY_BYTES)
    assert answer.status_code == 404
