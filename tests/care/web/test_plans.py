"""The plan of a patient as a clinician sets it, and what somebody else may not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from care.web.words import words
from sql import people, signals

pytestmark = pytest.mark.stack
PLAN = "/patients/p-durand/plan"
UNSIGNED = words("fr")("plan.unsigned").partition("'")[0]


def over(page: str) -> str:
    found = re.search(r'name="over" value="(\d+)"', page)
    assert found
    return found[1]


def test_a_limit_is_set_signed_and_in_the_history(nurse: httpx.Client):
    page = nurse.get(PLAN).text
    form = {"over": over(page), "limit.very_high_systolic": "175", "protocol": "FR3"}
    page = nurse.post(PLAN, data=form).text
    assert 'value="175"' in page
    assert re.search(r'<option value="FR3" selected>', page)
    assert "signé par nurse" in page
    assert "Systolique très élevée, à partir de 175 mmHg ; Protocole" in page
    nurse.post(PLAN, data={"over": over(page)})
    assert "seuils du parcours" in nurse.get(PLAN).text


def test_a_slip_of_the_pen_comes_back_with_what_may_stand_there(nurse: httpx.Client):
    page = nurse.get(PLAN).text
    answer = nurse.post(PLAN, data={"over": over(page), "limit.very_high_systolic": "17,5"})
    assert answer.status_code == 422
    assert "« 17,5 » ne peut pas servir. Écrivez un nombre de 140 à 220." in answer.text
    assert 'value="17,5"' in answer.text
    assert f'name="over" value="{over(page)}"' in answer.text  # what it was written over
    for odd in ("--5", "²", "1e999", "9" * 400, f"175.{'0' * 40}1"):
        form = {"over": over(page), "limit.very_high_systolic": odd}
        assert nurse.post(PLAN, data=form).status_code == 422
    answer = nurse.post(PLAN, data={"over": over(page), "protocol": "GUESS"})
    assert "choisissez-en un" in answer.text


def test_a_plan_signed_over_anothers_is_shown_to_who_signs(nurse: httpx.Client):
    page = nurse.get(PLAN).text
    assert nurse.post(PLAN, data={"over": over(page)}).status_code == 200
    answer = nurse.post(PLAN, data={"over": over(page), "limit.very_high_systolic": "170"})
    assert answer.status_code == 409
    assert "un a signé un autre plan" in answer.text


NEW = {"family": "Neuve", "given": "Rose", "sex": "unknown", "status": "provisional"}


def test_a_plan_holds_for_the_pathway_it_was_signed_for(nurse: httpx.Client, populated: str):
    enrolled = nurse.post("/enrol", data={**NEW, "pathway": "hypertension", "panel": "site"})
    code = enrolled.url.path.rsplit("/", 1)[1]
    plan, identity = f"/patients/{code}/plan", f"/patients/{code}/identity"
    form = {"over": "0", "pathway": "hypertension", "limit.very_high_systolic": "175"}
    assert UNSIGNED not in nurse.post(plan, data=form).text
    nurse.post(
        identity, data={**NEW, "pathway": "heart_failure", "over": over(nurse.get(identity).text)}
    )
    page = nurse.get(plan).text
    assert UNSIGNED in page
    assert "(Hypertension)" in page
    assert UNSIGNED in nurse.get(f"/patients/{code}").text
    with psycopg.connect(populated) as database:
        found = people.find(database, code)
        (judged,) = signals.followed(database, [found.id] if found else [])
    assert (judged.plan_version, judged.plan) == (1, None)
    late = nurse.post(plan, data=form | {"over": over(page)})  # the form of the other pathway
    assert late.status_code == 409
    form = {"over": over(page), "pathway": "heart_failure"}
    assert UNSIGNED not in nurse.post(plan, data=form).text
    assert UNSIGNED not in nurse.get(f"/patients/{code}").text


@pytest.mark.parametrize("form", [{}, {"over": "x"}])
def test_a_form_that_is_not_ours_is_not_found(nurse: httpx.Client, form: dict[str, str]):
    assert nurse.post(PLAN, data=form).status_code == 404


def test_a_coordinator_reads_a_plan_and_signs_none(coordinator: httpx.Client):
    page = coordinator.get(PLAN)
    assert page.status_code == 200
    assert "Signer ce plan" not in page.text
    assert coordinator.post(PLAN, data={"over": "1"}).status_code == 404
    today = datetime.now(UTC).date()
    pause = {"first": f"{today}", "last": f"{today}", "reason": "other"}
    assert coordinator.post("/patients/p-durand/pauses", data=pause).status_code == 404


def test_a_pause_is_told_and_ends(nurse: httpx.Client):
    today = datetime.now(UTC).date()
    form = {"first": f"{today - timedelta(days=1)}", "last": f"{today + timedelta(days=5)}"}
    page = nurse.post("/patients/p-durand/pauses", data={**form, "reason": "hospital"}).text
    assert "hospitalisation, écrit par nurse" in page
    assert "En pause jusqu" in nurse.get("/patients/p-durand").text
    number = re.search(r"pauses/(\d+)/end", page)
    assert number
    nurse.post(f"/patients/p-durand/pauses/{number[1]}/end")
    assert "En pause jusqu" not in nurse.get("/patients/p-durand").text


@pytest.mark.parametrize("days", [-1, 400])
def test_a_pause_that_ends_before_it_begins_or_never_is_none(nurse: httpx.Client, days: int):
    today = datetime.now(UTC).date()
    form = {"first": f"{today}", "last": f"{today + timedelta(days=days)}", "reason": "holiday"}
    answer = nurse.post("/patients/p-durand/pauses", data=form)
    assert answer.status_code == 422
    assert "Cette pause n" in answer.text
    assert "vacances, écrit" not in answer.text


def test_the_team_tells_one_another(nurse: httpx.Client):
    nurse.post("/patients/p-durand/notes", data={"text": " A bien compris <le> brassard. "})
    page = nurse.get("/patients/p-durand").text
    assert "A bien compris &lt;le&gt; brassard." in page
    form = {"name": "Dr Roche", "role": "general_practitioner", "contact": "01 02 03"}
    page = nurse.post("/patients/p-durand/team", data=form).text
    assert "Dr Roche, médecin traitant, 01 02 03" in page
    member = re.search(r"team/(\d+)/leave", page)
    assert member
    assert "Dr Roche" not in nurse.post(f"/patients/p-durand/team/{member[1]}/leave").text


def test_nobody_of_that_code(nurse: httpx.Client):
    assert nurse.get("/patients/nobody/plan").status_code == 404


def test_of_what_is_counted_there_are_no_halves(nurse: httpx.Client):
    form = {"over": over(nurse.get(PLAN).text), "limit.blood_pressure_crisis_count": "2,5"}
    page = nurse.post(PLAN, data=form)
    assert page.status_code == 422
    assert "un nombre entier de 1 à 6" in page.text
    assert page.text.count('aria-invalid="true"') == 1


def test_a_patient_is_found_by_name(nurse: httpx.Client):
    for said in ("dur", "P-DURAND", "dürand", "durand 1944", "30/01/1944"):
        page = nurse.get("/", params={"name": said}).text
        assert set(re.findall(r"/patients/(p-\w+)\">", page)) == {"p-durand"}, said
    assert "Personne de ce nom" in nurse.get("/", params={"name": "zzz%"}).text
    assert "Personne de ce nom" in nurse.get("/", params={"start": 5000}).text


def test_a_closed_alert_is_opened_again_and_says_so(nurse: httpx.Client, populated: str):
    with psycopg.connect(populated, autocommit=True) as database:
        row = database.execute(
            "SELECT signal.id FROM signal JOIN subject ON subject.id = subject"
            " WHERE code = 'p-petit' AND rule = 'silence'"
        ).fetchone()
        assert row
        path = f"/patients/p-petit/signals/{row[0]}"
        nurse.post(path, data={"state": "closed", "reason": "called"})
        assert "Rouvrir" in nurse.get("/patients/p-petit").text
        page = nurse.post(path, data={"state": "reopened"}).text
        assert "Rouverte, nurse" in page
        state = database.execute("SELECT state FROM signal WHERE id = %s", row).fetchone()
        assert state == ("in_hand",)
        # What somebody has in hand is theirs to close, though the values came back.
        found = database.execute("SELECT id FROM subject WHERE code = 'p-petit'").fetchone()
        assert found
        closed = signals.close_others(database, found[0], "silence", None, reason="values_back")
        assert closed == 0
        database.execute("UPDATE signal SET state = 'new' WHERE id = %s", row)


PROFILE = [
    {"hour": hour, "n": 168, "percentiles": [60, 100, 130 + hour, 170, 230]}
    for hour in (0, 1, 2, 6, 7, 8)
]


def test_a_glucose_profile_is_drawn_and_its_table_has_the_same_numbers(
    nurse: httpx.Client, populated: str
):
    with psycopg.connect(populated, autocommit=True) as database:
        put = (
            "UPDATE summary SET profile = %s"
            " WHERE subject = (SELECT id FROM subject WHERE code = 'p-moreau')"
        )
        database.execute(put, (Jsonb(PROFILE),))
        page = nurse.get("/patients/p-moreau").text
        database.execute(put, (None,))
    assert page.count('class="band outer"') == 2  # nothing is drawn over hours without readings
    assert "<td>168</td><td>60</td><td>100</td><td>136</td><td>170</td><td>230</td>" in page
    assert "Profil glycémique" not in nurse.get("/patients/p-moreau").text


def test_a_word_that_cannot_go_says_so_and_is_not_kept(nurse: httpx.Client):
    page = nurse.post("/patients/p-durand/message", data={"text": "Bonjour"}).text
    assert "Le mot n" in page
    assert "Aucun mot envoyé." in page


def test_who_keeps_the_line_writes_to_nobody(keeper: httpx.Client):
    answer = keeper.post("/patients/p-durand/message", data={"text": "Bonjour"})
    assert answer.status_code == 404
    assert "Dire au patient" not in keeper.get("/patients/p-durand").text
