"""How grave a finding is: what somebody closed is news where one of its figures is a step further.

Each case is two moments of one episode: what stood there as it was closed, and what came after.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import psycopg
import pytest
from psycopg.types.json import Jsonb

from care.rules import RULES
from care.rules.rule import Asked, Finding

Table = Callable[[str], pl.DataFrame]
Ask = Callable[..., Asked]

CUFF = "2026-02-01 {} | systolic_blood_pressure | {}\n2026-02-01 {} | diastolic_blood_pressure | {}"


def cuff(*measured: tuple[str, int, int]) -> str:
    return "\n".join(CUFF.format(at, high, at, low) for at, high, low in measured)


def scale(kilograms: str) -> str:
    return f"2026-01-30 08:00 | body_weight | 75.0\n2026-02-01 08:00 | body_weight | {kilograms}"


def pulses(*last: int) -> str:
    usual = [f"2026-01-{day:02d} 08:00 | pulse_rate | {70 + day % 3}" for day in range(1, 31)]
    days = ("2026-01-31", "2026-02-01", "2026-02-02")
    return "\n".join(
        usual
        + [f"{day} 08:00 | pulse_rate | {rate}" for day, rate in zip(days, last, strict=False)]
    )


def oxygen(*values: int) -> str:
    return "\n".join(
        f"2026-02-01 08:{minute:02d} | oxygen_saturation | {value}"
        for minute, value in enumerate(values)
    )


START = (("08:00", 182, 111), ("08:06", 182, 112))
HIGHER = (*START, ("08:20", 230, 112))
EASED = (("08:00", 200, 111), ("08:06", 200, 112))
CASES = {
    "a gain of a kilogram more": ("weight_gain", scale("78.0"), scale("79.0"), True),
    "a gain of less than that": ("weight_gain", scale("78.0"), scale("78.9"), False),
    "systolic alone rises": ("blood_pressure_crisis", cuff(*START), cuff(*HIGHER), True),
    "diastolic alone falls": (
        "blood_pressure_crisis", cuff(*EASED), cuff(*EASED, ("08:20", 200, 108)), False,
    ),
    "diastolic alone rises by 5": (
        "blood_pressure_crisis", cuff(*START), cuff(*START, ("08:20", 182, 117)), True,
    ),
    "the other direction": ("pulse_unusual", pulses(115, 115), pulses(115, 115, 35), True),
    "on its way back": ("pulse_unusual", pulses(115, 115), pulses(115, 115, 100), False),
    "three points lower": ("oxygen_low", oxygen(86, 86), oxygen(86, 86, 83), True),
    "two points lower": ("oxygen_low", oxygen(86, 86), oxygen(86, 86, 84), False),
}  # fmt: skip


def found(rule: str, readings: pl.DataFrame, asked: Asked) -> Finding:
    finding = RULES[rule].find(readings, asked)
    assert finding
    return finding


def is_news(database: psycopg.Connection, before: Any, after: Any) -> bool:
    held, come = (Jsonb({key: str(one) for key, one in of.items()}) for of in (before, after))
    row = database.execute("SELECT graver(%s, %s)", (held, come)).fetchone()
    assert row
    return bool(row[0])


@pytest.mark.stack
@pytest.mark.parametrize("case", CASES)
def test_what_is_graver_is_news_to_who_closed_it(
    database: psycopg.Connection, table: Table, ask: Ask, case: str
):
    rule, closed, then, news = CASES[case]
    before, after = (
        found(rule, table(one), ask("2026-02-02 12:00")).grades for one in (closed, then)
    )
    assert is_news(database, before, after) == news


LIMITS = [
    ("weight_gain", scale("78.0"), "weight_gain", "2", "1"),
    ("blood_pressure_crisis", cuff(*START), "very_high_systolic", "180", "200"),
    ("blood_pressure_crisis", cuff(*START), "very_high_diastolic", "110", "100"),
    ("oxygen_low", oxygen(82, 82), "lowest_oxygen_saturation", "88", "84"),
    ("oxygen_low", oxygen(82, 82), "lowest_oxygen_saturation", "84", "94"),
]


@pytest.mark.stack
@pytest.mark.parametrize("case", LIMITS)
def test_a_plans_new_limit_is_no_news_of_the_patient(
    database: psycopg.Connection, table: Table, ask: Ask, case: tuple[str, ...]
):
    rule, picture, limit, *values = case
    before, after = (
        found(rule, table(picture), ask("2026-02-01 12:00", limits={limit: Decimal(one)})).grades
        for one in values
    )
    assert not is_news(database, before, after)


@pytest.mark.stack
@pytest.mark.parametrize(("then", "news"), [("02 06:00", False), ("03 00:00", True)])
def test_whoever_closed_a_silence_hears_of_it_no_more_often_than_once_a_day(
    database: psycopg.Connection, table: Table, ask: Ask, then: str, news: object
):
    readings = table("2026-02-01 00:00 | body_weight | 75.0")
    expected = {"body_weight": timedelta(hours=1)}
    before, after = (
        found("silence", readings, ask(now, expected=expected)).grades
        for now in ("2026-02-02 00:00", f"2026-02-{then}")
    )
    assert is_news(database, before, after) == news


@pytest.mark.stack
def test_another_figure_is_news_and_what_is_not_known_is_none(database: psycopg.Connection):
    weight, heart = {"body_weight": Decimal(1)}, {"heart_rate": Decimal(1)}
    assert is_news(database, weight, heart)
    assert not is_news(database, {}, heart)


def test_what_is_furthest_beyond_is_what_a_signal_says(table: Table, ask: Ask):
    finding = found("blood_pressure_crisis", table(cuff(*HIGHER)), ask("2026-02-01 12:00"))
    assert finding.figures["metric"] == "systolic_blood_pressure"
    assert finding.figures["value"] == "230"
