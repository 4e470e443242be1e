"""A patient is enrolled on a page, corrected, and told to others by their national number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from care.web import accounts
from sql import people

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("wards")]

PASSWORD = "a long enough password"
NEW = {
    "family": "Lefèvre", "given": "Anne Marie", "birth_date": "1969-05-12", "sex": "female",
    "birth_place": "49007", "status": "qualified", "ins": "2 69 05 49 588 157 80",
    "ins_kind": "nir", "pathway": "hypertension",
}  # fmt: skip
OID = "urn:oid:1.2.250.1.213.1.4.8"


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(populated, autocommit=True) as connection:
        yield connection
        connection.execute(
            "UPDATE identity SET status = 'provisional', ins = NULL, ins_kind = NULL"
        )


@pytest.fixture(scope="module")
def wards(populated: str) -> None:
    """Two wards with a nurse each, and somebody with none."""
    with psycopg.connect(populated, autocommit=True) as database:
        for name in ("east", "west"):
            database.execute("INSERT INTO panel (name) VALUES (%s)", (name,))
            accounts.add(database, f"{name}.nurse", PASSWORD, role="coordinator", panels=(name,))
        accounts.add(database, "east.doctor", PASSWORD, role="clinician", panels=("east",))
        accounts.add(database, "idle.nurse", PASSWORD, role="coordinator", panels=())


Visit = Callable[[str], httpx.Client]


def code_of(answer: httpx.Response) -> str:
    assert answer.is_success, answer.text
    return answer.url.path.rsplit("/", 1)[1]


def identifiers(client: httpx.Client, code: str) -> dict[str, str]:
    patient = client.get(f"/fhir/Patient/balise-{code}").json()
    return {one["system"]: one["value"] for one in patient["identifier"]}


def shown(client: httpx.Client, code: str) -> dict[str, str]:
    """Return what the form says of the identity that it was shown."""
    found = re.search(r'name="over" value="(\d+)"', client.get(f"/patients/{code}/identity").text)
    assert found
    return {"over": found[1]}


def corrects(
    client: httpx.Client, code: str, said: dict[str, str], over: dict[str, str] | None = None
) -> httpx.Response:
    return client.post(f"/patients/{code}/identity", data=said | (over or shown(client, code)))


def test_of_two_who_correct_at_once_the_second_sees_the_first(
    visit: Visit, database: psycopg.Connection
):
    east, doctor = visit("east.nurse"), visit("east.doctor")
    code = code_of(east.post("/enrol", data=NEW | {"panel": "east"}))
    seen = shown(doctor, code)
    assert corrects(east, code, NEW | {"given": "Anne"}).is_success
    late = corrects(doctor, code, NEW | {"family": "Lefebvre"}, over=seen)
    assert late.status_code == 422
    assert "entre-temps" in late.text
    assert corrects(doctor, code, NEW | {"family": "Lefebvre"}, over={"over": "x"}).is_error
    assert corrects(doctor, code, NEW | {"family": "Lefebvre"}).is_success
    rows = database.execute(
        "SELECT family, given, corrected_by FROM identity_revision"
        " JOIN subject ON subject.id = subject WHERE code = %s ORDER BY version",
        (code,),
    ).fetchall()
    assert rows == [
        ("Lefèvre", "Anne Marie", "east.nurse"),
        ("Lefèvre", "Anne", "east.doctor"),
    ]
    page = doctor.get(f"/patients/{code}/identity").text
    assert "Corrigé par east.doctor" in page
    assert "Lefèvre Anne Marie" in page


def test_a_new_patient_is_the_ward_s_and_nobody_else_s(visit: Visit, database: psycopg.Connection):
    east, west = visit("east.nurse"), visit("west.nurse")
    code = code_of(east.post("/enrol", data=NEW | {"panel": "east"}))
    page = east.get(f"/patients/{code}").text
    assert "Lefèvre Anne Marie" in page
    assert "INS qualifiée" in page
    assert west.get(f"/patients/{code}").status_code == 404
    assert west.get(f"/patients/{code}/identity").status_code == 404
    forged = west.post(f"/patients/{code}/identity", data=NEW | {"family": "Autre"})
    assert forged.status_code == 404
    row = database.execute(
        "SELECT pathway, family, status, audit.who, audit.what FROM subject"
        " JOIN identity ON identity.subject = subject.id"
        " JOIN audit ON audit.patients @> ARRAY[subject.id] AND action = 'change'"
        " WHERE code = %s ORDER BY number LIMIT 1",
        (code,),
    ).fetchone()
    assert row == ("hypertension", "Lefèvre", "qualified", "east.nurse", "POST /enrol")


def test_who_sees_an_alert_has_the_number_to_call(visit: Visit):
    east = visit("east.nurse")
    new = NEW | {"ins": "", "status": "validated"}
    code = code_of(east.post("/enrol", data=new | {"panel": "east", "phone": "02 41 00 00 01"}))
    page = east.get(f"/patients/{code}").text
    assert '<a href="tel:0241000001">Appeler le 02 41 00 00 01</a>' in page
    assert corrects(east, code, new | {"phone": "ask Anne"}).status_code == 422
    assert corrects(east, code, new | {"phone": ""}).is_success
    assert "tel:" not in east.get(f"/patients/{code}").text
    assert "0241000001" in east.get(f"/patients/{code}/identity").text  # as it was before


def test_the_national_number_is_told_where_it_is_qualified_and_only_there(
    visit: Visit, database: psycopg.Connection
):
    east = visit("east.nurse")
    code = code_of(east.post("/enrol", data=NEW | {"panel": "east"}))
    assert identifiers(east, code)[OID] == "269054958815780"
    corrects(east, code, NEW | {"status": "retrieved"})
    assert OID not in identifiers(east, code)


def test_one_number_is_one_patient_s(visit: Visit, database: psycopg.Connection):
    east, west = visit("east.nurse"), visit("west.nurse")
    code_of(east.post("/enrol", data=NEW | {"panel": "east"}))
    before = database.execute("SELECT count(*) FROM subject").fetchone()
    again = west.post("/enrol", data=NEW | {"panel": "west"})
    assert again.status_code == 422
    assert "déjà celui d" in again.text
    assert database.execute("SELECT count(*) FROM subject").fetchone() == before


@pytest.mark.parametrize("name", ["east.nurse", "idle.nurse"])
@pytest.mark.parametrize("panel", ["west", "site", "nowhere", ""])
def test_nobody_enrols_for_others(
    name: str, panel: str, visit: Visit, database: psycopg.Connection
):
    before = database.execute("SELECT count(*) FROM subject").fetchone()
    answer = visit(name).post("/enrol", data=NEW | {"panel": panel})
    assert answer.status_code == 422
    assert database.execute("SELECT count(*) FROM subject").fetchone() == before


def test_what_was_written_comes_back_with_what_may_stand_there(
    visit: Visit, database: psycopg.Connection
):
    answer = visit("east.nurse").post(
        "/enrol", data=NEW | {"panel": "east", "ins": "269054958815781"}
    )
    assert answer.status_code == 422
    assert "relisez les quinze signes" in answer.text
    assert 'value="269054958815781"' in answer.text
    assert 'value="Lefèvre"' in answer.text


def test_a_patient_put_on_another_pathway_is_judged_by_it(
    visit: Visit, database: psycopg.Connection
):
    east, doctor = visit("east.nurse"), visit("east.doctor")
    code = code_of(east.post("/enrol", data=NEW | {"panel": "east"}))
    form = east.get(f"/patients/{code}/identity").text
    assert 'value="269054958815780"' in form
    changed = NEW | {"pathway": "heart_failure", "given": "Anne"}
    assert corrects(east, code, changed).status_code == 422
    assert corrects(doctor, code, changed).is_success
    row = database.execute(
        "SELECT pathway, given, assessed < generation FROM subject"
        " JOIN identity ON identity.subject = id JOIN dirty_subject ON dirty_subject.subject = id"
        " WHERE code = %s",
        (code,),
    ).fetchone()
    assert row == ("heart_failure", "Anne", True)


def test_who_tries_numbers_is_seen(visit: Visit, database: psycopg.Connection):
    east, west = visit("east.nurse"), visit("west.nurse")
    code_of(east.post("/enrol", data=NEW | {"panel": "east"}))
    west.post("/enrol", data=NEW | {"panel": "west"})
    row = database.execute(
        "SELECT what, patients, reason FROM audit WHERE who = 'west.nurse'"
        " ORDER BY number DESC LIMIT 1"
    ).fetchone()
    assert row == ("POST /enrol", [], "a number that is enrolled already")


def test_an_import_undoes_no_correction(visit: Visit, database: psycopg.Connection):
    code = code_of(visit("east.nurse").post("/enrol", data=NEW | {"panel": "east"}))
    found = people.find(database, code)
    assert found
    people.set_identity(database, found.id, family="?", given="import")
    row = database.execute("SELECT family FROM identity WHERE subject = %s", (found.id,)).fetchone()
    assert row == ("Lefèvre",)


def test_who_follows_everybody_enrols_into_the_site(site: str, coordinator: httpx.Client):
    code = code_of(
        coordinator.post("/enrol", data=NEW | {"panel": "site", "ins": "", "status": ""})
    )
    assert "Lefèvre" in coordinator.get(f"/patients/{code}").text


def test_ops_are_not_told_of_such_a_page(keeper: httpx.Client):
    assert keeper.get("/enrol").status_code == 404
    assert keeper.post("/enrol", data=NEW | {"panel": "site"}).status_code == 404
