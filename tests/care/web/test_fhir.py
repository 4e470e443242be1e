"""The FHIR read API over real HTTP: what is found, paged, refused, and valid."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import psycopg
import pytest

from care.fhir.capability import SEARCHES
from care.fhir.checker import check

pytestmark = pytest.mark.stack
PASSWORD = "a long enough password"


@pytest.fixture
def api(site: str):
    with httpx.Client(base_url=f"{site}/fhir/", auth=("nurse", PASSWORD)) as client:
        yield client


def found(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    bundle = answer.json()
    assert check(bundle) == []
    return [one["resource"] for one in bundle.get("entry", ())]


def refusal(answer: httpx.Response) -> str:
    outcome = answer.json()
    assert check(outcome) == []
    said: str = outcome["issue"][0]["diagnostics"]
    return said


def test_what_may_be_asked_is_said_to_anybody(site: str):
    statement = httpx.get(f"{site}/fhir/metadata").json()
    assert check(statement) == []
    kinds = {one["type"] for one in statement["rest"][0]["resource"]}
    assert kinds == set(SEARCHES)


@pytest.mark.parametrize(
    "path", ["Patient", "Observation?patient=p-martin", "Flag?patient=p-martin"]
)
def test_nobody_unknown_gets_anything(site: str, path: str):
    answer = httpx.get(f"{site}/fhir/{path}", auth=("nurse", "wrong"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Basic"
    assert "sign in" in refusal(answer)
    assert httpx.get(f"{site}/fhir/{path}").status_code == 401


def test_patients_by_name_and_page_by_page(api: httpx.Client):
    (martin,) = found(api.get("Patient", params={"name": "martin"}))
    assert martin["name"][0]["family"] == "Martin"
    assert api.get(f"Patient/{martin['id']}").json() == martin
    codes: list[str] = []
    url: str | None = "Patient?_count=2"
    while url:
        answer = api.get(url)
        codes += [one["id"] for one in found(answer)]
        links = {one["relation"]: one["url"] for one in answer.json()["link"]}
        url = links.get("next")
    assert len(codes) == len(set(codes)) == 6


def test_every_measurement_once_whatever_the_page(api: httpx.Client):
    whole = found(api.get("Observation", params={"patient": "p-martin", "_count": 500}))
    ids: list[str] = []
    url: str | None = "Observation?patient=Patient/p-martin&_count=7"
    while url:
        answer = api.get(url)
        ids += [one["id"] for one in found(answer)]
        links = {one["relation"]: one["url"] for one in answer.json()["link"]}
        url = links.get("next")
    assert ids == [one["id"] for one in whole]
    assert len(set(ids)) == len(ids) > 100
    times = [one["effectiveDateTime"] for one in whole]
    assert times == sorted(times, reverse=True)


def test_a_measurement_is_read_by_its_id(api: httpx.Client):
    (one, *_) = found(api.get("Observation", params={"patient": "p-bernard", "code": "85354-9"}))
    assert {part["code"]["coding"][1]["code"] for part in one["component"]} == {"8480-6", "8462-4"}
    assert api.get(f"Observation/{one['id']}").json() == one


def test_by_code_and_date(api: httpx.Client):
    weights = found(
        api.get("Observation", params={"patient": "p-martin", "code": "http://loinc.org|29463-7"})
    )
    assert {one["code"]["coding"][1]["code"] for one in weights} == {"29463-7"}
    day = weights[3]["effectiveDateTime"][:10]
    of_day = found(
        api.get("Observation", params={"patient": "p-martin", "code": "29463-7", "date": day})
    )
    assert {one["effectiveDateTime"][:10] for one in of_day} == {day}
    before = found(
        api.get(
            "Observation", params={"patient": "p-martin", "code": "29463-7", "date": f"lt{day}"}
        )
    )
    assert all(one["effectiveDateTime"][:10] < day for one in before)
    none = api.get("Observation", params={"patient": "p-martin", "code": "0000-0"})
    assert found(none) == []


def test_devices_flags_and_the_report_with_its_page(api: httpx.Client):
    devices = found(api.get("Device", params={"patient": "p-martin"}))
    assert api.get(f"Device/{devices[0]['id']}").json() == devices[0]
    (flag, *_) = found(api.get("Flag", params={"patient": "p-martin"}))
    assert flag["code"]["coding"][0]["code"] == "weight_gain"
    (report,) = found(api.get("DiagnosticReport", params={"patient": "p-martin"}))
    assert "presentedForm" not in report
    whole = api.get(f"DiagnosticReport/{report['id']}").json()
    assert check(whole) == []
    assert base64.b64decode(whole["presentedForm"][0]["data"]).startswith(b"%PDF")


def test_the_team_and_what_the_patient_was_told(
    api: httpx.Client, nurse: httpx.Client, populated: str
):
    assert found(api.get("CareTeam", params={"patient": "p-durand"})) == []
    member = {"name": "Dr Lefèvre", "role": "general_practitioner", "contact": "01 02 03 04 05"}
    nurse.post("/patients/p-durand/team", data=member)
    (team,) = found(api.get("CareTeam", params={"patient": "p-durand"}))
    assert team["participant"][0]["member"] == {"display": "Dr Lefèvre"}
    with psycopg.connect(populated) as database:
        database.execute(
            "INSERT INTO message (subject, who, text, boxes)"
            " SELECT id, 'nurse', unnest(ARRAY['Bonjour', 'Buvez bien']), 1 FROM subject"
            " WHERE code = 'p-durand'"
        )
    first = api.get("Communication", params={"patient": "p-durand", "_count": 1})
    assert [one["payload"] for one in found(first)] == [[{"contentString": "Buvez bien"}]]
    links = {one["relation"]: one["url"] for one in first.json()["link"]}
    (last,) = found(api.get(links["next"]))
    assert last["payload"] == [{"contentString": "Bonjour"}]
    assert last["sender"] == {"display": "nurse"}
    assert found(api.get("Communication", params={"patient": "p-moreau"})) == []


def test_who_looked_is_told_as_audit_events(api: httpx.Client, nurse: httpx.Client):
    nurse.get("/patients/p-moreau")
    nurse.get("/patients/p-moreau/report.pdf")
    this, paper, page, *_ = found(api.get("AuditEvent", params={"patient": "p-moreau"}))
    said = [
        (one["action"], one["entity"][0]["detail"][0]["valueString"]) for one in (this, paper, page)
    ]
    assert said == [
        ("R", "GET /fhir/AuditEvent"),
        ("R", "GET /patients/{code}/report.pdf"),
        ("R", "GET /patients/{code}"),
    ]
    assert page["agent"] == [{"altId": "nurse", "requestor": True, "role": [{"text": "clinician"}]}]
    assert page["entity"][0]["what"] == {"reference": "Patient/balise-p-moreau"}


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("AuditEvent?patient=nobody", 404, "ask for a patient"),
        ("Observation", 400, "ask for a patient"),
        ("Observation?patient=nobody", 404, "ask for a patient"),
        ("Observation?patient=p-martin&date=yesterday", 400, "write a date"),
        ("Observation?patient=p-martin&_page=x", 400, "next link"),
        ("Communication?patient=p-martin&_page=x", 400, "next link"),
        ("CareTeam", 400, "ask for a patient"),
        ("Observation?patient=p-martin&_page=1-1-99999999999999999999-1", 400, "next link"),
        ("Observation?patient=p-martin&colour=red", 400, "no search by colour"),
        ("Observation/1-2-3-body-weight", 404, "no such observation"),
        ("Observation/x", 404, "no such observation"),
        ("Observation/99999999999-2-3-body-weight", 404, "no such observation"),
        ("Patient/nobody", 404, "ask for a patient"),
        ("Device/99999999999", 404, "no such device"),
        ("Observation?patient=p-martin&date=9999-12-31", 400, "write a date"),
        ("Patient?identifier=urn:balise:patient|", 400, "write identifier="),
        ("Flag?patient=p-martin&_page=x", 400, "next link"),
        ("DiagnosticReport/report-p-martin-2020-01-01", 404, "no such report"),
    ],
)
def test_what_is_not_there_says_what_to_do(api: httpx.Client, path: str, status: int, says: str):
    answer = api.get(path)
    assert answer.status_code == status
    assert says in refusal(answer)


def test_a_token_means_its_system(api: httpx.Client):
    def weights(code: str) -> int:
        asked = {"patient": "p-martin", "code": code}
        return len(found(api.get("Observation", params=asked)))

    assert weights("http://snomed.info/sct|29463-7") == 0
    assert weights("urn:iso:std:iso:11073:10101|188736") == weights("29463-7") > 0
    assert found(api.get("Patient", params={"identifier": "urn:oid:1.2.3|p-martin"})) == []
    (one,) = found(api.get("Patient", params={"identifier": "urn:balise:patient|p-martin"}))
    assert one["id"] == "balise-p-martin"
    asked = {"patient": f"Patient/{one['id']}", "_count": 1}
    assert found(api.get("Observation", params=asked))


def test_what_a_report_rests_on_can_be_read(api: httpx.Client):
    (report,) = found(api.get("DiagnosticReport", params={"patient": "p-bernard"}))
    for result in report["result"]:
        figure = api.get(result["reference"]).json()
        assert check(figure) == []
        assert figure["id"] == result["reference"].removeprefix("Observation/")


def test_flags_page_by_page(api: httpx.Client):
    whole = found(api.get("Flag", params={"patient": "p-martin"}))
    first = api.get("Flag", params={"patient": "p-martin", "_count": 1})
    assert found(first) == whole[:1]
    assert any(one["relation"] == "next" for one in first.json()["link"]) == (len(whole) > 1)


def test_a_minute_is_a_minute_and_a_moment_a_moment(api: httpx.Client):
    asked = {"patient": "p-martin", "code": "29463-7"}
    (one, *_) = found(api.get("Observation", params=asked))
    at = one["effectiveDateTime"]
    assert found(api.get("Observation", params={**asked, "date": at}))[0]["id"] == one["id"]
    minute = at[:16] + at[-6:]
    assert found(api.get("Observation", params={**asked, "date": minute}))[0]["id"] == one["id"]
    assert found(api.get("Observation", params={**asked, "date": f"gt{at}"})) == []
