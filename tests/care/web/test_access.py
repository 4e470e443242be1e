"""Roles by routes and tables: nobody sees or changes anything of a patient whom they don't follow.

Every route of the application and every table of the database is walked, so that a new one is held
too. Two panels, `north` and `south`; everybody here tries `south`'s patient and is not of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql as build

from balise.settings import Settings
from care.exchange import microseconds
from care.fhir.resources import device_id
from care.web import accounts
from care.web.app import create_app
from sql.roles import Role, connect

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("panels")]

PASSWORD = "a long enough password"
OURS, THEIRS = "p-durand", "p-martin"
STRANGERS = {
    "north.clinician": ("clinician", ("north",)),
    "north.coordinator": ("coordinator", ("north",)),
    "alone": ("clinician", ()),
    "ops": ("ops", ("south",)),
    "admin": ("admin", ("south",)),
    "h-00000001": ("helper", ()),
    "": ("", ()),
}
"""Who must see nothing of the south's patient: a panel makes no carer of ops. "" is nobody;
the helper is of the north's patient, and no table is theirs."""

CALLS = [
    (method.upper(), path)
    for path, methods in create_app(Settings()).openapi()["paths"].items()
    for method in methods
]


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of a patient, to ask for by its very name."""

    subject: int
    code: str
    names: tuple[str, ...]
    device: int
    series: int
    stamp: int
    sequence: int
    signal: int
    observation: str

    def path(self, route: str) -> str:
        """Return a route's address with this patient's own things in it."""
        keys: dict[str, Any] = {
            "code": self.code,
            "series": self.series,
            "stamp": self.stamp,
            "sequence": self.sequence,
            "signal": self.signal,
            "number": device_id(str(self.device)) if "/Device/" in route else 1,
            "member": 1,
            "key": f"report-{self.code}-2026-11-25" if "Report" in route else self.observation,
            "landing": 1,
            "item": 0,
            "part": 0,
            "name": "nobody",
            "metric": "body_weight",
            "day": "2026-11-25",
            "token": "no-such-token",
        }
        return re.sub(r"\{(\w+)\}", lambda found: str(keys[found[1]]), route)


def known(database: psycopg.Connection, code: str, own: httpx.Client) -> Known:
    """Return what there is of a patient; `own` follows it."""
    newest = own.get(f"/fhir/Observation?patient={code}&_count=1").json()["entry"][0]["resource"]
    row = database.execute(
        "SELECT subject.id, family, given, reading.series, reading.stamped_at, reading.sequence,"
        "       series.device,"
        "       coalesce((SELECT min(id) FROM signal WHERE signal.subject = subject.id), 0)"
        " FROM subject JOIN identity ON identity.subject = subject.id"
        " JOIN reading ON reading.subject = subject.id JOIN series ON series.id = reading.series"
        " WHERE code = %s ORDER BY reading.stamped_at DESC LIMIT 1",
        (code,),
    ).fetchone()
    assert row
    subject, family, given, series, stamped_at, sequence, device, signal = row
    return Known(
        subject=subject,
        code=code,
        names=(family, given),
        device=device,
        series=series,
        stamp=microseconds(stamped_at),
        sequence=sequence,
        signal=signal,
        observation=newest["id"],
    )


@pytest.fixture(scope="module")
def panels(populated: str) -> None:
    """Two panels, the patients of each, and accounts of each kind."""
    with psycopg.connect(populated, autocommit=True) as database:
        for panel, code in (("north", OURS), ("south", THEIRS)):
            database.execute("INSERT INTO panel (name) VALUES (%s)", (panel,))
            database.execute(
                "INSERT INTO panel_subject (panel, subject) SELECT %s, id FROM subject"
                " WHERE code = %s",
                (panel, code),
            )
        for name, (role, followed) in STRANGERS.items():
            if name:
                accounts.add(database, name, PASSWORD, role=role, panels=followed)
        database.execute(
            "INSERT INTO helper (account, subject, called, added_by)"
            " SELECT 'h-00000001', id, 'a son', 'nurse' FROM subject WHERE code = %s",
            (OURS,),
        )
        accounts.add(database, "south.clinician", PASSWORD, role="clinician", panels=("south",))


@pytest.fixture
def theirs(visit: Callable[[str], httpx.Client], database: psycopg.Connection) -> Known:
    return known(database, THEIRS, visit("south.clinician"))


@pytest.fixture
def ours(visit: Callable[[str], httpx.Client], database: psycopg.Connection) -> Known:
    return known(database, OURS, visit("north.clinician"))


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(populated, autocommit=True) as connection:
        yield connection


FORM = {
    "state": "closed", "reason": "called", "text": "a word", "over": "0", "name": "x",
    "role": "nurse", "first": "2026-11-25", "last": "2026-11-25", "metric": "", "as_of": "",
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGERS)
def test_no_route_tells_a_stranger_anything(
    name: str, visit: Callable[[str], httpx.Client], theirs: Known, database: psycopg.Connection
):
    client, before = visit(name), contents(database, theirs)
    # The one would end the session, the other has its own test.
    calls = [one for one in CALLS if one[1] not in {"/sign-out", "/emergency"}]
    asked = [*tried(client, theirs, calls)]
    if name:
        # What asks for FHIR has no cookie.
        client.cookies.clear()
        client.auth = httpx.BasicAuth(name, PASSWORD)
        asked += tried(client, theirs, [one for one in CALLS if one[1].startswith("/fhir/")])
    assert [one.path for one in asked if one.tells] == []
    assert contents(database, theirs) == before
    print(f"{len(asked)} requests as {name or 'nobody'}: 0 leaks")  # noqa: T201


@dataclass(frozen=True, slots=True)
class Tried:
    """A route that was asked for a patient's own things, and whether it told any."""

    route: str
    path: str
    tells: bool


def tried(client: httpx.Client, theirs: Known, calls: list[tuple[str, str]]) -> Iterator[Tried]:
    """Ask each route for a patient, by its path and by all that can be searched for."""
    # One at a time: a search refuses what it does not know.
    searches = (f"?patient={theirs.code}", f"?name={theirs.names[0][:3].lower()}")
    for method, route in calls:
        for query in ("", *searches):
            path = theirs.path(route) + query
            answer = client.request(method, path, data=FORM if method == "POST" else None)
            assert answer.status_code < 500, path
            yield Tried(route, path, tells(answer, route, theirs, query))


def tells(answer: httpx.Response, route: str, theirs: Known, query: str) -> bool:
    """Say whether an answer has a name or code that was not asked for, a resource, or a page."""
    if any(one in answer.text for one in theirs.names):
        return True
    if "/sign-in" in str(answer.url) or answer.status_code in {401, 404}:
        return False
    if "{code}" in route:
        return True
    if route.startswith("/fhir/") and "{" in route and answer.is_success:
        return True
    if route.startswith("/fhir/") and answer.is_success:
        entries = [one["resource"] for one in answer.json().get("entry", ())]
        return any(theirs.code in str(one) for one in entries)
    return not query and theirs.code in answer.text


TOLD_BY = {
    "/", "/patients/{code}", "/patients/{code}/readings/{series}/{stamp}/{sequence}",
    "/fhir/Patient", "/fhir/Patient/{code}", "/fhir/Observation", "/fhir/Observation/{key}",
    "/fhir/Device", "/fhir/Device/{number}", "/fhir/DiagnosticReport",
}  # fmt: skip


def test_who_follows_them_is_told_by_the_same_requests(
    visit: Callable[[str], httpx.Client], theirs: Known
):
    """What was asked for above is there, and is seen where it is told."""
    calls = [(method, route) for method, route in CALLS if method == "GET" and route != "/sign-out"]
    told = {one.route for one in tried(visit("south.clinician"), theirs, calls) if one.tells}
    assert told >= TOLD_BY


@pytest.mark.parametrize("name", [one for one, (role, _) in STRANGERS.items() if role not in {
    "clinician", "coordinator"}])  # fmt: skip
def test_an_emergency_is_no_way_in_but_for_who_cares(
    name: str, visit: Callable[[str], httpx.Client], theirs: Known, database: psycopg.Connection
):
    answer = visit(name).post("/emergency", data={"code": theirs.code, "reason": "she fell"})
    assert not any(one in answer.text for one in theirs.names)
    assert database.execute("SELECT FROM break_glass").rowcount == 0


def contents(database: psycopg.Connection, one: Known) -> dict[str, Any]:
    """Return what every table with a patient's number holds of one."""
    names = database.execute(
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables"
        " USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND column_name = 'subject' AND table_type = 'BASE TABLE'"
    ).fetchall()
    return {
        name: database.execute(
            build.SQL("SELECT to_jsonb(one) FROM {} AS one WHERE subject = %s ORDER BY 1").format(
                build.Identifier(name)
            ),
            (one.subject,),
        ).fetchall()
        for (name,) in names
    } | {"signal_event": database.execute("SELECT * FROM signal_event").fetchall()}


def relations(database: psycopg.Connection) -> list[tuple[str, str]]:
    """Return every table and view there is, the chunks of the hypertables too."""
    return database.execute(
        "SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE relkind IN ('r', 'v', 'p', 'm')"
        "   AND (nspname IN ('public', 'followed')"
        "        OR (nspname = '_timescaledb_internal' AND right(relname, 6) = '_chunk'))"
        " ORDER BY 1, 2"
    ).fetchall()


NOT_OF_PATIENTS = {
    "landing_batch", "landing_dropped", "login", "panel", "schema_migration", "sign_in_refused",
    "invite", "invite_refusal", "geography_columns",
}  # fmt: skip
"""What the pages may read though it is nobody's: times, counts, digests and names of accounts."""


@pytest.mark.parametrize("name", STRANGERS)
def test_no_table_tells_a_stranger_anything(
    name: str,
    populated: str,
    visit: Callable[[str], httpx.Client],
    theirs: Known,
    ours: Known,
    database: psycopg.Connection,
):
    token = visit(name).cookies.get("balise_session", "")
    readable: set[str] = set()
    with connect(populated, Role.WEB, session=token) as pages:
        for schema, relation in relations(database):
            try:
                rows = pages.execute(
                    build.SQL("SELECT to_jsonb(one)::text, to_jsonb(one) FROM {} AS one").format(
                        build.Identifier(schema, relation)
                    )
                ).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
            readable.add(relation)
            assert schema != "_timescaledb_internal", relation
            if relation in NOT_OF_PATIENTS:
                continue
            if not name.startswith("north"):
                assert rows == [], relation
            for text, row in rows:
                assert row.get("subject") in {None, ours.subject}, relation
                assert not {theirs.code, *theirs.names} & set(re.findall(r'"([^"]*)"', text))
    if name.startswith("north"):
        assert {"identity", "reading", "rollup", "signal", "audit"} <= readable


def test_the_pages_may_read_no_hash_and_no_session(populated: str, panels: None):
    with connect(populated, Role.WEB) as pages:
        for query in ("SELECT password_hash FROM login", "SELECT * FROM web_session",
                      "SELECT * FROM login_link"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                pages.execute(query.encode())


def test_whoever_follows_a_patient_sees_all_of_it(
    visit: Callable[[str], httpx.Client], theirs: Known, populated: str
):
    client = visit("south.clinician")
    assert theirs.names[0] in client.get(f"/patients/{theirs.code}").text
    way = theirs.path("/patients/{code}/readings/{series}/{stamp}/{sequence}")
    assert client.get(way).is_success
    assert client.get(f"/patients/{OURS}").status_code == 404
    with connect(populated, Role.WEB, session=client.cookies["balise_session"]) as pages:
        for relation in ("reading", "rollup", "landing", "signal", "summary", "device", "series"):
            counted = build.SQL("SELECT count(*) FROM {}").format(build.Identifier(relation))
            row = pages.execute(counted).fetchone()
            assert row
            assert row[0], relation


OF_NOBODY = {
    "/sign-in", "/sign-out", "/language", "/welcome/{token}", "/healthz", "/readyz", "/accounts",
    "/accounts/{name}/shut", "/enrolment", "/enrolment/renewal", "/fhir/metadata", "/emergency",
    "/ops/rules", "/ops/refused", "/ops/refused/{landing}/{item}/{part}", "/ops/refused/replay",
    "/ops/refused/discard", "/ops/refused/reopen", "/enrol", "/sign-in/outside",
    "/sign-in/outside/back", "/sign-in/outside/out", "/helped",
    "/sign-in/passkey", "/passkeys", "/passkeys/remove",
}  # fmt: skip
"""Routes that say nothing of one patient to whoever asks; those of the line show no value.
That a helper's look is written down `test_helpers.py` sees."""


@pytest.mark.parametrize(("method", "route"), CALLS)
def test_every_look_at_a_patient_is_written_down(
    method: str,
    route: str,
    visit: Callable[[str], httpx.Client],
    ours: Known,
    database: psycopg.Connection,
):
    if route in OF_NOBODY:
        return
    client = visit("north.clinician")
    before = len(written(database, ours))
    form = FORM | {"as_of": "2026-11-25T10:00:00Z"}
    asks = "identifier" if route == "/fhir/Patient" else "patient"
    path = f"{ours.path(route)}?{asks}={ours.code}" if "/fhir/" in route else ours.path(route)
    answer = client.request(method, path, data=form if method == "POST" else None)
    assert answer.status_code < 500
    if route == "/looked":  # whoever is on the list, and nobody is: something is open
        return
    first, *_ = written(database, ours)[before:]  # a form leads to a page, which is looked at too
    assert first == (done(method, route), f"{method} {route}"), answer.status_code


def done(method: str, route: str) -> str:
    """Return what is done of a patient by a route."""
    if route in {"/", "/fhir/Patient"}:
        return "list"
    if method == "POST":
        return "emergency" if route == "/emergency" else "change"
    return "export" if "/fhir/" in route or route.endswith(".pdf") else "view"


def written(database: psycopg.Connection, one: Known) -> list[tuple[str, str]]:
    """Return what the north's clinician did of a patient, as the audit has it."""
    return database.execute(
        "SELECT action, what FROM audit"
        " WHERE who = 'north.clinician' AND patients @> ARRAY[%s::integer] ORDER BY number",
        (one.subject,),
    ).fetchall()
