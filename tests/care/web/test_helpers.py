"""A patient's own helper: one page of one patient, as long as the patient and the carers will."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape

import httpx
import psycopg
import pytest

from care.web import accounts
from care.web.words import words

pytestmark = pytest.mark.stack

PASSWORD = "a long enough password"
CODE, OTHER = "p-martin", "p-durand"
W = words("fr")
Visit = Callable[[str], httpx.Client]


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(populated, autocommit=True) as connection:
        connection.execute("DELETE FROM login WHERE role = 'helper'")
        yield connection
        connection.execute("DELETE FROM consent")


def invite(nurse: httpx.Client, name: str, code: str = CODE, agreed: str = "yes") -> httpx.Response:
    return nurse.post(f"/patients/{code}/helpers", data={"name": name, "agreed": agreed})


def link_in(page: httpx.Response) -> str:
    (link,) = re.findall(r"/welcome/[\w-]+", page.text)
    return str(link)


@pytest.fixture
def daughter(nurse: httpx.Client, visit: Visit, database: psycopg.Connection) -> httpx.Client:
    """Madame Martin's daughter, who was let in and chose a password."""
    assert database
    client = visit("")
    chosen = {"password": PASSWORD, "again": PASSWORD}
    entered = client.post(link_in(invite(nurse, "her.daughter")), data=chosen)
    assert entered.url.path == "/helped"
    return client


def test_a_helper_sees_what_was_measured_last(
    daughter: httpx.Client, nurse: httpx.Client, database: psycopg.Connection
):
    shown = unescape(daughter.get("/helped").text)
    row = database.execute(
        "SELECT family, given FROM identity JOIN subject ON id = subject WHERE code = %s", (CODE,)
    ).fetchone()
    assert row
    assert f"{row[1]} {row[0]}" in shown
    newest = database.execute(
        "SELECT DISTINCT ON (metric) metric, value FROM reading JOIN series ON series.id = series"
        " JOIN subject ON subject.id = subject WHERE code = %s ORDER BY metric, taken_at DESC",
        (CODE,),
    ).fetchall()
    assert {"systolic_blood_pressure", "body_weight"} <= {metric for metric, _ in newest}
    for metric, value in newest:
        line = re.search(rf"<th scope=\"row\">{W(f'metric.{metric}')}</th><td>([^<]*)", shown)
        assert line, metric
        assert line[1].startswith(W.number(value)), metric
    assert W("helped.no_emergency") in shown
    assert nurse.get(f"/patients/{CODE}").is_success


def test_a_helper_sees_nothing_else(daughter: httpx.Client):
    for path in (f"/patients/{CODE}", f"/patients/{CODE}/plan", f"/patients/{OTHER}",
                 f"/patients/{CODE}/helpers", "/accounts", "/ops/refused", "/enrol",
                 "/emergency", f"/patients/{CODE}/report.pdf"):  # fmt: skip
        assert daughter.get(path).status_code == 404, path
    assert daughter.get("/").url.path == "/helped"
    asked = httpx.get(str(daughter.base_url.join("/fhir/Patient")), auth=("her.daughter", PASSWORD))
    assert asked.status_code in {401, 403, 404}


def test_what_a_helper_looks_at_stands_in_the_patients_list(
    daughter: httpx.Client, nurse: httpx.Client
):
    daughter.get("/helped")
    listed = unescape(nurse.get(f"/patients/{CODE}/access").text)
    assert "her.daughter" in listed
    assert W("accounts.role_helper") in listed


def test_a_helper_reads_the_teams_last_word(daughter: httpx.Client, database: psycopg.Connection):
    told = "Bravo <b>pour</b> la semaine"
    database.execute(
        "INSERT INTO message (subject, who, text, boxes) SELECT id, 'nurse', %s, 1 FROM subject"
        " WHERE code = %s",
        (told, CODE),
    )
    page = daughter.get("/helped").text
    assert "Bravo &lt;b&gt;pour&lt;/b&gt; la semaine" in page


def test_a_box_that_is_silent_is_said_to_be(daughter: httpx.Client, database: psycopg.Connection):
    """It is what somebody who lives near can mend."""
    of_hers = (
        "UPDATE gateway SET last_contact_at = now() - %s::interval WHERE name IN"
        " (SELECT gateway FROM device JOIN assignment ON assignment.device = device.id"
        "  JOIN subject ON subject.id = subject WHERE code = %s)"
    )
    assert database.execute(of_hers, ("3 days", CODE)).rowcount
    assert W("helped.silent", ago="il y a 3 jours") in unescape(daughter.get("/helped").text)
    database.execute(of_hers, ("1 minute", CODE))
    assert W("helped.never") not in unescape(daughter.get("/helped").text)
    assert 'role="alert"' not in daughter.get("/helped").text


def test_nobody_is_let_in_without_the_patients_word(
    nurse: httpx.Client, database: psycopg.Connection
):
    answer = invite(nurse, "somebody", agreed="")
    assert answer.status_code == 422
    assert W("helpers.trouble_agreed") in unescape(answer.text)
    assert not database.execute("SELECT FROM login WHERE name = 'somebody'").rowcount


@pytest.mark.parametrize("name", ["nurse", "keeper", "his.son"])
def test_a_name_that_is_anybody_elses_opens_nothing(
    name: str, nurse: httpx.Client, database: psycopg.Connection
):
    """A name typed wrong must not show a patient to another family, or to a colleague."""
    invite(nurse, "his.son", OTHER)
    before = database.execute("SELECT * FROM login ORDER BY name").fetchall()
    answer = invite(nurse, name)
    assert answer.status_code == 422
    assert W("helpers.trouble_taken") in unescape(answer.text)
    assert database.execute("SELECT * FROM login ORDER BY name").fetchall() == before


def test_a_lost_link_is_made_anew_and_the_one_before_ends(
    nurse: httpx.Client, visit: Visit, database: psycopg.Connection
):
    assert database
    first, second = (link_in(invite(nurse, "her.daughter")) for _ in range(2))
    assert visit("").get(first).status_code == 404
    assert visit("").get(second).status_code == 200


def test_who_is_let_go_sees_nothing_from_then_on(
    daughter: httpx.Client, nurse: httpx.Client, visit: Visit
):
    ended = nurse.post(f"/patients/{CODE}/helpers/her.daughter/end")
    assert W("helpers.left", at="").strip() in unescape(ended.text)
    assert daughter.get("/helped").url.path == "/sign-in"
    again = visit("").post("/sign-in", data={"name": "her.daughter", "password": PASSWORD})
    assert again.status_code == 401
    assert nurse.post(f"/patients/{CODE}/helpers/her.daughter/end").status_code == 404
    assert nurse.post(f"/patients/{OTHER}/helpers/nurse/end").status_code == 404


def test_a_patient_who_withdraws_is_shown_to_nobody_of_theirs(
    daughter: httpx.Client, nurse: httpx.Client, database: psycopg.Connection
):
    page = nurse.get(f"/patients/{CODE}/consent").text
    over, sheet = (
        re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in ("over", "sheet")
    )
    said = {"withdraw": "yes", "way": "spoken", "over": over, "sheet": sheet}
    nurse.post(f"/patients/{CODE}/consent", data=said)
    shown = unescape(daughter.get("/helped").text)
    assert W("helped.nobody") in shown
    assert "<table" not in shown
    assert database


def test_only_a_carer_who_follows_the_patient_lets_somebody_in(
    visit: Visit, keeper: httpx.Client, daughter: httpx.Client, database: psycopg.Connection
):
    accounts.add(database, "stranger", PASSWORD, role="clinician", panels=())
    for client in (keeper, daughter, visit("stranger")):
        assert invite(client, "a.friend").status_code == 404
    assert not database.execute("SELECT FROM login WHERE name = 'a.friend'").rowcount


def test_an_admin_makes_no_helper(visit: Visit, database: psycopg.Connection):
    """Who is a patient's is for whoever cares for them to say."""
    accounts.add(database, "head", PASSWORD, role="admin", panels=())
    form = {"name": "a.friend", "role": "helper", "panel": ""}
    assert visit("head").post("/accounts", data=form).status_code == 422
