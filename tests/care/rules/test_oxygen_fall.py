"""The day's saturation more than 4 points below that of the day before."""

from __future__ import annotations

import pytest

from care.rules.oxygen_fall import find


@pytest.mark.parametrize(
    ("picture", "now", "fall"),
    [
        pytest.param(
            """
            2026-02-01 08:00 | oxygen_saturation | 94
            2026-02-02 08:00 | oxygen_saturation | 89
            """,
            "2026-02-02 09:00",
            "5",
            id="published case: 94, then 89",
        ),
        pytest.param(
            """
            2026-02-01 08:00 | oxygen_saturation | 94
            2026-02-02 08:00 | oxygen_saturation | 90
            """,
            "2026-02-02 09:00",
            None,
            id="exactly 4 points are not more than 4",
        ),
        pytest.param(
            """
            2026-02-01 08:00 | oxygen_saturation | 94
            2026-02-02 08:00 | oxygen_saturation | 86
            2026-02-02 08:05 | oxygen_saturation | 93
            2026-02-02 08:10 | oxygen_saturation | 94
            """,
            "2026-02-02 09:00",
            None,
            id="one cold finger among three",
        ),
        pytest.param(
            """
            2026-02-01 08:00 | oxygen_saturation | 94
            2026-02-03 08:00 | oxygen_saturation | 85
            """,
            "2026-02-03 09:00",
            None,
            id="a day without reading lies between",
        ),
        pytest.param(
            """
            2026-02-01 08:00 | oxygen_saturation | 94
            2026-02-02 08:00 | oxygen_saturation | 85
            """,
            "2026-02-04 09:00",
            None,
            id="older than yesterday: then silence speaks",
        ),
        pytest.param(
            """
            2026-02-01 08:00 | oxygen_saturation | 95
            2026-02-02 23:50 | oxygen_saturation | 90.5
            """,
            "2026-02-03 07:00",
            "4.5",
            id="last night's is judged in the morning",
        ),
    ],
)
def test_fall(table, ask, picture: str, now: str, fall: str | None):
    finding = find(table(picture), ask(now))
    assert (finding.figures["fall"] if finding else None) == fall


def test_it_rests_on_the_readings_of_both_days(table, ask):
    readings = table(
        """
        2026-01-31 08:00 | oxygen_saturation | 95
        2026-02-01 08:00 | oxygen_saturation | 94
        2026-02-02 08:00 | oxygen_saturation | 88
        2026-02-02 08:05 | pulse_rate | 88
        """
    )
    finding = find(readings, ask("2026-02-02 09:00"))
    assert finding is not None
    assert len(finding.evidence) == 2
    assert finding.figures == {"saturation": "88", "fall": "6", "limit": "4"}
