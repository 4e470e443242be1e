"""A plan: what a clinician may set, what is refused, and what holds without one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from balise.errors import PlanUnsafe, UsageError
from care.opening import opening
from care.pathways import PATHWAYS
from care.plan import Pause, Plan, limits_of, paused, resumed_at, written
from care.rules.silence import find

HEART = PATHWAYS["heart_failure"]


def test_without_a_signature_only_silence_alarms():
    assert Plan().rules(HEART) == ("silence",)
    assert Plan(version=1).rules(HEART) == ("silence", *HEART.rules)


@pytest.mark.parametrize("name", PATHWAYS)
def test_a_form_sent_as_it_is_shown_changes_nothing(name: str):
    pathway = PATHWAYS[name]
    shown = {f"limit.{one.name}": str(one.value) for one in limits_of(pathway)}
    shown |= {
        f"delay.{one}": str(delay // timedelta(hours=1)) for one, delay in pathway.expected.items()
    }
    assert written(pathway, {**shown, "protocol": pathway.protocol}) == Plan()


def test_what_is_set_is_kept_to_the_digit():
    plan = written(HEART, {"limit.weight_gain": "1,50", "delay.body_weight": "72"})
    assert plan.limits == {"weight_gain": Decimal("1.50")}
    assert plan.expected(HEART) == {"body_weight": timedelta(hours=72)}
    assert Plan.of(3, plan.content()) == Plan(version=3, limits=plan.limits, delays=plan.delays)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("limit.weight_gain", "20"),
        ("limit.blood_pressure_crisis_count", "2.5"),
        ("limit.weight_gain", "two"),
        ("limit.weight_gain", "NaN"),
        ("limit.weight_gain", ""),
        ("delay.body_weight", "0"),
        ("delay.body_weight", "9000"),
        ("protocol", "GUESS"),
    ],
)
def test_a_slip_of_the_pen_is_refused(field: str, said: str):
    with pytest.raises(PlanUnsafe) as refused:
        written(HEART, {field: said})
    assert (refused.value.field, refused.value.said) == (field, said)


def test_a_pause_expects_nothing_and_the_delay_begins_anew_after_it(table, ask):
    pauses = [Pause(date(2026, 2, 2), date(2026, 2, 10))]
    weight = table("2026-02-01 08:00 | body_weight | 75.0")
    for now, silent in (
        ("2026-02-10 12:00", False),
        ("2026-02-12 12:00", False),
        ("2026-02-13 00:30", True),
    ):
        today = date.fromisoformat(now[:10])
        asked = ask(
            now,
            expected=HEART.expected,
            paused=paused(pauses, today),
            resumed_at=resumed_at(pauses, today, "Europe/Paris"),
        )
        assert (find(weight, asked) is not None) == silent, now


@pytest.mark.shared
def test_the_published_case_of_a_friday_evening(shared: Path):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    (case,) = (one for one in cases if one["id"] == "alert-due-weekend")
    given = case["input"]
    hours = opening(given["opening"], "Europe/Paris")
    raised = datetime.fromisoformat(given["raised"])
    due = hours.due(raised, timedelta(hours=given["delay_open_hours"]))
    assert due == datetime.fromisoformat(case["expected"]["due"])


def test_open_hours_skip_the_night_and_the_weekend():
    hours = opening("Mon-Fri 09:00-18:00", "Europe/Paris")
    friday = datetime(2026, 2, 6, 16, tzinfo=UTC)
    assert hours.due(friday, timedelta(hours=1)) == friday + timedelta(hours=1)
    assert hours.due(friday, timedelta(hours=3)) == datetime(2026, 2, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "written_so",
    [
        "",
        "9-18",
        "Fri-Mon 09:00-18:00",
        "Mon-Fri 18:00-09:00",
        "Lun-Ven 09:00-18:00",
        "Mon-Fri 25:00-26:00",
    ],
)
def test_opening_hours_that_are_none(written_so: str):
    with pytest.raises(UsageError, match="Mon-Fri 09:00-18:00"):
        opening(written_so, "Europe/Paris")
