"""Every route, asked with what nobody would ask: each time an answer, never a fault of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balise.settings import Settings
from care.web import accounts
from care.web.app import create_app

pytestmark = pytest.mark.stack

PASSWORD = "a long enough password"
PAGES = create_app(Settings()).openapi()
CALLS = [
    (method, path)
    for path, methods in PAGES["paths"].items()
    for method in methods
    if path not in {"/sign-in", "/sign-out", "/welcome/{token}", "/accounts/{name}/shut"}
]
"""Signing in has a limit, and a test of its own."""
WHO = ("nurse", "keeper", "head")

KNOWN = st.sampled_from(
    ["p-martin", "Patient/p-martin", "p-roux", "site", "2026-11-25", "ge2026-11-01T07:00Z", "0",
     "2026-11-25T10:00:00Z", "closed", "8867-4", "http://loinc.org|85354-9", "device_unknown"]
)  # fmt: skip
NO_NUMBERS = ("9" * 5000, "²", "٣")
"""What `str.isdigit` or `str.isdecimal` takes for a number, and int() or a database does not."""
STRANGE = st.one_of(
    st.text(max_size=40),
    st.integers(-(1 << 70), 1 << 70).map(str),
    st.sampled_from(
        ["", "\0", "..", "../../etc/passwd", "%00", "'; DROP TABLE subject; --", "{{7*7}}", "null",
         "NaN", "1e400", "-0", "9" * 400, *NO_NUMBERS, "é" * 300, "2026-02-30",
         "\N{RIGHT-TO-LEFT OVERRIDE}x",
         "0001-01-01", "9999-12-31T23:59:59.999999+14:00", "<script>alert(1)</script>"]
    ),
)  # fmt: skip
VALUES = KNOWN | STRANGE


@pytest.fixture(scope="module")
def visitors(site: str, populated: str) -> Iterator[Callable[[str], httpx.Client]]:
    """One of each who may come in, signed in."""
    with psycopg.connect(populated, autocommit=True) as database:
        accounts.add(database, "head", PASSWORD, role="admin", panels=())
    clients = {name: httpx.Client(base_url=site) for name in WHO}
    for name, client in clients.items():
        answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303
    yield clients.__getitem__
    for name, own in {"nurse": "/", "keeper": "/ops/refused", "head": "/accounts"}.items():
        assert clients[name].get(own).status_code == 200, "nobody was signed in any more"
    for client in clients.values():
        client.close()


def fields(method: str, path: str) -> list[str]:
    """Return what a route's form may have."""
    content = PAGES["paths"][path][method].get("requestBody", {}).get("content", {})
    found: list[str] = []
    for one in content.values():
        name = one["schema"].get("$ref", "").rpartition("/")[2]
        found += PAGES["components"]["schemas"].get(name, {}).get("properties", {})
    return found or ["state", "reason", "text", "name", "limit.fever", "over", "systolic"]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_what_nobody_would_ask_gets_an_answer(
    method: str, path: str, visitors: Callable[[str], httpx.Client]
):
    named = PAGES["paths"][path][method].get("parameters", [])
    inside = [one["name"] for one in named if one["in"] == "path"]
    asked = [one["name"] for one in named if one["in"] == "query"]
    form = fields(method, path)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data(), st.sampled_from(WHO))
    def ask(data: st.DataObject, who: str) -> None:
        where = path
        for name in inside:
            value = data.draw(VALUES, label=name)
            where = where.replace(f"{{{name}}}", quote(value, safe="") or "x")
        some: dict[str, Any] = data.draw(
            st.dictionaries(st.sampled_from(asked) if asked else st.nothing(), VALUES)
        )
        told = data.draw(st.dictionaries(st.sampled_from(form), VALUES))
        body = {"json" if "enrolment" in path else "data": told} if method == "post" else {}
        answer = visitors(who).request(method, where, params=some, **body)
        assert answer.status_code < 500, answer.text[:200]

    ask()


NUMBERED = [
    (path, one["name"])
    for path, methods in PAGES["paths"].items()
    for one in methods.get("get", {}).get("parameters", [])
    if one["in"] in {"path", "query"} and path != "/welcome/{token}"
]


@pytest.mark.parametrize(("path", "name"), NUMBERED)
def test_what_only_looks_like_a_number_gets_an_answer(
    path: str, name: str, visitors: Callable[[str], httpx.Client]
):
    inside = f"{{{name}}}" in path
    where = path.replace("{code}", "p-martin") if name != "code" else path
    for value in NO_NUMBERS:
        query = {} if inside else {"patient": "p-martin", name: value}
        asked = re.sub(r"\{\w+\}", "1", where.replace(f"{{{name}}}", quote(value)))
        for who in WHO:
            answer = visitors(who).get(asked, params=query)
            assert answer.status_code < 500, (asked[:80], value[:10])


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/welcome/{token}"])
def test_at_the_door_too(path: str, site: str):
    """The last of all: whoever tries so many names is held off for a while."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(VALUES, st.dictionaries(st.sampled_from(["name", "password", "again"]), VALUES))
    def knock(token: str, form: dict[str, str]) -> None:
        where = site + path.replace("{token}", quote(token, safe="") or "x")
        for answer in (httpx.get(where), httpx.post(where, data=form)):
            assert answer.status_code < 500, answer.text[:200]

    knock()
