"""What a patient agrees to is written on a page, shown with its history, and taken back."""

from __future__ import annotations

from hashlib import sha256

import httpx
import psycopg
import pytest

from balise.errors import ConsentUnsafe
from balise.languages import LANGUAGES
from care import consent
from care.consent import Consent
from care.web.words import words

PAGE, BAND = "/patients/p-durand/consent", "/patients/p-durand"
UNWRITTEN = words("fr")("consent.unwritten")
TOLD = ("sheet_why", "sheet_who", "sheet_rights", "agrees_monitoring", "agrees_sharing")
SHEETS = {"2026-11": "5d86ba71f3dfa766"}
"""The digest of what was told by each version, in all languages."""


def test_what_the_patient_is_told_is_that_version_s():
    """Mend it with a new version, or who agreed to other words would have agreed to these."""
    text = "\n".join(
        words(language)(f"consent.{name}") for language in sorted(LANGUAGES) for name in TOLD
    )
    assert sha256(text.encode()).hexdigest()[:16] == SHEETS[consent.SHEET]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"monitoring": "yes", "way": "paper"}, Consent(("monitoring",), "paper")),
        (
            {"sharing": "yes", "monitoring": "yes", "way": "helper"},
            Consent(("monitoring", "sharing"), "helper"),
        ),
        ({"withdraw": "yes", "way": "spoken"}, Consent((), "spoken")),
        ({"withdraw": "yes", "monitoring": "yes", "way": "spoken"}, Consent((), "spoken")),
        ({"way": "paper"}, "monitoring"),
        ({"sharing": "yes", "way": "paper"}, "monitoring"),
        ({"monitoring": "yes"}, "way"),
        ({"withdraw": "yes", "way": "telepathy"}, "way"),
    ],
)
def test_a_form_is_read(said: dict[str, str], expected: Consent | str):
    if isinstance(expected, Consent):
        assert consent.read(said) == expected
    else:
        with pytest.raises(ConsentUnsafe) as unsafe:
            consent.read(said)
        assert unsafe.value.field == expected


@pytest.mark.stack
def test_it_is_written_and_taken_back_and_both_stay(nurse: httpx.Client, populated: str):
    assert UNWRITTEN in nurse.get(BAND).text
    page = nurse.post(PAGE, data={"monitoring": "yes", "way": "spoken"}).text
    assert " : <strong>suivi par son équipe</strong>" in page
    assert UNWRITTEN not in nurse.get(BAND).text
    page = nurse.post(PAGE, data={"withdraw": "yes", "way": "helper"}).text
    assert " : <strong>accord retiré</strong>" in page
    assert "de vive voix" in page
    assert "Le patient a retiré son accord" in nurse.get(BAND).text
    with psycopg.connect(populated) as database:
        rows = database.execute(
            "SELECT scope, way, who, sheet FROM consent JOIN subject ON subject.id = subject"
            " WHERE code = 'p-durand' ORDER BY consent.id"
        ).fetchall()
        (devices,) = (
            database.execute(
                "SELECT count(*) FILTER (WHERE upper_inf(during)) FROM assignment"
                " JOIN subject ON subject.id = subject WHERE code = 'p-durand'"
            ).fetchone()
            or ()
        )
    assert rows == [
        (["monitoring"], "spoken", "nurse", consent.SHEET),
        ([], "helper", "nurse", consent.SHEET),
    ]
    assert devices == 0


@pytest.mark.stack
def test_what_cannot_be_used_comes_back_and_nothing_is_written(nurse: httpx.Client, populated: str):
    with psycopg.connect(populated) as database:
        before = database.execute("SELECT count(*) FROM consent").fetchone()
        for said, told in (
            ({"way": "paper", "sharing": "yes"}, "rien à noter"),
            ({"monitoring": "yes", "way": "?"}, "Choisissez comment"),
        ):
            answer = nurse.post(PAGE, data=said)
            assert answer.status_code == 422
            assert told in answer.text
        assert database.execute("SELECT count(*) FROM consent").fetchone() == before


@pytest.mark.stack
def test_who_keeps_the_line_asks_nobody(keeper: httpx.Client):
    assert keeper.post(PAGE, data={"monitoring": "yes", "way": "paper"}).status_code == 404
