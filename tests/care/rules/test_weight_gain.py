"""More than 2 kg above the lowest weight of the 3 civil days before."""

from __future__ import annotations

from datetime import date

import pytest

from care.rules.weight_gain import find


@pytest.mark.parametrize(
    ("picture", "now", "gain"),
    [
        pytest.param(
            """
            2026-02-01 07:00 | body_weight | 75.0
            2026-02-02 07:00 | body_weight | 75.9
            2026-02-03 07:00 | body_weight | 77.1
            """,
            "2026-02-03 09:00",
            "2.1",
            id="2.1 kg in 2 days",
        ),
        pytest.param(
            """
            2026-02-01 07:00 | body_weight | 62.4
            2026-02-03 07:00 | body_weight | 64.4
            """,
            "2026-02-03 09:00",
            None,
            id="exactly 2 kg is no gain, though 64.4 - 62.4 > 2 in binary floats",
        ),
        pytest.param(
            """
            2026-02-01 07:00 | body_weight | 75.0
            2026-02-05 07:00 | body_weight | 77.5
            """,
            "2026-02-05 09:00",
            None,
            id="no weight in the 3 days before",
        ),
        pytest.param(
            """
            2026-03-27T08:00+01:00 | body_weight | 75.0
            2026-03-30T08:30+02:00 | body_weight | 77.5
            """,
            "2026-03-30 10:00",
            "2.5",
            id="3 civil days over the change to summer time are 71.5 hours",
        ),
        pytest.param(
            """
            2026-02-01 07:00 | body_weight | 75.0
            2026-02-02 07:00 | body_weight | 75.2
            2026-02-03 07:00 | body_weight | 34.8
            """,
            "2026-02-03 09:00",
            None,
            id="another person on the scale",
        ),
        pytest.param(
            """
            2026-02-01 07:00 | body_weight | 75.0
            2026-02-02 07:00 | body_weight | 77.2
            2026-02-02 21:00 | body_weight | 79.0
            """,
            "2026-02-02 22:00",
            "2.2",
            id="the first of the morning counts",
        ),
        pytest.param(
            """
            2026-02-01 07:00 | body_weight | 75.0
            2026-02-02 07:00 | body_weight | 77.9
            """,
            "2026-02-09 09:00",
            None,
            id="old news: silence is another rule's",
        ),
    ],
)
def test_weight_gain(table, ask, picture: str, now: str, gain: str | None):
    finding = find(table(picture), ask(now))
    assert (finding.figures["gain"] if finding else None) == gain


def test_the_episode_begins_with_the_first_day_of_the_run_and_names_its_readings(table, ask):
    readings = table("""
        2026-02-01 07:00 | body_weight | 75.0
        2026-02-02 07:00 | body_weight | 77.5
        2026-02-03 07:00 | body_weight | 77.6
        """)
    finding = find(readings, ask("2026-02-03 09:00"))
    assert finding is not None
    assert finding.since == date(2026, 2, 2)
    assert finding.evidence == (readings["key"][0], readings["key"][2])
