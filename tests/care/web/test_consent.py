"""What a patient agrees to is written on a page, shown with its history, and taken back."""

from __future__ import annotations

import re
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
SHEETS = {"2026-11": "4520b88ad79edf73"}
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
    sheet = {"sheet": consent.SHEET}
    if isinstance(expected, Consent):
        assert consent.read(said | sheet) == expected
    else:
        with pytest.raises(ConsentUnsafe) as unsafe:
            consent.read(said | sheet)
        assert unsafe.value.field == expected


def test_who_was_read_other_words_agreed_to_others():
    with pytest.raises(ConsentUnsafe) as unsafe:
        consent.read({"monitoring": "yes", "way": "paper", "sheet": "2020-01"})
    assert unsafe.value.field == "overtaken"


def shown(client: httpx.Client) -> dict[str, str]:
    """Return what the forms say of what was shown."""
    page = client.get(PAGE).text
    found = re.search(
        r'name="over" value="(\d+)"><input type="hidden" name="sheet" value="(.+?)"', page
    )
    assert found
    return {"over": found[1], "sheet": found[2]}


@pytest.mark.stack
def test_it_is_written_and_taken_back_and_both_stay(nurse: httpx.Client, populated: str):
    assert UNWRITTEN in nurse.get(BAND).text
    page = nurse.post(PAGE, data=shown(nurse) | {"monitoring": "yes", "way": "spoken"}).text
    assert " : <strong>suivi par son équipe</strong>" in page
    assert UNWRITTEN not in nurse.get(BAND).text
    page = nurse.post(PAGE, data=shown(nurse) | {"withdraw": "yes", "way": "helper"}).text
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
def test_an_old_page_undoes_no_withdrawal_and_a_second_one_is_none(nurse: httpx.Client):
    old = shown(nurse) | {"monitoring": "yes", "way": "paper"}
    nurse.post(PAGE, data=old)
    withdrawal = shown(nurse) | {"withdraw": "yes", "way": "spoken"}
    assert nurse.post(PAGE, data=withdrawal).status_code == 200
    for late in (old, withdrawal, shown(nurse) | {"withdraw": "yes", "way": "spoken"}):
        answer = nurse.post(PAGE, data=late)
        assert answer.status_code == 422
        assert words("fr")("consent.unsafe_overtaken")[:20] in answer.text
    assert "<strong>accord retiré</strong>" in nurse.get(PAGE).text
    assert nurse.post(PAGE, data=old | {"over": "x"}).status_code == 404


@pytest.mark.stack
def test_what_cannot_be_used_comes_back_and_nothing_is_written(nurse: httpx.Client, populated: str):
    with psycopg.connect(populated) as database:
        before = database.execute("SELECT count(*) FROM consent").fetchone()
        for said, told in (
            ({"way": "paper", "sharing": "yes"}, "rien à noter"),
            ({"monitoring": "yes", "way": "?"}, "Choisissez comment"),
        ):
            answer = nurse.post(PAGE, data=shown(nurse) | said)
            assert answer.status_code == 422
            assert told in answer.text
        assert database.execute("SELECT count(*) FROM consent").fetchone() == before


@pytest.mark.stack
def test_who_keeps_the_line_asks_nobody(keeper: httpx.Client):
    assert keeper.post(PAGE, data={"monitoring": "yes", "way": "paper"}).status_code == 404
