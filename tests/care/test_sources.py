"""Several devices for one metric: which of them counts, said by small pictures."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.sources import ANY, READINGS, SOURCES, Declared, choose, counted

PHONE, WATCH, CLIP = 1, 2, 3
DAY = date(2026, 2, 1)


def readings(picture: str, metric: str = "step_count") -> pl.DataFrame:
    """Readings of one patient from `device hour value` a line, hours of 1 February in UTC."""
    rows = []
    for line in filter(None, map(str.strip, picture.splitlines())):
        device, hour, value = line.split()
        at = datetime(2026, 2, 1, int(hour), 5, tzinfo=UTC)
        rows.append((1, metric, DAY, int(device), at, float(Decimal(value))))
    return pl.DataFrame(rows, schema=READINGS, orient="row")


def said(found: pl.DataFrame) -> list[tuple[int, bool, str]]:
    return found.select("device", "counts", "reason").rows()


WALK = """
    1  9 400
    1 10 500
    2  8 300
    2  9 420
    2 10 510
"""


def test_of_two_step_counters_the_one_with_more_hours_counts_and_none_is_summed():
    found = choose(readings(WALK), {})
    assert said(found) == [(WATCH, True, ""), (PHONE, False, "coverage")]
    assert counted(readings(WALK), found)["value"].sum() == 300 + 420 + 510


def test_with_as_many_hours_the_device_that_was_enrolled_first_counts():
    found = choose(readings("2 9 420\n1 9 400\n2 9 5"), {})
    assert said(found) == [(PHONE, True, ""), (WATCH, False, "age")]


def test_one_device_alone_needs_no_choice():
    alone = readings("1 9 400\n1 10 500")
    assert choose(alone, {}).is_empty()
    assert counted(alone, choose(alone, {})).equals(alone)
    assert choose(readings(""), {}).schema == pl.Schema(SOURCES)


def test_a_night_that_two_devices_tell_is_told_once():
    found = choose(readings("1 7 410\n2 7 455", "total_sleep_time"), {})
    assert said(found) == [(PHONE, True, ""), (WATCH, False, "age")]


def test_measurements_that_stand_for_themselves_all_count_unless_something_is_declared():
    twice = readings("1 7 36.6\n2 19 38.9", "body_temperature")
    assert counted(twice, choose(twice, {})).equals(twice)
    prefer = {1: Declared(chosen={"body_temperature": WATCH})}
    assert said(choose(twice, prefer)) == [(WATCH, True, ""), (PHONE, False, "patient")]


CALLED = {PHONE: frozenset({"apple_health"}), WATCH: frozenset({"beurer-as99"})}
PATHWAY = {"step_count": ("beurer-as99", "activity_monitor", "apple_health")}


@pytest.mark.parametrize(
    ("declared", "counts", "reason"),
    [
        (Declared(), WATCH, "coverage"),
        (Declared(chosen={"step_count": PHONE}), PHONE, "patient"),
        (Declared(chosen={ANY: PHONE}), PHONE, "patient"),
        (Declared(chosen={ANY: PHONE, "step_count": WATCH}), WATCH, "patient"),
        (Declared(chosen={"distance": PHONE}), WATCH, "coverage"),
        (Declared(pathway=PATHWAY, devices=CALLED), WATCH, "pathway"),
        (Declared(pathway={"step_count": ("apple_health",)}, devices=CALLED), PHONE, "pathway"),
        (Declared(pathway=PATHWAY, devices=CALLED, chosen={ANY: PHONE}), PHONE, "patient"),
        # What nobody named comes after what is named, and among themselves coverage decides.
        (Declared(pathway={"step_count": ("fit",)}, devices=CALLED), WATCH, "coverage"),
    ],
)
def test_the_patient_s_choice_is_before_the_pathway_s_and_that_before_coverage(
    declared: Declared, counts: int, reason: str
):
    (first, second) = said(choose(readings(WALK), {1: declared}))
    assert first == (counts, True, "")
    assert second == (PHONE + WATCH - counts, False, reason)


def test_on_a_day_without_the_preferred_device_the_next_counts():
    prefer = {1: Declared(chosen={"step_count": CLIP})}
    assert said(choose(readings(WALK), prefer)) == [(WATCH, True, ""), (PHONE, False, "coverage")]


def test_every_window_chooses_for_itself():
    other_day = readings(WALK).with_columns(day=pl.lit(date(2026, 2, 2)), subject=pl.lit(2))
    both = pl.concat([readings("1 9 4\n2 9 5"), other_day.cast(pl.Schema(READINGS))])
    found = choose(both, {2: Declared(chosen={ANY: PHONE})})
    assert found.filter("counts").select("subject", "device").rows() == [(1, 1), (2, 1)]


@given(st.randoms(use_true_random=False))
def test_the_order_of_arrival_means_nothing(chance):
    lines = [f"{device} {hour} {hour}" for device in (1, 2, 3) for hour in range(device, 9)]
    lines += [f"3 {hour} 7" for hour in range(10, 13)]
    at_first = choose(readings("\n".join(lines)), {})
    chance.shuffle(lines)
    shuffled = readings("\n".join(lines))
    assert choose(shuffled, {}).equals(at_first)
    order = ["device", "taken_at"]
    assert counted(shuffled, at_first).sort(order)["device"].unique().to_list() == [3]
