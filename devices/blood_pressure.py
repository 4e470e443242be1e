"""Blood Pressure Service 1810: measurement 2A35, cuff pressure 2A36 (Bluetooth SIG BLS 1.1.1).

The enhanced measurement 2B34 and its record 2B36 are in enhanced_blood_pressure.py.
"""

from __future__ import annotations

from typing import Literal

from balise.model import Quality, State
from devices.clock import Clock
from devices.frame import Frame, feature
from devices.parts import SFLOAT, Fact, Number, Part, Skip, Status, User

_BITS = (
    (0x01, 0x01, Quality.MOVEMENT),
    (0x02, 0x02, Quality.CUFF_LOOSE),
    (0x04, 0x04, Quality.IRREGULAR_PULSE),
    # Bits 3 and 4 are one number of two bits, not two flags.
    (0x18, 0x08, Quality.PULSE_ABOVE_RANGE),
    (0x18, 0x10, Quality.PULSE_BELOW_RANGE),
    (0x20, 0x20, Quality.BAD_POSITION),
)

PRESSURES: tuple[Part, ...] = (
    Number("systolic_blood_pressure", SFLOAT, "mm[Hg]", unless=0x01),
    Number("diastolic_blood_pressure", SFLOAT, "mm[Hg]", unless=0x01),
    # Many cuffs give no mean and send NaN or 0 in its place.
    Number("mean_arterial_pressure", SFLOAT, "mm[Hg]", unless=0x01, absent=0, optional=True),
    Number("systolic_blood_pressure", SFLOAT, "kPa", when=0x01),
    Number("diastolic_blood_pressure", SFLOAT, "kPa", when=0x01),
    Number("mean_arterial_pressure", SFLOAT, "kPa", when=0x01, absent=0, optional=True),
)
CUFF_PRESSURE: tuple[Part, ...] = (
    Fact("cuff_pressure", SFLOAT, "mm[Hg]", unless=0x01),
    Fact("cuff_pressure", SFLOAT, "kPa", when=0x01),
    Skip(4),  # the places of diastolic and mean pressure, NaN
)
PULSE = Number("pulse_rate", SFLOAT, "/min", when=0x04, absent=0, optional=True)


def status(order: Literal["little", "big"] = "little") -> Status:
    """Return the measurement status; some makers write its bytes the other way round."""
    return Status("measurement_status", _BITS, when=0x10, order=order)


MEASUREMENT = Frame(
    name="blood_pressure_measurement",
    service="1810",
    characteristic="2A35",
    parts=(*PRESSURES, Clock(when=0x02), PULSE, User(when=0x08), status()),
)

INTERMEDIATE_CUFF_PRESSURE = Frame(
    name="intermediate_cuff_pressure",
    service="1810",
    characteristic="2A36",
    state=State.LIVE,
    parts=(*CUFF_PRESSURE, Clock(when=0x02), PULSE, User(when=0x08), status()),
)

FEATURE = feature(
    "blood_pressure_feature",
    "1810",
    "2A49",
    {
        0: "body_movement_detection",
        1: "cuff_fit_detection",
        2: "irregular_pulse_detection",
        3: "pulse_rate_range_detection",
        4: "measurement_position_detection",
        5: "multiple_bonds",
        6: "e2e_crc",
        7: "user_data_service",
        8: "user_facing_time",
    },
)

CHARACTERISTICS = (MEASUREMENT, INTERMEDIATE_CUFF_PRESSURE, FEATURE)
