"""Glucose Service 1808: measurement 2A18 and its context 2A34 (Bluetooth SIG GLS 1.0.1).

Records are asked for by RACP. Concentrations are in kg/L or mol/L, the displayed time is the base
time moved by the offset, and a drop of control solution is no patient's glucose.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from balise.model import Quality, State
from devices.clock import Clock, Minutes
from devices.frame import Frame, feature
from devices.parts import (
    SFLOAT,
    U8,
    U16,
    Code,
    Draft,
    Fact,
    Number,
    Part,
    RecordNumber,
    Status,
    word_of,
)

INTERSTITIAL, CONTROL_SOLUTION, CONTROL_LOCATION = 9, 10, 4

SAMPLE_TYPES = {
    1: "capillary whole blood",
    2: "capillary plasma",
    3: "venous whole blood",
    4: "venous plasma",
    5: "arterial whole blood",
    6: "arterial plasma",
    7: "undetermined whole blood",
    8: "undetermined plasma",
    INTERSTITIAL: "interstitial fluid",
    CONTROL_SOLUTION: "control solution",
}
SAMPLE_LOCATIONS = {
    1: "finger",
    2: "alternate site test",
    3: "earlobe",
    CONTROL_LOCATION: "control solution",
    5: "subcutaneous tissue",
    15: "not available",
}


@dataclass(frozen=True, slots=True)
class Sample(Part):
    """Type and location of the sample, four bits each."""

    @property
    def code(self) -> str:
        """One byte."""
        return "B"

    def read(self, word: int, draft: Draft) -> None:
        """Say what was measured: blood, interstitial fluid, or the meter itself."""
        kind, location = word & 0xF, word >> 4
        draft.facts.append(("sample_type", word_of(SAMPLE_TYPES, kind)))
        draft.facts.append(("sample_location", word_of(SAMPLE_LOCATIONS, location)))
        if kind == CONTROL_SOLUTION or location == CONTROL_LOCATION:
            draft.state = State.CONTROL
        if kind == INTERSTITIAL:
            draft.readings = [replace(one, metric="interstitial_glucose") for one in draft.readings]


_SENSOR_BITS = (
    (0x0001, 0x0001, Quality.BATTERY_LOW),
    (0x0002, 0x0002, Quality.SENSOR_FAULT),
    (0x0004, 0x0004, Quality.SAMPLE_INSUFFICIENT),
    (0x0008, 0x0008, Quality.STRIP_FAULT),  # strip inserted wrongly
    (0x0010, 0x0010, Quality.STRIP_FAULT),  # strip of another type
    (0x0020, 0x0020, Quality.ABOVE_MEASURING_RANGE),
    (0x0040, 0x0040, Quality.BELOW_MEASURING_RANGE),
    (0x0080, 0x0080, Quality.TEMPERATURE_OUT_OF_RANGE),
    (0x0100, 0x0100, Quality.TEMPERATURE_OUT_OF_RANGE),
    (0x0200, 0x0200, Quality.INTERRUPTED),  # strip pulled out too soon
    (0x0400, 0x0400, Quality.SENSOR_FAULT),
    (0x0800, 0x0800, Quality.CLOCK_FAULT),
)

MEASUREMENT = Frame(
    name="glucose_measurement",
    service="1808",
    characteristic="2A18",
    awaits=((0x10, 0x10, "2A34"),),
    parts=(
        RecordNumber(),
        Clock(),
        Minutes(when=0x01),
        Number("blood_glucose", SFLOAT, "kg/L", when=0x02, unless=0x04),
        Number("blood_glucose", SFLOAT, "mol/L", when=0x06),
        Sample(when=0x02),
        Status("sensor_status", _SENSOR_BITS, when=0x08),
    ),
)


@dataclass(frozen=True, slots=True)
class TesterAndHealth(Part):
    """Who tested and how the patient was, four bits each."""

    @property
    def code(self) -> str:
        """One byte."""
        return "B"

    def read(self, word: int, draft: Draft) -> None:
        """Add both words."""
        draft.facts.append(("tester", word_of(_TESTERS, word & 0xF)))
        draft.facts.append(("health", word_of(_HEALTH, word >> 4)))


_TESTERS = {1: "self", 2: "health care professional", 3: "laboratory", 15: "not available"}
_HEALTH = {
    1: "minor issues",
    2: "major issues",
    3: "during menses",
    4: "under stress",
    5: "no issues",
    15: "not available",
}
MEALS = {1: "before meal", 2: "after meal", 3: "fasting", 4: "casual", 5: "bedtime"}
_CARBOHYDRATES = {
    1: "breakfast",
    2: "lunch",
    3: "dinner",
    4: "snack",
    5: "drink",
    6: "supper",
    7: "brunch",
}
_MEDICATIONS = {
    1: "rapid acting insulin",
    2: "short acting insulin",
    3: "intermediate acting insulin",
    4: "long acting insulin",
    5: "pre-mixed insulin",
}

CONTEXT = Frame(
    name="glucose_measurement_context",
    service="1808",
    characteristic="2A34",
    state=State.PART,
    awaits=((0, 0, "2A18"),),
    parts=(
        RecordNumber(),
        Fact("extended_flags", U8, when=0x80),
        Code("carbohydrate", _CARBOHYDRATES, when=0x01),
        Fact("carbohydrate_mass", SFLOAT, "kg", when=0x01),
        Code("meal", MEALS, when=0x02),
        TesterAndHealth(when=0x04),
        Fact("exercise_duration", U16, "s", when=0x08),
        Fact("exercise_intensity", U8, "%", when=0x08),
        Code("medication", _MEDICATIONS, when=0x10),
        Fact("medication_amount", SFLOAT, "kg", when=0x10, unless=0x20),
        Fact("medication_amount", SFLOAT, "L", when=0x30),
        Number("hba1c", SFLOAT, "%", when=0x40, optional=True),
    ),
)

FEATURE = feature(
    "glucose_feature",
    "1808",
    "2A51",
    {
        0: "low_battery_detection",
        1: "sensor_malfunction_detection",
        2: "sample_size",
        3: "strip_insertion_detection",
        4: "strip_type_detection",
        5: "result_high_low_detection",
        6: "temperature_detection",
        7: "read_interrupt_detection",
        8: "general_fault",
        9: "time_fault",
        10: "multiple_bonds",
    },
)

CHARACTERISTICS = (MEASUREMENT, CONTEXT, FEATURE)
