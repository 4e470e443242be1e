"""Serious hypoglycaemia, and two weeks out of target."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from care.rules import RULES

START = datetime(2026, 3, 1)  # noqa: DTZ001 - local, as the picture writes it


def sensor(values: list[int], start: datetime = START) -> str:
    return "\n".join(
        f"{start + timedelta(minutes=5 * place)} | interstitial_glucose | {value}"
        for place, value in enumerate(values)
    )


@pytest.mark.parametrize(
    ("picture", "value"),
    [
        pytest.param("2026-03-01 08:00 | blood_glucose | 53", "53", id="a drop of blood"),
        pytest.param("2026-03-01 08:00 | blood_glucose | 54", None, id="54 is not below 54"),
        pytest.param(sensor([110, 53, 52, 51, 110, 110, 110]), "51", id="15 minutes of a sensor"),
        pytest.param(sensor([110, 53, 52, 110, 110, 110]), None, id="10 minutes are no episode"),
    ],
)
def test_serious_hypoglycaemia(table, ask, picture: str, value: str | None):
    found = RULES["low_glucose"].find(table(picture), ask("2026-03-01 12:00"))
    assert (found.figures["value"] if found else None) == value


def test_it_is_told_over_a_weekend_and_rests_on_what_was_low(table, ask):
    picture = sensor([110, 53, 52, 51, 110, 110, 110])
    found = RULES["low_glucose"].find(table(picture), ask("2026-03-01 12:00"))
    assert found is not None
    assert len(found.evidence) == 3
    assert RULES["low_glucose"].find(table(picture), ask("2026-03-04 12:00")) is None


def test_of_two_episodes_the_last_is_told(table, ask):
    low = sensor([110, 53, 52, 51, 110, 110, 110])
    again = sensor([110, 50, 49, 48, 110, 110, 110], START + timedelta(hours=30))
    found = RULES["low_glucose"].find(table(f"{low}\n{again}"), ask("2026-03-02 12:00"))
    assert found is not None
    assert (found.since.isoformat(), found.figures["value"]) == ("2026-03-02", "48")


def test_ten_minutes_with_one_back_between_never_began(table, ask):
    picture = sensor([110, 53, 60, 53, 110, 110, 110])
    assert RULES["low_glucose"].find(table(picture), ask("2026-03-01 12:00")) is None


@pytest.mark.parametrize(
    ("high", "low", "told"),
    [
        pytest.param(29, 0, False, id="71 % in range"),
        pytest.param(31, 0, True, id="69 % in range"),
        pytest.param(10, 4, True, id="4 % low"),
        pytest.param(10, 3, False, id="3 % low"),
    ],
)
def test_two_weeks_out_of_target(table, ask, high: int, low: int, told: bool):  # noqa: FBT001 - a column
    hundred = [200] * high + [65] * low + [120] * (100 - high - low)
    picture = sensor(hundred * 40)
    found = RULES["glucose_out_of_range"].find(table(picture), ask("2026-03-15 12:00"))
    assert (found is not None) == told


def test_for_the_frail_the_plan_asks_less(table, ask):
    picture = sensor(([200] * 45 + [120] * 55) * 40)
    rule = RULES["glucose_out_of_range"]
    assert rule.find(table(picture), ask("2026-03-15 12:00")) is not None
    plan = {"least_in_range": Decimal(50)}
    assert rule.find(table(picture), ask("2026-03-15 12:00", limits=plan)) is None


def test_two_weeks_with_gaps_judge_nothing(table, ask):
    picture = sensor([200] * 2800)
    assert RULES["glucose_out_of_range"].find(table(picture), ask("2026-03-15 12:00")) is None
