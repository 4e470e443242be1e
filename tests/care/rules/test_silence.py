from __future__ import annotations

from datetime import timedelta

import pytest

from care.rules.rule import Severity
from care.rules.silence import find

DAILY = {"body_weight": timedelta(hours=48)}


@pytest.mark.parametrize(
    ("picture", "now", "hours"),
    [
        ("2026-02-01 08:00 | body_weight | 75.0", "2026-02-03 12:00", 52),
        ("2026-02-01 08:00 | body_weight | 75.0", "2026-02-03 08:00", None),
        ("2026-02-03 08:00 | heart_rate | 70", "2026-02-03 12:00", 803),
    ],
    ids=["late", "not yet", "another metric says nothing of this one"],
)
def test_silence(table, ask, picture: str, now: str, hours: int | None):
    finding = find(table(picture), ask(now, expected=DAILY))
    assert (finding.figures["hours"] if finding else None) == hours


def test_silence_is_a_matter_of_data_and_its_episode_begins_when_it_was_due(table, ask):
    finding = find(
        table("2026-02-01 08:00 | body_weight | 75.0"), ask("2026-02-20 08:00", expected=DAILY)
    )
    assert finding is not None
    assert finding.severity is Severity.DATA
    assert finding.since.isoformat() == "2026-02-03"


def test_nothing_expected_is_no_silence(table, ask):
    assert find(table(""), ask("2026-02-20 08:00")) is None


def test_a_drop_of_blood_breaks_the_silence_of_a_sensor(table, ask):
    weekly = {"interstitial_glucose": timedelta(days=7)}
    pricked, now = table("2026-02-19 08:00 | blood_glucose | 110"), "2026-02-20 08:00"
    assert find(pricked, ask(now, expected=weekly)) is not None
    instead = {"interstitial_glucose": ("blood_glucose",)}
    assert find(pricked, ask(now, expected=weekly, instead=instead)) is None
    assert find(table(""), ask(now, expected=weekly, instead=instead)) is not None


def test_a_second_silence_is_not_hidden_by_a_longer_one(table, ask):
    expected = {"body_temperature": timedelta(hours=24), "oxygen_saturation": timedelta(hours=24)}
    picture = """
        2026-02-01 08:00 | body_temperature | 36.6
        2026-02-05 08:00 | oxygen_saturation | 95
    """
    first = find(table(picture), ask("2026-02-05 12:00", expected=expected))
    assert first is not None
    assert (first.figures["metric"], first.since.isoformat()) == ("body_temperature", "2026-02-02")
    second = find(table(picture), ask("2026-02-06 12:00", expected=expected))
    assert second is not None
    assert (second.figures["metric"], second.since.isoformat()) == (
        "oxygen_saturation",
        "2026-02-06",
    )
