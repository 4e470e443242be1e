"""Every route, asked with what nobody would ask: each time an answer, never a fault of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
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
from flows import judging

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
WHO = ("nurse", "coordinator", "keeper", "head", "h-00000077")
FORMS = {
    "/enrol": {"family": "Roche", "given": "Anne", "birth_date": "1941-02-03", "sex": "female",
               "pathway": "hypertension", "status": "provisional", "panel": "site"},
    "/patients/p-durand/identity": {"family": "Durand", "given": "Jean", "sex": "male",
                                    "birth_date": "1941-02-03", "status": "provisional",
                                    "pathway": "hypertension"},
    "/patients/p-durand/consent": {"monitoring": "yes", "way": "paper"},
    "/patients/p-durand/plan": {"limit.very_high_systolic": "175", "protocol": "FR3"},
    "/patients/p-durand/news2": {"respiratory_rate": "22", "body_temperature": "38,2",
                                 "on_oxygen": "no", "consciousness": "A", "hypercapnic": "no"},
}  # fmt: skip
"""Whose fields no route declares, each as somebody may well send it."""

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
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.sampled_from(
    ["9" * 400, f"2.{'0' * 40}1", "1e-400", "0x10", "1_0", " 7 ", "7,5", "-0,0", "+38"]
)
"""What nearly is a number, or is one that nothing holds."""


@pytest.fixture(scope="module")
def visitors(site: str, populated: str) -> Iterator[Callable[[str], httpx.Client]]:
    """One of each who may come in, signed in."""
    with psycopg.connect(populated, autocommit=True) as database:
        accounts.add(database, "head", PASSWORD, role="admin", panels=())
        accounts.add(database, "h-00000077", PASSWORD, role="helper", panels=())
        database.execute(
            "INSERT INTO helper (account, subject, called, added_by)"
            " SELECT 'h-00000077', id, 'daughter', 'nurse' FROM subject WHERE code = 'p-martin'"
        )
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


@pytest.mark.parametrize("path", FORMS)
def test_a_form_with_fields_nobody_would_write_gets_an_answer(
    path: str, visitors: Callable[[str], httpx.Client], populated: str
):
    nurse = visitors("nurse")

    def shown(path: str) -> str:
        return nurse.get(path).text

    names = sorted({*re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', shown(path))})
    assert {*names} >= FORMS[path].keys()

    def filled() -> dict[str, str]:
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown(path))
        return FORMS[path] | dict(hidden)

    answer = nurse.post(path, data=filled())
    assert answer.status_code in {200, 303}, re.findall(r'role="alert">[^<]*', answer.text)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(names), STRANGE | NUMBERS, max_size=3))
    def send(said: dict[str, str]) -> None:
        answer = nurse.post(path, data=filled() | said)
        assert answer.status_code < 500, answer.text[:200]

    send()
    for page in ("", "/plan", "/news2", "/identity", "/report.pdf"):
        assert nurse.get(f"/patients/p-durand{page}").status_code == 200, page
    with psycopg.connect(populated, autocommit=True) as database:
        assert judging.assess(database, datetime.now(UTC), everyone=True).failed == 0


@pytest.mark.parametrize("path", [path for method, path in CALLS if path.startswith("/fhir/")])
def test_a_program_that_asks_oddly_gets_an_answer(path: str, site: str, populated: str):
    with psycopg.connect(populated, autocommit=True) as database:
        accounts.add(database, "program", PASSWORD, role="clinician")
    asked = [one["name"] for one in PAGES["paths"][path]["get"].get("parameters", [])]

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(asked), VALUES) if asked else st.just({}), VALUES)
    def ask(some: dict[str, str], inside: str) -> None:
        where = site + re.sub(r"\{\w+\}", quote(inside, safe="") or "x", path)
        answer = httpx.get(where, params=some, auth=("program", PASSWORD))
        assert answer.status_code < 500, answer.text[:200]
        assert answer.status_code not in {401, 429}

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
