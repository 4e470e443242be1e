"""A patient's own helper: one page of one patient, as long as the patient and the carers will."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape

import httpx
import psycopg
import pytest

from bench.waiting import blocks, until
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


def invite(
    nurse: httpx.Client, code: str = CODE, called: str = "Anne", agreed: str = "yes"
) -> httpx.Response:
    return nurse.post(f"/patients/{code}/helpers", data={"called": called, "agreed": agreed})


def link_in(page: httpx.Response) -> str:
    (link,) = re.findall(r"/welcome/[\w-]+", page.text)
    return str(link)


def account(database: psycopg.Connection) -> str:
    """The one helper there is."""
    ((name,),) = database.execute("SELECT account FROM helper").fetchall()
    return str(name)


def choose_password(client: httpx.Client, link: str) -> httpx.Response:
    return client.post(link, data={"password": PASSWORD, "again": PASSWORD})


@pytest.fixture
def daughter(nurse: httpx.Client, visit: Visit, database: psycopg.Connection) -> httpx.Client:
    """Madame Martin's daughter, who was let in and chose a password."""
    assert database
    client = visit("")
    assert choose_password(client, link_in(invite(nurse))).url.path == "/helped"
    return client


def test_a_helper_sees_what_was_measured_last(daughter: httpx.Client, database: psycopg.Connection):
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
        assert line[1].startswith(f"{W.number(value)} "), metric
    assert W("helped.no_emergency") in shown


def test_a_day_of_which_nothing_counts_leaves_the_one_before(
    daughter: httpx.Client, database: psycopg.Connection
):
    """The demo's newest weight falls away, as where a replay gives it to somebody else."""
    whose = {"code": CODE, "metric": "body_weight"}
    row = database.execute(
        "SELECT subject, max(day) FROM rollup JOIN subject ON id = subject"
        " WHERE code = %(code)s AND metric = %(metric)s GROUP BY subject",
        whose,
    ).fetchone()
    assert row
    assert W.day(row[1]) in weight_line(daughter)
    database.execute(
        "DELETE FROM rollup WHERE subject = %s AND day = %s AND metric = 'body_weight'", row
    )
    assert W.day(row[1]) not in weight_line(daughter)


def weight_line(daughter: httpx.Client) -> str:
    found = re.search(rf"{W('metric.body_weight')}</th>.*", unescape(daughter.get("/helped").text))
    assert found
    return found[0]


def test_a_helper_sees_nothing_else(daughter: httpx.Client, database: psycopg.Connection):
    for path in (f"/patients/{CODE}", f"/patients/{CODE}/plan", f"/patients/{OTHER}",
                 f"/patients/{CODE}/helpers", "/accounts", "/ops/refused", "/enrol",
                 "/emergency", f"/patients/{CODE}/report.pdf"):  # fmt: skip
        assert daughter.get(path).status_code == 404, path
    assert daughter.get("/").url.path == "/helped"
    asked = httpx.get(str(daughter.base_url.join("/fhir/Patient")), auth=("her.daughter", PASSWORD))
    assert asked.status_code in {401, 403, 404}


def test_what_a_helper_looks_at_stands_in_the_patients_list(
    daughter: httpx.Client, nurse: httpx.Client, database: psycopg.Connection
):
    daughter.get("/helped")
    listed = unescape(nurse.get(f"/patients/{CODE}/access").text)
    assert account(database) in listed
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


@pytest.mark.parametrize("said", [{"agreed": ""}, {"called": " "}])
def test_nobody_is_let_in_without_the_patients_word(
    said: dict[str, str], nurse: httpx.Client, database: psycopg.Connection
):
    answer = invite(nurse, **said)
    assert answer.status_code == 422
    assert W("helpers.trouble_agreed") in unescape(answer.text)
    assert not database.execute("SELECT FROM helper").rowcount


def test_a_lost_link_is_made_anew_and_the_one_before_ends(
    nurse: httpx.Client, visit: Visit, database: psycopg.Connection
):
    first = link_in(invite(nurse))
    another = f"/patients/{CODE}/helpers/{account(database)}/link"
    second = link_in(nurse.post(another))
    assert visit("").get(first).status_code == 404
    phone = visit("")
    assert choose_password(phone, second).url.path == "/helped"
    third = link_in(nurse.post(another))  # the phone is lost
    assert phone.get("/helped").url.path == "/sign-in"
    form = {"name": account(database), "password": PASSWORD}
    assert visit("").post("/sign-in", data=form).status_code == 401
    assert choose_password(visit(""), third).url.path == "/helped"
    assert nurse.post(f"/patients/{OTHER}/helpers/{account(database)}/link").status_code == 422
    assert nurse.post(f"/patients/{CODE}/helpers/nurse/link").status_code == 422


def test_who_signs_in_while_a_new_link_is_made_is_out_again(
    daughter: httpx.Client, nurse: httpx.Client, database: psycopg.Connection, populated: str
):
    """Whoever found the phone signs in at the moment at which the nurse makes the link."""
    assert daughter.get("/helped").url.path == "/helped"
    name = account(database)
    held = database.execute("SELECT password_hash FROM login WHERE name = %s", (name,)).fetchone()
    hour = timedelta(hours=1)
    with psycopg.connect(populated) as finder, ThreadPoolExecutor(1) as pool:
        opens = "SELECT open_session('x', %s, %s, %s, %s)"
        finder.execute(opens, (name, hour, hour, *(held or ())))
        made = pool.submit(nurse.post, f"/patients/{CODE}/helpers/{name}/link")
        until(lambda: blocks(database, finder))
        finder.commit()
        assert made.result(180).status_code == 200
    assert not database.execute("SELECT FROM web_session WHERE login = %s", (name,)).rowcount


def test_who_is_let_go_sees_nothing_from_then_on(
    daughter: httpx.Client, nurse: httpx.Client, visit: Visit, database: psycopg.Connection
):
    name = account(database)
    ended = nurse.post(f"/patients/{CODE}/helpers/{name}/end")
    assert "Anne" in ended.text
    assert W("helpers.left", at="").strip() in unescape(ended.text)
    assert daughter.get("/helped").url.path == "/sign-in"
    assert visit("").post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 401
    assert nurse.post(f"/patients/{CODE}/helpers/{name}/end").status_code == 404
    assert nurse.post(f"/patients/{CODE}/helpers/{name}/link").status_code == 422
    assert nurse.post(f"/patients/{OTHER}/helpers/nurse/end").status_code == 404
    assert nurse.get("/").is_success  # nobody else was signed out


def test_a_patient_who_withdraws_is_shown_to_nobody_of_theirs(
    daughter: httpx.Client, nurse: httpx.Client, database: psycopg.Connection
):
    """Nor later, should they agree to be followed anew: it is asked anew."""
    say(nurse, withdraw="yes")
    assert daughter.get("/helped").url.path == "/sign-in"
    refused = invite(nurse)
    assert refused.status_code == 422
    assert W("helpers.trouble_refused") in unescape(refused.text)
    say(nurse, monitoring="yes")
    assert daughter.get("/helped").url.path == "/sign-in"
    assert database.execute("SELECT FROM helper WHERE left_at IS NULL").rowcount == 0
    assert invite(nurse).is_success


def say(nurse: httpx.Client, **said: str) -> None:
    """Write what the patient agrees to, over what the page shows."""
    page = nurse.get(f"/patients/{CODE}/consent").text
    shown = {
        name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in ("over", "sheet")
    }
    assert nurse.post(f"/patients/{CODE}/consent", data=shown | {"way": "spoken"} | said).is_success


def test_an_emergency_lets_nobody_in(visit: Visit, database: psycopg.Connection):
    """It opens a page for hours; a helper would stay."""
    accounts.add(database, "locum", PASSWORD, role="clinician", panels=())
    locum = visit("locum")
    locum.post("/emergency", data={"code": CODE, "reason": "she fell"})
    assert locum.get(f"/patients/{CODE}/helpers").is_success
    assert invite(locum).status_code == 422
    assert not database.execute("SELECT FROM helper").rowcount


def test_only_a_carer_who_follows_the_patient_lets_somebody_in(
    visit: Visit, keeper: httpx.Client, daughter: httpx.Client, database: psycopg.Connection
):
    accounts.add(database, "stranger", PASSWORD, role="clinician", panels=())
    for client in (keeper, daughter, visit("stranger")):
        assert invite(client, called="a friend").status_code == 404
    assert not database.execute("SELECT FROM helper WHERE called = 'a friend'").rowcount


def test_an_admin_makes_no_helper_and_no_helper_anybody_else(
    visit: Visit, daughter: httpx.Client, database: psycopg.Connection
):
    """Who is a patient's is for their carers to say; a helper's password opens nothing else."""
    accounts.add(database, "head", PASSWORD, role="admin", panels=())
    head, name = visit("head"), account(database)
    made = {"name": "a.friend", "role": "helper", "panel": ""}
    assert head.post("/accounts", data=made).status_code == 422
    taken = {"name": name, "role": "clinician", "panel": "site"}
    refused = head.post("/accounts", data=taken)
    assert refused.status_code == 422
    assert W("accounts.refused") in unescape(refused.text)
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("UPDATE login SET role = 'clinician' WHERE name = %s", (name,))
    assert daughter.get("/helped").is_success
    head.post(f"/accounts/{name}/shut")
    assert daughter.get("/helped").url.path == "/sign-in"
    assert database.execute("SELECT FROM helper WHERE left_at IS NULL").rowcount == 0
