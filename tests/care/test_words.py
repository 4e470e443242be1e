from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pkgutil import iter_modules

import pytest

from balise.languages import LANGUAGES
from balise.model import Quality
from balise.settings import Settings
from care import metrics
from care.metrics.home_blood_pressure import PROTOCOLS
from care.pathways import PATHWAYS
from care.web.app import create_app
from care.web.patients import CLOSE_REASONS
from care.web.words import words

FIGURE = re.compile(r"\{(\w+)")


def test_both_languages_have_every_word():
    french, english = (words(language).entries for language in LANGUAGES)
    assert french.keys() == english.keys()
    assert all(text or key == "unit.1" for key, text in {**french, **english}.items())


def test_both_languages_ask_for_the_same_figures():
    french, english = (words(language).entries for language in LANGUAGES)
    for key, text in french.items():
        assert {*FIGURE.findall(text)} == {*FIGURE.findall(english[key])}, key


def test_every_quality_and_reason_has_a_word():
    for name in (~Quality.NONE).names:
        assert words("fr").entries[f"quality.{name}"]
    for reason in (*CLOSE_REASONS, "values_back"):
        assert words("fr").entries[f"close.{reason}"]


@pytest.mark.parametrize(
    ("language", "shown"), [("fr", "1\N{NARROW NO-BREAK SPACE}234,50"), ("en", "1,234.50")]
)
def test_numbers_keep_their_digits(language: str, shown: str):
    assert words(language).number(Decimal("1234.50")) == shown


def test_sentences_write_figures_as_the_language_does():
    assert words("fr")("reason.weight_gain", gain="2.4", days=3, limit="2") == (
        "+2,4 kg en 3 jours, seuil 2 kg"
    )


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("GET /", "la liste des patients"),
        ("GET /patients/{code}", "la page du patient"),
        ("POST /patients/{code}/pauses/{number}/end", "les pauses"),
        ("GET /fhir/Observation", "les données, par un autre logiciel (FHIR)"),
        ("balise db export", "balise db export"),
    ],
)
def test_a_patient_reads_what_was_looked_at_and_no_address(what: str, said: str):
    assert words("fr").place(what) == said


def test_every_page_about_a_patient_has_a_name_that_patients_read():
    paths = create_app(Settings()).openapi()["paths"]
    of_patients = [path for path in paths if "{code}" in path or path.startswith("/fhir")]
    assert len(of_patients) > 20
    for path in of_patients:
        assert words("fr").place(f"GET {path}") != f"GET {path}"


def test_every_source_of_a_figure_is_said_in_each_language():
    modules = [import_module(f"care.metrics.{one.name}") for one in iter_modules(metrics.__path__)]
    sources = [getattr(one, "SOURCE", None) for one in modules]
    sources += [one.source for one in PROTOCOLS.values()]
    for source in filter(None, sources):
        for language in LANGUAGES:
            assert f"figure_source.{source}" in words(language).entries


def test_every_pathway_says_what_it_goes_by():
    for name, pathway in PATHWAYS.items():
        assert not pathway.reference or words("fr").entries[f"reference.{name}"]


@pytest.mark.parametrize(
    ("language", "days", "said"),
    [
        ("fr", 0, "0 jour "),
        ("fr", 1, "1 jour "),
        ("fr", 2, "2 jours "),
        ("en", 0, "0 days "),
        ("en", 1, "1 day "),
    ],
)
def test_a_count_goes_with_its_word(language: str, days: int, said: str):
    assert words(language)("patient.completeness_text", with_data=days, days=30).startswith(said)


def test_the_first_of_a_month_is_said_as_the_language_does():
    assert words("fr").day(date(2026, 9, 1)) == "1er sept. 2026"
    assert words("fr").day(date(2026, 9, 11)) == "11 sept. 2026"
    assert words("en").day(date(2026, 9, 1)) == "1 Sep 2026"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0241000001", "02 41 00 00 01"),
        ("+33612345678", "+33 6 12 34 56 78"),
        ("0033612345678", "0033612345678"),
        ("+12125551234", "+12125551234"),
        ("3237", "3237"),
    ],
)
def test_a_number_is_read_out_as_it_is_dialled(number: str, said: str):
    assert words("fr").phone(number) == said


def test_how_long_ago():
    now = datetime(2026, 11, 25, tzinfo=UTC)
    assert words("fr").ago(now - timedelta(hours=3), now) == "il y a 3 heures"
    assert words("en").ago(now - timedelta(days=2), now) == "2 days ago"
