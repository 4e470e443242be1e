from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

import httpx
import psycopg
import pytest

from balise.settings import Settings
from care.web.words import words

CLOSED = {"state": "closed", "reason": "called"}
pytestmark = pytest.mark.stack
PASSWORD = "a long enough password"
Serve = Callable[[Settings], AbstractContextManager[str]]


@pytest.fixture
def visitor(site: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site, follow_redirects=True) as client:
        yield client


@pytest.fixture
def nurse(visitor: httpx.Client) -> httpx.Client:
    visitor.post("/sign-in", data={"name": "nurse", "password": PASSWORD})
    return visitor


@pytest.mark.parametrize("path", ["/", "/patients/p-martin", "/patients/p-martin/readings/1/1/1"])
def test_nothing_is_shown_without_signing_in(visitor: httpx.Client, path: str):
    answer = visitor.get(path)
    assert answer.url.path == "/sign-in"
    assert "Martin" not in answer.text


@pytest.mark.parametrize(("name", "password"), [("nurse", "wrong"), ("nobody", PASSWORD)])
def test_wrong_names_and_passwords_get_the_same_answer(
    visitor: httpx.Client, name: str, password: str
):
    answer = visitor.post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 401
    assert "inconnu" in answer.text
    assert not visitor.cookies


def test_the_worklist_puts_who_needs_attention_first_with_the_reason(nurse: httpx.Client):
    page = nurse.get("/").text
    names = re.findall(r"<th scope=\"row\"><a href=\"/patients/(p-\w+)\">", page)
    assert names == ["p-martin", "p-bernard", "p-petit", "p-durand", "p-moreau", "p-roux"]
    assert re.search(r"\+\d,\d kg en \d jour", page)
    assert "seuil 135/85" in page
    assert "Poids : rien depuis" in page
    assert "3 patients sur 6" in page
    assert "dernier envoi reçu" in page


def test_who_cannot_be_judged_is_not_said_to_be_without_alert(nurse: httpx.Client, populated: str):
    failed = (
        "UPDATE dirty_subject SET assess_failed_at = {}"
        " FROM subject WHERE id = subject AND code = 'p-roux'"
    )
    with psycopg.connect(populated, autocommit=True) as database:
        database.execute(failed.format("now()").encode())
        try:
            page = nurse.get("/").text
            row = page[page.index('<th scope="row"><a href="/patients/p-roux"') :].partition(
                "</tr>"
            )[0]
            own = nurse.get("/patients/p-roux").text
        finally:
            database.execute(failed.format("NULL").encode())
    said = words("fr")("fresh.failed", count=1, names="Roux").partition(" : ")[0]
    assert said.replace("'", "&#39;") in page
    assert said.replace("'", "&#39;") in own
    assert said.replace("'", "&#39;") not in nurse.get("/patients/p-martin").text
    assert words("fr")("level.failed") in row
    assert words("fr")("level.0") not in row


def test_what_nobody_has_seen_for_a_day_is_counted_at_the_head(nurse: httpx.Client, populated: str):
    older = "UPDATE signal SET raised_at = raised_at + %s WHERE rule = 'home_blood_pressure'"
    assert "que personne" not in nurse.get("/").text
    with psycopg.connect(populated, autocommit=True) as database:
        database.execute(older, (timedelta(hours=-96),))
        page = nurse.get("/").text
        database.execute(older, (timedelta(hours=96),))
    assert "1 alerte que personne n&#39;a vue, levée il y a 4 jours" in page


def test_from_the_signal_two_clicks_lead_to_the_bytes(nurse: httpx.Client):
    page = nurse.get("/patients/p-martin").text
    signal = re.search(r'<a href="(/patients/p-martin/signals/\d+)">Mesures à l', page)
    assert signal
    evidence = nurse.get(signal[1]).text
    assert "seuil 2 kg" in evidence
    link = re.search(r'<a href="(/patients/p-martin/readings/[^"]+)"', evidence)
    assert link
    assert nurse.get(signal[1].replace("p-martin", "p-bernard")).status_code == 404
    way = nurse.get(link[1]).text
    assert "body_weight" in way
    assert "import/p-martin" in way


def test_of_one_moment_the_systolic_stands_first(nurse: httpx.Client):
    page = nurse.get("/patients/p-bernard").text
    signal = re.search(r'<a href="(/patients/p-bernard/signals/\d+)">', page)
    assert signal
    rows = re.findall(r"</a></th><td>([^<]+)</td>", nurse.get(signal[1]).text)
    assert len(rows) > 20
    assert set(rows[::2]) == {"Pression systolique"}
    assert set(rows[1::2]) == {"Pression diastolique"}


def test_a_reading_of_another_patient_is_not_found(nurse: httpx.Client):
    page = nurse.get("/patients/p-martin").text
    link = re.search(r"/patients/p-martin/(readings/\d+/\d+/\d+)", page)
    assert link
    assert nurse.get(f"/patients/p-bernard/{link[1]}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/patients/nobody",
        "/patients/p-martin?days=31",
        "/patients/p-martin/readings/1/99999999999999999999/1",
        "/elsewhere",
    ],
)
def test_what_is_not_there_says_so(nurse: httpx.Client, path: str):
    answer = nurse.get(path)
    assert answer.status_code == 404
    assert "introuvable" in answer.text


def test_seen_is_kept_with_who_and_when(nurse: httpx.Client, populated: str):
    page = nurse.get("/").text
    action = re.search(r'action="(/patients/p-bernard/signals/\d+)"', page)
    assert action
    nurse.post(action[1], data={"state": "seen", "back": "/"})
    with psycopg.connect(populated) as database:
        rows = database.execute(
            "SELECT who, signal_event.state FROM signal_event JOIN signal ON signal.id = signal"
            " JOIN subject ON subject.id = subject WHERE code = 'p-bernard' ORDER BY at"
        ).fetchall()
    assert rows == [("balise", "new"), ("nurse", "seen")]


@pytest.mark.parametrize("reason", [{}, {"reason": ""}, {"reason": "because"}])
def test_a_reason_is_nobody_s_to_suppose(nurse: httpx.Client, signal: int, reason: dict[str, str]):
    page = nurse.post(f"/patients/p-martin/signals/{signal}", data={"state": "closed", **reason})
    assert "choisissez la raison" in page.text
    assert "Prendre en charge" in page.text


def test_a_second_click_is_no_trouble_and_a_second_nurse_is_told(
    nurse: httpx.Client, populated: str, signal: int
):
    path, take = f"/patients/p-martin/signals/{signal}", {"state": "in_hand", "back": "/"}
    listed, told = "Patients à voir</h1>", "Quelqu&#39;un a changé cette alerte"
    assert [listed in nurse.post(path, data=take).text for _ in range(2)] == [True, True]
    # What is in hand is not merely seen.
    assert told in nurse.post(path, data={"state": "seen"}).text
    with psycopg.connect(populated, autocommit=True) as database:
        database.execute(
            "UPDATE signal_event SET who = 'other' WHERE signal = %s AND state = 'in_hand'",
            (signal,),
        )
    assert told in nurse.post(path, data=take).text
    closed = {"state": "closed", "reason": "called"}
    assert [told in nurse.post(path, data=closed).text for _ in range(2)] == [False, False]
    assert told in nurse.post(path, data=closed | {"reason": "treated"}).text
    again = {"state": "reopened"}
    assert [told in nurse.post(path, data=again).text for _ in range(2)] == [False, False]


def test_an_address_that_cannot_be_read_is_a_page_for_a_person(nurse: httpx.Client):
    html = {"Accept": "text/html,*/*;q=0.8"}
    answer = nurse.get("/", params={"start": "abc"}, headers=html)
    assert (answer.status_code, "Cela n&#39;a pas pu être lu" in answer.text) == (422, True)
    assert nurse.get("/", params={"start": "abc"}).json()["detail"][0]["loc"] == ["query", "start"]


def test_a_note_is_as_long_as_its_writer_counted(nurse: httpx.Client):
    lines = "a\r\n" * 999 + "ab"
    assert nurse.post("/patients/p-durand/notes", data={"text": lines}).status_code == 200
    assert nurse.post("/patients/p-durand/notes", data={"text": lines + "c"}).status_code == 422


def test_every_note_can_be_read(nurse: httpx.Client):
    for number in range(12):
        nurse.post("/patients/p-durand/notes", data={"text": f"note no. {number}."})
    page = nurse.get("/patients/p-durand").text
    assert ("no. 11." in page, "no. 1." in page) == (True, False)
    assert "no. 1." in nurse.get("/patients/p-durand?notes=all").text


def test_a_page_says_when_its_own_patient_was_measured_last(nurse: httpx.Client):
    page = nurse.get("/patients/p-petit").text
    assert "Données à jour" not in page
    assert re.search(r"Dernière mesure faite il y a \d+ jours\.", page)


def test_a_chart_shows_the_limits_of_a_signed_plan(nurse: httpx.Client):
    page = nurse.get("/patients/p-bernard").text
    assert 'class="limit"' in page
    assert "Plan : Moyenne systolique à domicile, à partir de 135 mmHg ; Systolique" in page


@pytest.fixture
def signal(populated: str) -> Iterator[int]:
    """Martin's signal, as new as it was once a test is done with it."""
    with psycopg.connect(populated, autocommit=True) as database:
        [(number,)] = database.execute(
            "SELECT signal.id FROM signal JOIN subject ON subject.id = subject"
            " WHERE code = 'p-martin' AND rule = 'weight_gain'"
        ).fetchall()
        yield number
        database.execute("UPDATE signal SET state = 'new' WHERE id = %s", (number,))
        database.execute(
            "DELETE FROM signal_event WHERE signal = %s AND who <> 'balise'", (number,)
        )


def test_a_level_is_asked_for_by_itself(nurse: httpx.Client):
    def listed(**asked: str | int) -> list[str]:
        page = nurse.get("/", params=asked).text
        return re.findall(r'<th scope="row"><a href="/patients/([^"]+)"', page)

    assert (listed(level=3), listed(level=1)) == (["p-martin"], ["p-petit"])
    assert len(listed()) == 6
    assert listed(level=3, name="petit") == []
    assert nurse.get("/", params={"level": 4}).status_code == 422


def test_who_acted_is_on_the_list(nurse: httpx.Client, signal: int):
    nurse.post(f"/patients/p-martin/signals/{signal}", data={"state": "in_hand"})
    assert re.search(r"En cours<br><small>nurse, il y a \d+ seconde", nurse.get("/").text)


def test_what_somebody_closed_this_week_is_told_on_the_list(nurse: httpx.Client, populated: str):
    with psycopg.connect(populated, autocommit=True) as database:
        [(number,)] = database.execute(
            "SELECT signal.id FROM signal JOIN subject ON subject.id = subject"
            " WHERE code = 'p-bernard' AND rule = 'home_blood_pressure' AND state <> 'closed'"
        ).fetchall()
        nurse.post(f"/patients/p-bernard/signals/{number}", data=CLOSED)
        page = nurse.get("/").text
        assert re.search(r"Close il y a \d+ secondes? \(Patient appelé\) : Moyenne à domi", page)
        # As a program wrote it that gave no reason.
        database.execute("UPDATE signal_event SET reason = '' WHERE signal = %s", (number,))
        assert re.search(r"Close il y a \d+ secondes? : Moyenne à domi", nurse.get("/").text)
        database.execute("UPDATE signal SET state = 'new' WHERE id = %s", (number,))
        database.execute(
            "DELETE FROM signal_event WHERE signal = %s AND who <> 'balise'", (number,)
        )


def test_a_signal_of_another_patient_is_not_touched(nurse: httpx.Client, populated: str):
    action = re.search(r"/signals/(\d+)", nurse.get("/patients/p-martin").text)
    assert action
    nurse.post(f"/patients/p-durand/signals/{action[1]}", data=CLOSED)
    with psycopg.connect(populated) as database:
        row = database.execute("SELECT state FROM signal WHERE id = %s", (action[1],)).fetchone()
    assert row == ("new",)


def test_a_post_from_another_site_is_refused(nurse: httpx.Client):
    answer = nurse.post(
        "/patients/p-martin/signals/1", data=CLOSED, headers={"Origin": "http://evil"}
    )
    assert answer.status_code == 403


def test_signing_out_ends_the_session_at_the_server(nurse: httpx.Client):
    cookie = nurse.cookies["balise_session"]
    nurse.post("/sign-out")
    answer = nurse.get("/", headers={"Cookie": f"balise_session={cookie}"})
    assert answer.url.path == "/sign-in"


def test_the_language_is_the_accounts_and_the_way_back_is_ours(nurse: httpx.Client):
    assert "Patients to see" in nurse.post("/language", data={"back": "/"}).text
    answer = nurse.post("/language", data={"back": "//evil"})
    assert str(answer.url.host) == "127.0.0.1"
    assert "Patients à voir" in answer.text


@pytest.mark.parametrize("path", ["/?name=%00", "/patients/p%00", "/fhir/Patient?name=%00"])
def test_what_no_column_can_hold_is_not_there(nurse: httpx.Client, path: str):
    assert nurse.get(path).status_code == 404
