"""Physical Activity Monitor Service 183E: activity, heart and breath, steps, sleep (SIG PAMS 1.0).

All seven characteristics come in segments and begin alike: session, sub-session, seconds since the
session's start, sequence. The flags are those of the specification; widths are those of its 2017
draft kit, since no device is known: what has no certain unit is a fact, not a figure. A summary is
a reading only beside its session's start, which 2B44 does not state in a form that is certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from balise.model import Decoded, State
from devices.codec import Characteristic, Codec, information
from devices.frame import Frame
from devices.parts import (
    S8,
    S24,
    U8,
    U16,
    U24,
    U32,
    Code,
    Fact,
    Kind,
    Number,
    Part,
    RecordNumber,
    Status,
)
from devices.segments import Segmented, body

SERVICE = "183E"

_HEAD: tuple[Part, ...] = (
    Fact("session", U16),
    Fact("sub_session", U16),
    Fact("session_seconds", U32, "s"),
    RecordNumber(U32),
)
_ACTIVITIES = {
    0: "unspecified",
    1: "other",
    2: "sitting",
    3: "lying",
    4: "standing",
    5: "walking",
    6: "shuffling",
    7: "running",
    8: "cycling indoor",
    9: "cycling outdoor",
    10: "cycling",
    11: "aerobic workout",
    12: "elliptical",
    13: "sports",
    14: "swimming",
    255: "unknown",
}
_STAGES = {
    0: "wake",
    1: "sleep",
    2: "rem",
    3: "non_rem",
    4: "light",
    5: "deep",
    6: "n1",
    7: "n2",
    8: "n3",
    9: "n4",
    10: "active",
    11: "quiet",
    12: "intermediate",
    13: "arousal",
    23: "unknown",
}


def _facts(kind: Kind, names: Mapping[int, str], unit: str = "") -> tuple[Part, ...]:
    """Return facts of one width, each there with its flag bit."""
    return tuple(Fact(name, kind, unit, when=1 << bit) for bit, name in names.items())


def _ordered(*groups: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the parts in the order of their flag bits, which is their order on the wire."""
    return (*_HEAD, *sorted((part for group in groups for part in group), key=lambda one: one.when))


def _segmented(frame: Frame) -> Segmented:
    def read(segments: Sequence[bytes]) -> tuple[Decoded, ...]:
        return frame.decode(body(segments))

    return Segmented(
        name=frame.name,
        service=SERVICE,
        characteristic=frame.characteristic,
        read=read,
        state=frame.state,
    )


GENERAL_INSTANTANEOUS = Frame(
    name="general_activity_instantaneous_data",
    service=SERVICE,
    characteristic="2B3C",
    flags_size=3,
    state=State.INFORMATION,
    parts=_ordered(
        _facts(U16, {0: "walking_energy_rate", 1: "intense_energy_rate", 2: "energy_rate"}, "kJ/h"),
        _facts(U16, {3: "fat_rate", 5: "speed", 6: "cadence", 8: "activity_count_rate"}),
        _facts(U8, {4: "metabolic_equivalent"}),
        _facts(S24, {7: "elevation"}),
        _facts(U16, {9: "activity_level"}),
        (Code("activity_type", _ACTIVITIES, U16, when=1 << 10),),
    ),
)

GENERAL_SUMMARY = Frame(
    name="general_activity_summary_data",
    service=SERVICE,
    characteristic="2B3D",
    flags_size=4,
    awaits=((0, 0, "2B44"),),
    parts=_ordered(
        _facts(U32, {0: "walking_energy", 1: "intense_energy"}, "kJ"),
        (Number("active_energy", U32, "kJ", when=1 << 2),),
        _facts(U16, {3: "fat_burned", 8: "speed_least", 9: "speed_most", 10: "speed_average"}),
        _facts(U8, {4: "met_least", 5: "met_most", 6: "met_average"}),
        (Number("distance", U24, "m", when=1 << 7),),
        _facts(U24, {11: "walking_time", 12: "intense_time", 24: "worn_time"}, "s"),
        _facts(U16, {13: "cadence_least", 14: "cadence_most", 15: "cadence_average"}),
        _facts(S8, {16: "floors"}),
        _facts(U24, {17: "ascent", 18: "descent"}),
        _facts(U32, {19: "activity_count"}),
        _facts(U16, {20: "level_least", 21: "level_most", 22: "level_average"}),
        (Code("activity_type", _ACTIVITIES, U16, when=1 << 23),),
    ),
)

HEART_INSTANTANEOUS = Frame(
    name="cardiorespiratory_activity_instantaneous_data",
    service=SERVICE,
    characteristic="2B3E",
    flags_size=2,
    parts=_ordered(
        _facts(U8, {0: "vo2_max"}, "mL/kg/min"),
        (Number("heart_rate", U8, "/min", when=1 << 1, absent=0, optional=True),),
        _facts(U16, {2: "inter_beat_interval", 4: "heart_rate_variability"}),
        _facts(U8, {3: "resting_heart_rate", 6: "resting_respiratory_rate"}, "/min"),
        (Number("respiratory_rate", U8, "/min", when=1 << 5, absent=0, optional=True),),
    ),
)

HEART_SUMMARY = Frame(
    name="cardiorespiratory_activity_summary_data",
    service=SERVICE,
    characteristic="2B3F",
    flags_size=4,
    state=State.INFORMATION,
    parts=_ordered(
        _facts(U24, {bit: f"zone_{bit + 1}_time" for bit in range(5)} | {26: "worn_time"}, "s"),
        _facts(U8, {5: "vo2_max_least", 6: "vo2_max_most", 7: "vo2_max_average"}, "mL/kg/min"),
        _facts(U8, {8: "heart_rate_least", 9: "heart_rate_most", 10: "heart_rate_average"}, "/min"),
        _facts(U16, {11: "inter_beat_least", 12: "inter_beat_most", 13: "inter_beat_average"}),
        _facts(U8, {14: "resting_least", 15: "resting_most", 16: "resting_average"}, "/min"),
        _facts(U16, {17: "variability_least", 18: "variability_most", 19: "variability_average"}),
        _facts(U8, {20: "breath_least", 21: "breath_most", 22: "breath_average"}, "/min"),
        _facts(U8, {23: "calm_breath_least", 24: "calm_breath_most", 25: "calm_breath"}, "/min"),
    ),
)

STEPS = Frame(
    name="step_counter_activity_summary_data",
    service=SERVICE,
    characteristic="2B40",
    flags_size=1,
    awaits=((0, 0, "2B44"),),
    parts=_ordered(
        (Number("step_count", U24, "1", when=1),),
        _facts(U24, {1: "intense_steps", 2: "floor_steps"}),
        (Number("distance", U24, "m", when=1 << 3),),
        _facts(U24, {4: "worn_time"}, "s"),
    ),
)

SLEEP_INSTANTANEOUS = Frame(
    name="sleep_activity_instantaneous_data",
    service=SERVICE,
    characteristic="2B41",
    flags_size=2,
    parts=_ordered(
        _facts(U24, {0: "visible_light", 1: "ultraviolet_light", 2: "infrared_light"}),
        (Status("sleep_stage", (), names=_STAGES, size=3, when=1 << 3),),
        (Number("heart_rate", U8, "/min", when=1 << 4, absent=0, optional=True),),
    ),
)

SLEEP_SUMMARY = Frame(
    name="sleep_activity_summary_data",
    service=SERVICE,
    characteristic="2B42",
    flags_size=3,
    awaits=((0, 0, "2B44"),),
    parts=_ordered(
        (Number("total_sleep_time", U24, "s", when=1),),
        _facts(U24, {1: "wake_time"}, "s"),
        (Number("time_in_bed", U24, "s", when=1 << 2),),
        _facts(U16, {3: "awakenings", 4: "latency", 6: "snooze_time", 7: "tosses_and_turns"}),
        _facts(U8, {5: "efficiency"}, "%"),
        _facts(U24, {8: "awakening_after_alarm"}),
        _facts(U24, {9: "visible_least", 10: "visible_most", 11: "visible_average"}),
        _facts(U24, {12: "ultraviolet_least", 13: "ultraviolet_most", 14: "ultraviolet_average"}),
        _facts(U24, {15: "infrared_least", 16: "infrared_most", 17: "infrared_average"}),
        _facts(U8, {18: "sleeping_heart_rate"}, "/min"),
        _facts(U24, {19: "worn_time"}, "s"),
    ),
)


def _raw(name: str, characteristic: str) -> Codec:
    """Return a characteristic whose layout is not certain: its bytes are kept as they are."""
    return Codec(
        name=name,
        service=SERVICE,
        characteristic=characteristic,
        read=lambda data: information(SERVICE, characteristic, ((name, data.hex()),)),
    )


FRAMES = (
    GENERAL_INSTANTANEOUS,
    GENERAL_SUMMARY,
    HEART_INSTANTANEOUS,
    HEART_SUMMARY,
    STEPS,
    SLEEP_INSTANTANEOUS,
    SLEEP_SUMMARY,
)

CHARACTERISTICS: tuple[Characteristic, ...] = (
    *(_segmented(frame) for frame in FRAMES),
    _raw("physical_activity_monitor_features", "2B3B"),
    _raw("physical_activity_monitor_control_point", "2B43"),
    _raw("physical_activity_current_session", "2B44"),
    _raw("physical_activity_session_descriptor", "2B45"),
)
