"""Rules that compare with what is usual for the patient: saturation and pulse."""

from __future__ import annotations

from decimal import Decimal

import pytest

from care.rules import RULES

WEEK = [93, 94, 93, 94, 93, 94, 93]


def days(metric: str, values: list[float], month: int = 3) -> str:
    return "\n".join(
        f"2026-{month:02}-{day:02} 08:00 | {metric} | {value}"
        for day, value in enumerate(values, 1)
    )


@pytest.mark.parametrize(
    ("today", "usual"),
    [
        pytest.param(92, None, id="published case: under the limit of 92.5, by less than 2 points"),
        pytest.param(91, "93", id="more than an oximeter's accuracy under the usual"),
    ],
)
def test_saturation_low_for_this_patient(table, ask, today: int, usual: str | None):
    picture = days("oxygen_saturation", [*WEEK, today])
    found = RULES["oxygen_unusual"].find(table(picture), ask("2026-03-08 09:00"))
    assert (found.figures["usual"] if found else None) == usual


def test_without_the_floor_the_published_case_is_an_event(table, ask):
    picture = days("oxygen_saturation", [*WEEK, 92])
    plan = {"oxygen_unusual": Decimal(1)}
    assert RULES["oxygen_unusual"].find(table(picture), ask("2026-03-08 09:00", limits=plan))


@pytest.mark.parametrize(
    ("last", "since"),
    [
        pytest.param([90, 70, 90], "2026-03-15", id="two of the last three days"),
        pytest.param([70, 70, 90], None, id="one day is chance"),
        pytest.param([78, 78, 78], None, id="a steady pulse, and less than three times 3 /min"),
        pytest.param([50, 50, 50], "2026-03-15", id="slower than usual too"),
    ],
)
def test_a_pulse_that_is_not_this_patients(table, ask, last: list[int], since: str | None):
    picture = days("pulse_rate", [70.0] * 14 + last)
    found = RULES["pulse_unusual"].find(table(picture), ask("2026-03-17 09:00"))
    assert (found.since.isoformat() if found else None) == since


def test_one_more_day_is_the_same_episode(table, ask):
    picture = days("pulse_rate", [70.0] * 14 + [90, 90, 90, 90])
    found = RULES["pulse_unusual"].find(table(picture), ask("2026-03-18 09:00"))
    assert found is not None
    assert found.since.isoformat() == "2026-03-15"
    assert found.figures == {"pulse": "90", "usual": "70"}


def test_a_slow_fall_of_saturation_is_one_episode(table, ask):
    series = [95, 95, 95, 95, 95, 95, 95, 92, 91, 90]
    picture = days("oxygen_saturation", series)
    for today, since in (("08", "2026-03-08"), ("09", "2026-03-08"), ("10", "2026-03-08")):
        shown = "\n".join(picture.splitlines()[: int(today)])
        found = RULES["oxygen_unusual"].find(table(shown), ask(f"2026-03-{today} 09:00"))
        assert found is not None
        assert found.since.isoformat() == since
        assert found.figures["usual"] == "95"


def test_every_other_day_unusual_is_one_episode_that_ends_with_three_usual_days(table, ask):
    series = [70.0] * 14 + [95, 70, 95, 70, 95, 70, 70, 70]
    for today, since in ((17, "2026-03-15"), (18, "2026-03-15"), (21, "2026-03-15"), (22, None)):
        picture = days("pulse_rate", series[:today])
        found = RULES["pulse_unusual"].find(table(picture), ask(f"2026-03-{today:02} 09:00"))
        assert (found.since.isoformat() if found else None) == since, today
        if found:
            assert found.figures["pulse"] == "95"  # the unusual day's, not the last one's
