from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from balise.languages import LANGUAGES
from balise.model import Quality
from care.web.patients import CLOSE_REASONS
from care.web.words import words


def test_both_languages_have_every_word():
    french, english = (words(language).entries for language in LANGUAGES)
    assert french.keys() == english.keys()
    assert all(text or key == "unit.1" for key, text in {**french, **english}.items())


def test_both_languages_ask_for_the_same_figures():
    french, english = (words(language).entries for language in LANGUAGES)
    for key, text in french.items():
        assert text.count("{") == english[key].count("{"), key


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


def test_how_long_ago():
    now = datetime(2026, 11, 25, tzinfo=UTC)
    assert words("fr").ago(now - timedelta(hours=3), now) == "il y a 3 heures"
    assert words("en").ago(now - timedelta(days=2), now) == "2 days ago"
