"""Schemas of sleep, Open mHealth's and IEEE's."""

from __future__ import annotations

from devices.payloads.open_mhealth import measures as of
from devices.payloads.open_mhealth import words
from devices.payloads.open_mhealth.activity import DENOMINATED
from devices.payloads.open_mhealth.frames import DURING_IEEE, INTERVAL_IEEE, timed
from devices.payloads.open_mhealth.rules import Count, Flag, Measure, Number, Rule, Text
from devices.payloads.open_mhealth.schema import Fields, Schema, body, each, may, must
from devices.payloads.open_mhealth.shapes import ListOf, Object

TOTAL = of.DURATION.of("total_sleep_time")
_STAGES: dict[str, Rule] = {
    f"{stage}_sleep_duration": of.DURATION.of(f"{stage}_sleep_time")
    for stage in ("rem", "light", "deep")
}
_COURSE: dict[str, Rule] = {
    "latency_to_sleep_onset": of.DURATION.of("sleep_onset_latency"),
    "latency_to_arising": of.DURATION,
    "total_sleep_time": TOTAL,
    "number_of_awakenings": Count("awakenings", whole=True),
}
_EFFICIENCY = of.PERCENT.of("sleep_efficiency")
_DURATION_2_0 = of.DURATION.of("total_sleep_time", "sec", "min", "h")

OMH = (
    body(
        "sleep-duration",
        (1.0, 2.0),
        must("sleep_duration", _DURATION_2_0),
        timed(needed=2.0, during=2.0),
        may("user_notes", Text(), until=2.0),
        may("descriptive_statistic", words.STATISTIC, since=2.0),
        may("descriptive_statistic_denominator", Text(), since=2.0),
    ),
    body(
        "total-sleep-time",
        (1.0,),
        must("total_sleep_time", TOTAL),
        timed(needed=1.0, during=1.0),
        DENOMINATED,
    ),
    body(
        "sleep-episode",
        (1.0, 1.1),
        timed(needed=1.0, during=1.0),
        each(_COURSE),
        may("wake_after_sleep_onset", of.DURATION.of("wake_after_sleep_onset"), since=1.1),
        may("is_main_sleep", Flag()),
        may("sleep_maintenance_efficiency_percentage", _EFFICIENCY),
    ),
)

_DURING = timed(needed=1.0, ieee=1.0, during=1.0)
_MAIN = may("is_main_sleep", Flag())


def _about(name: str, rule: Rule, *more: Fields) -> Schema:
    """Return the schema of one thing said about a night."""
    return body(name.replace("_", "-"), (1.0,), must(name, rule), _DURING, *more, DENOMINATED)


def _share(stage: str) -> Schema:
    return body(
        f"{stage}-sleep",
        (1.0,),
        must(f"{stage}_sleep_duration", _STAGES[f"{stage}_sleep_duration"]),
        must("total_sleep_time", TOTAL),
        may(f"{stage}_sleep_percentage", of.PERCENT),
        _DURING,
        _MAIN,
        DENOMINATED,
    )


_SUMMARY = Object(
    {
        **_COURSE,
        **_STAGES,
        "sleep_efficiency_percentage": _EFFICIENCY,
        **{
            f"{stage}_sleep_episode_count": Number(whole=True) for stage in ("rem", "light", "deep")
        },
        **{
            f"{stage}_percentage": of.PERCENT
            for stage in ("rem_sleep", "light_sleep", "deep_sleep", "awake")
        },
        "awake_duration": of.DURATION,
        "descriptive_statistic": words.STATISTIC,
        "descriptive_statistic_denominator": Text(),
    },
    needs=("total_sleep_time",),
)
_STAGE = Object(
    {"sleep_stage_state": words.SLEEP_STAGE, "sleep_stage_time_frame": DURING_IEEE},
    needs=("sleep_stage_state", "sleep_stage_time_frame"),
)
_SNORE = Object(
    {
        "snored": Flag(),
        "snore_time_frame": INTERVAL_IEEE,
        "snore_intensity": of.SOUND,
        "body_posture": words.POSTURE,
    },
    needs=("snored", "snore_time_frame"),
)

IEEE = (
    body(
        "sleep-episode",
        (1.0,),
        _DURING,
        each(_COURSE | _STAGES),
        may("wake_after_sleep_onset", of.DURATION.of("wake_after_sleep_onset")),
        may("sleep_efficiency_percentage", _EFFICIENCY),
        _MAIN,
    ),
    body(
        "sleep-stage-summary",
        (1.0,),
        must("sleep_stage_summary", _SUMMARY),
        may("sleep_stage_episodes", ListOf(_STAGE)),
        _DURING,
        _MAIN,
    ),
    _about("total_sleep_time", TOTAL, _MAIN, may("sleep_events", ListOf(INTERVAL_IEEE))),
    _about("time_in_bed", of.DURATION.of("time_in_bed"), _MAIN),
    _about("sleep_onset_latency", of.DURATION.of("sleep_onset_latency"), _MAIN),
    body(
        "wake-after-sleep-onset",
        (1.0,),
        must("wake_after_sleep_onset", of.DURATION.of("wake_after_sleep_onset")),
        may("awakening_durations", ListOf(of.DURATION)),
        _DURING,
        DENOMINATED,
    ),
    _share("light"),
    _share("deep"),
    _about("apnea_hypopnea_index", Measure(("events/h",), "apnea_hypopnea_index")),
    _about("arousal_index", Measure(("awakenings/h",), "arousal_index"), _MAIN),
    _about(
        "snore_index",
        Measure(("snores/h",), "snore_index"),
        _MAIN,
        may("snore_events", ListOf(_SNORE)),
    ),
)
