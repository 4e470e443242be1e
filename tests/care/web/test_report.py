"""The page for the doctor: one A4, whole, in both languages, with the figures of the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pypdfium2
import pytest

from balise.languages import LANGUAGES
from care.metrics import resting_heart_rate
from care.pathways.diabetes import PATHWAY as DIABETES
from care.readings import frame
from care.web import pages, report
from care.web.pages import Cell, PatientPage
from care.web.trend import Day, Trend
from care.web.words import words
from demo.patients import PATIENTS

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
DAYS = [NOW.date() - timedelta(days=day) for day in reversed(range(30))]

SOURCE = resting_heart_rate.SOURCE
"""The longest there is: no other makes the page longer."""


def text_of(pdf: bytes) -> str:
    """Return the text of the only page; it is an A4."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    assert [round(side) for side in document[0].get_size()] == [595, 842]
    read: str = document[0].get_textpage().get_text_range()
    return " ".join(read.split())


def figure(name: str, value: str | None, unit: str, n: int, needed: int = 3) -> dict[str, Any]:
    period = {"days": 7, "days_with_data": 6}
    facts = {"name": name, "value": value, "unit": unit, "n": n, "needed": needed}
    return {**facts, **period, "missing": "" if value else "readings", "source": SOURCE}


def a_page(**other: Any) -> PatientPage:
    """Somebody whose weight has risen."""
    patient = {
        "code": "p-one",
        "family": "Exemple",
        "given": "Jeanne",
        "birth_date": date(1941, 5, 3),
        "pathway": "heart_failure",
        "time_zone": "Europe/Paris",
    }
    signal = {
        "id": 1,
        "rule": "weight_gain",
        "rule_version": 1,
        "severity": 3,
        "figures": {"gain": "2.4", "days": 3, "limit": "2"},
        "state": "seen",
        "raised_at": NOW - timedelta(hours=20),
        "changed_at": NOW - timedelta(hours=2),
    }
    seen = {"state": "seen", "who": "nurse", "at": NOW - timedelta(hours=2), "reason": ""}
    figures = [
        figure("last_body_weight", "74.9", "kg", 6, 1),
        figure("median_heart_rate", None, "/min", 2),
    ]
    weights = [Day(day, 1, 72 + n / 5, 72 + n / 5, 72 + n / 5) for n, day in enumerate(DAYS)]
    facts: dict[str, Any] = {
        "patient": patient,
        "days": 30,
        "signals": [signal],
        "events": {1: [seen]},
        "summary": {"figures": figures, "period_end": DAYS[-1]},
        "cells": [Cell(day, day != DAYS[3]) for day in DAYS],
        "trends": [Trend("body_weight", DAYS[0], DAYS[-1], weights)],
        "readings": [],
        "planned": True,
        "pause": None,
        "notes": [],
        "messages": [],
        "heard": {"last_reading_at": NOW, "last_contact_at": None},
        "more_notes": False,
        "looked": None,
        "profile": None,
    }
    return PatientPage(**facts | other)


GOLDEN = {
    "fr": (
        "Synthèse de télésuivi",
        "Exemple Jeanne Né(e) le 3 mai 1941 · Insuffisance cardiaque ·",
        "du 29 oct. 2026 au 27 nov. 2026 · établie le 27 nov. 2026 10:30",
        "À retenir • +2,4 kg en 3 jours, seuil 2 kg 29 jours avec mesure sur 30",
        "• Prioritaire : +2,4 kg en 3 jours, seuil 2 kg.",
        "Vue : nurse, 27 nov. 2026 08:30",
        "Dernier poids 74,9 kg 6 mesures, 6 jours sur 7 · les 30 minutes sans un pas",
        "Fréquence cardiaque médiane \N{EN DASH} données insuffisantes : 2 sur 3 mesures",
        "Poids : médiane 74,9 kg, de 72,0 à 77,8, 30 jours sur 30",
        "Tendance : +5,8 kg (de +5,8 à +5,8 avec 95 % de confiance).",
        "appelez le 15",
        "ce n'est pas un diagnostic",
    ),
    "en": (
        "Remote monitoring summary",
        "from 29 Oct 2026 to 27 Nov 2026",
        "Key points • +2.4 kg in 3 days, limit 2 kg",
        "Last weight 74.9 kg 6 readings, 6 days of 7",
        "this is not a diagnosis",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_all_of_it(language: str):
    text = text_of(report.make(a_page(), words(language), NOW))
    for said in GOLDEN[language]:
        assert said in text, text


def test_what_has_no_room_is_counted():
    page = a_page()
    signals = [{**page.signals[0], "id": number} for number in range(9)]
    trends = [page.trends[0]] * 7
    names = [one.name for some in DIABETES.figures for one in some(frame([], "UTC"), DAYS[-1])]
    assert len(names) >= 12
    summary = {
        "period_end": DAYS[-1],
        "figures": [figure(name, "100.0", "mg/dL", 4032) for name in names],
    }
    full = a_page(signals=signals, trends=trends, summary=summary)
    text = text_of(report.make(full, words("fr"), NOW))
    assert "Et 4 de plus sur la page du patient." in text
    drawn = text.count("Poids : médiane")
    assert 0 < drawn < 7
    assert drawn % 2 == 0
    assert f"Et {7 - drawn} de plus sur la page du patient." in text


def test_where_no_chart_has_room_it_is_said_and_stays_one_page():
    page = a_page()
    figures = [figure("glucose_mean", "100.0", "mg/dL", 4032)] * 21
    summary = {"period_end": DAYS[-1], "figures": figures}
    full = a_page(signals=page.signals * 8, trends=page.trends * 5, summary=summary)
    text = text_of(report.make(full, words("fr"), NOW))
    assert "Poids : médiane" not in text
    assert "Et 5 de plus sur la page du patient." in text  # charts; of signals there are 3 more


def test_of_somebody_without_any_reading_there_is_a_page_too():
    empty = a_page(
        signals=[], events={}, summary=None, trends=[], cells=[Cell(day, False) for day in DAYS]
    )
    text = text_of(report.make(empty, words("fr"), NOW))
    assert "Aucune alerte ouverte" in text
    assert "0 jour avec mesure sur 30" in text


def test_text_of_a_patient_is_text():
    """Nothing that a name holds is typeset as markup."""
    odd = {**a_page().patient, "family": '#panic("x")', "given": "*A* $x$ <b> \\ é"}
    text = text_of(report.make(a_page(patient=odd), words("fr"), NOW))
    assert '#panic("x") *A* $x$ <b> \\ é' in text


@pytest.mark.stack
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_demo_patient_fits_one_page(populated: str, language: str):
    now = datetime.now(UTC)
    with psycopg.connect(populated, autocommit=True) as connection:
        for one in PATIENTS:
            found = pages.patient(connection, one.code)
            assert found
            for days in (7, 30, 90):
                shown = pages.patient_page(connection, found, days=days, now=now)
                pdf = report.make(shown, words(language), now)
                text = text_of(pdf)
                assert f"{found['family']} {found['given']}" in text
                assert len(pdf) <= 60_000
                for told in json.loads(json.dumps(report.content(shown, words(language), now)))[
                    "figures"
                ]:
                    assert " ".join(told["value"].split()) in text


@pytest.mark.stack
def test_the_button_gives_it_to_whoever_is_signed_in(site: str):
    code = PATIENTS[0].code
    where = f"{site}/patients/{code}/report.pdf"
    assert httpx.get(where).status_code == 303
    with httpx.Client(base_url=site, follow_redirects=True) as nurse:
        nurse.post("/sign-in", data={"name": "nurse", "password": "a long enough password"})
        assert f"/patients/{code}/report.pdf?days=30" in nurse.get(f"/patients/{code}").text
        answer = nurse.get(f"/patients/{code}/report.pdf?days=90")
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["cache-control"] == "no-store"
        text_of(answer.content)
        assert nurse.get(f"/patients/{code}/report.pdf?days=8").status_code == 404
        assert nurse.get("/patients/nobody/report.pdf").status_code == 404


@pytest.mark.stack
def test_the_command_writes_it_for_its_owner_alone(populated: str, tmp_path: Path):
    pdf, code = tmp_path / "one.pdf", PATIENTS[0].code

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "balise", "report", *arguments],
            env={**os.environ, "BALISE_DATABASE_URL": populated},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run(code, str(pdf), "--language", "en")
    assert done.returncode == 0, done.stderr
    assert "Remote monitoring summary" in text_of(pdf.read_bytes())
    assert pdf.stat().st_mode & 0o777 == 0o600
    unknown = run("nobody", str(tmp_path / "none.pdf"))
    assert "no patient nobody is enrolled" in unknown.stderr
    assert not (tmp_path / "none.pdf").exists()
    nowhere = run(code, str(tmp_path / "no folder" / "one.pdf"))
    assert "can't be written: No such file or directory" in " ".join(nowhere.stderr.split())
