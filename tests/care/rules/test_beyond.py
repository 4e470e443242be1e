"""Rules that a second measurement confirms: pressure, oxygen, fever."""

from __future__ import annotations

from decimal import Decimal

import pytest

from care.rules import RULES
from care.rules.rule import Severity


@pytest.mark.parametrize(
    ("rule", "picture", "now", "value"),
    [
        pytest.param(
            "blood_pressure_crisis",
            """
            2026-02-01 08:00 | systolic_blood_pressure | 182
            2026-02-01 08:00 | diastolic_blood_pressure | 90
            2026-02-01 08:06 | systolic_blood_pressure | 180
            2026-02-01 08:06 | diastolic_blood_pressure | 88
            """,
            "2026-02-01 09:00",
            "180",
            id="confirmed, and 180 is very high",
        ),
        pytest.param(
            "blood_pressure_crisis",
            """
            2026-02-01 08:00 | systolic_blood_pressure | 182
            2026-02-01 08:00 | diastolic_blood_pressure | 90
            2026-02-01 08:06 | systolic_blood_pressure | 150
            2026-02-01 08:06 | diastolic_blood_pressure | 112
            """,
            "2026-02-01 09:00",
            "112",
            id="either pressure makes a measurement one beyond",
        ),
        pytest.param(
            "blood_pressure_crisis",
            "2026-02-01 08:00 | systolic_blood_pressure | 210",
            "2026-02-01 09:00",
            None,
            id="one alone is to be repeated",
        ),
        pytest.param(
            "blood_pressure_crisis",
            """
            2026-02-01 08:00 | systolic_blood_pressure | 190
            2026-02-01 18:00 | systolic_blood_pressure | 190
            """,
            "2026-02-01 19:00",
            None,
            id="evening and morning do not confirm one another",
        ),
        pytest.param(
            "oxygen_low",
            """
            2026-02-01 08:00 | oxygen_saturation | 86
            2026-02-01 08:03 | oxygen_saturation | 87
            2026-02-01 08:10 | oxygen_saturation | 88
            """,
            "2026-02-01 09:00",
            None,
            id="back at the limit: nothing is open any more",
        ),
        pytest.param(
            "oxygen_low",
            """
            2026-02-01 08:00 | oxygen_saturation | 86
            2026-02-01 08:03 | oxygen_saturation | 87
            """,
            "2026-02-03 09:00",
            "87",
            id="nothing came since: what nobody saw is no less open",
        ),
        pytest.param(
            "blood_pressure_crisis",
            """
            2026-02-01 08:00 | systolic_blood_pressure | 190
            2026-02-01 08:05 | systolic_blood_pressure | 195
            2026-02-01 12:00 | systolic_blood_pressure | 210
            """,
            "2026-02-01 13:00",
            "210",
            id="worse, hours later, is no end of it",
        ),
        pytest.param(
            "fever",
            """
            2026-02-01 09:00 | body_temperature | 39.5
            2026-02-02 09:10 | body_temperature | 39.6
            """,
            "2026-02-02 10:00",
            "39.6",
            id="one measurement a day is what is expected",
        ),
        pytest.param(
            "fever",
            """
            2026-02-01 08:00 | body_temperature | 38.5
            2026-02-01 18:00 | body_temperature | 38.9
            """,
            "2026-02-01 19:00",
            "38.9",
            id="fever in the morning and the evening",
        ),
    ],
)
def test_a_second_measurement_confirms(table, ask, rule: str, picture: str, now: str, value):
    found = RULES[rule].find(table(picture), ask(now))
    assert (found.figures["value"] if found else None) == value


def test_who_is_well_with_less_oxygen_has_another_limit(table, ask):
    picture = """
        2026-02-01 08:00 | oxygen_saturation | 86
        2026-02-01 08:03 | oxygen_saturation | 86
    """
    rule = RULES["oxygen_low"]
    assert rule.find(table(picture), ask("2026-02-01 09:00")) is not None
    plan = {"lowest_oxygen_saturation": Decimal(85)}
    assert rule.find(table(picture), ask("2026-02-01 09:00", limits=plan)) is None


def test_too_much_oxygen_is_a_matter_of_the_plan(table, ask):
    picture = "\n".join(f"2026-02-01 {hour:02}:00 | oxygen_saturation | 95" for hour in (8, 12, 18))
    rule = RULES["oxygen_high"]
    assert rule.find(table(picture), ask("2026-02-01 19:00")) is None
    plan = {"highest_oxygen_saturation": Decimal(92)}
    found = rule.find(table(picture), ask("2026-02-01 19:00", limits=plan))
    assert found is not None
    assert (found.severity, found.figures["n"]) == (Severity.REVIEW, 3)


def test_an_episode_begins_with_the_first_of_an_unbroken_run(table, ask):
    picture = """
        2026-02-01 08:00 | oxygen_saturation | 93
        2026-02-02 08:00 | oxygen_saturation | 86
        2026-02-03 08:00 | oxygen_saturation | 86
        2026-02-03 08:02 | oxygen_saturation | 87
    """
    found = RULES["oxygen_low"].find(table(picture), ask("2026-02-03 09:00"))
    assert found is not None
    assert (found.since.isoformat(), len(found.evidence)) == ("2026-02-02", 3)


def test_a_run_that_fills_the_days_looked_at_says_that_it_began_before(table, ask):
    days = [f"2026-02-0{day} 08:00 | oxygen_saturation | 86" for day in range(1, 8)]
    again = "2026-02-07 08:03 | oxygen_saturation | 86"
    found = RULES["oxygen_low"].find(table("\n".join([*days, again])), ask("2026-02-07 09:00"))
    assert found is not None
    assert found.open_ended
    well = "2026-01-31 08:00 | oxygen_saturation | 93"
    found = RULES["oxygen_low"].find(
        table("\n".join([well, *days, again])), ask("2026-02-07 09:00")
    )
    assert found is not None
    assert not found.open_ended


FEVERS = """
2026-02-01 08:00 | body_temperature | 38.6
2026-02-01 20:00 | body_temperature | 38.9
2026-02-02 08:00 | body_temperature | 38.7
"""


@pytest.mark.parametrize(
    ("limits", "holds"),
    [
        ({}, True),
        ({"fever_count": Decimal(1)}, True),
        ({"fever_count": Decimal(3)}, True),
        ({"fever_count": Decimal(4)}, False),
        ({"fever_hours": Decimal(12)}, True),
        ({"fever_hours": Decimal("11.9")}, False),
        ({"fever_count": Decimal(3), "fever_hours": Decimal(24)}, True),
        ({"fever_count": Decimal(3), "fever_hours": Decimal(23)}, False),
    ],
)
def test_a_plan_says_how_many_within_which_time(
    table, ask, limits: dict[str, Decimal], holds: object
):
    found = RULES["fever"].find(table(FEVERS), ask("2026-02-02 09:00", limits=limits))
    assert (found is not None) == holds
