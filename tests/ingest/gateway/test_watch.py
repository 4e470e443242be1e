"""When nothing is heard: what is tried, in which order, how often, and when it is an alarm."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ingest.gateway.watch import RadioState, Recovery, Rung, Watch

RESTART, CYCLE, REPORT = Recovery().ladder


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def climbed(watch: Watch, clock: Clock, seconds: float) -> list[tuple[float, Rung]]:
    """Return what falls due in so many seconds of silence, with its time."""
    begun, found = clock.now, list[tuple[float, Rung]]()
    while clock.now < begun + seconds:
        clock.now += 1
        rung = watch.due()
        if rung is not None:
            found.append((clock.now - begun, rung))
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> Watch:
    return Watch(now=clock)


def lively(watch: Watch, clock: Clock, seconds: int) -> None:
    for _ in range(0, seconds, 10):
        clock.now += 10
        watch.heard(stranger=True)


def test_each_rung_is_tried_once_after_90_seconds_of_silence(watch: Watch, clock: Clock):
    assert (RESTART, CYCLE, REPORT) == (Rung.RESTART_SCAN, Rung.POWER_CYCLE, Rung.REPORT)
    assert climbed(watch, clock, 500) == [(90, RESTART), (180, CYCLE), (270, REPORT)]


def test_hearing_anything_starts_over(watch: Watch, clock: Clock):
    climbed(watch, clock, 200)
    assert watch.state is RadioState.TRYING
    watch.heard(stranger=False)
    assert watch.state is RadioState.HEARING
    assert climbed(watch, clock, 100) == [(90, RESTART)]


def test_a_home_with_nothing_to_hear_is_quiet_and_the_radio_is_left_in_peace(
    watch: Watch, clock: Clock
):
    found = [at for at, rung in climbed(watch, clock, 2 * 86400) if rung is CYCLE]
    assert watch.state is RadioState.QUIET
    rests = [later - at for at, later in pairwise(found)]
    assert rests[:3] == [900 + 180, 1800 + 180, 3600 + 180]
    assert max(rests) <= 6 * 3600 + 180
    assert len(found) <= 12


def test_a_cuff_that_is_heard_twice_a_day_makes_no_alarm_of_the_silence_between(
    watch: Watch, clock: Clock
):
    for _ in range(4):
        watch.heard(stranger=False)
        climbed(watch, clock, 12 * 3600)
        assert watch.state is RadioState.QUIET


def test_neighbours_heard_for_an_hour_and_then_no_more_are_an_alarm(watch: Watch, clock: Clock):
    lively(watch, clock, 3700)
    climbed(watch, clock, 269)
    assert watch.state is RadioState.TRYING
    climbed(watch, clock, 2)
    assert watch.state is RadioState.HUNG
    climbed(watch, clock, 86400)
    assert watch.state is RadioState.HUNG


def test_a_car_that_passes_is_no_neighbour(watch: Watch, clock: Clock):
    lively(watch, clock, 300)
    climbed(watch, clock, 300)
    assert watch.state is RadioState.QUIET


def test_an_adapter_that_does_not_obey_is_hung(watch: Watch, clock: Clock):
    climbed(watch, clock, 180)
    watch.disobeyed()
    climbed(watch, clock, 90)
    assert watch.state is RadioState.HUNG
