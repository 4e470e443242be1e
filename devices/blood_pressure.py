"""Blood Pressure Service 1810: measurement 2A35, indicated (Bluetooth SIG BLS 1.1)."""

from __future__ import annotations

from balise.model import Quality
from devices.frame import SFLOAT, Clock, Frame, Number, Status, User

STATUS = Status(
    when=0x10,
    bits=(
        (0x01, 0x01, Quality.MOVEMENT),
        (0x02, 0x02, Quality.CUFF_LOOSE),
        (0x04, 0x04, Quality.IRREGULAR_PULSE),
        # Bits 3 and 4 are one number of two bits, not two flags.
        (0x18, 0x08, Quality.PULSE_ABOVE_RANGE),
        (0x18, 0x10, Quality.PULSE_BELOW_RANGE),
        (0x20, 0x20, Quality.BAD_POSITION),
    ),
)

MEASUREMENT = Frame(
    name="blood_pressure_measurement",
    service="1810",
    characteristic="2A35",
    parts=(
        Number("systolic_blood_pressure", SFLOAT, "mm[Hg]", unless=0x01),
        Number("diastolic_blood_pressure", SFLOAT, "mm[Hg]", unless=0x01),
        # Many cuffs give no mean and send NaN or 0 in its place.
        Number("mean_arterial_pressure", SFLOAT, "mm[Hg]", unless=0x01, absent=0, optional=True),
        Number("systolic_blood_pressure", SFLOAT, "kPa", when=0x01),
        Number("diastolic_blood_pressure", SFLOAT, "kPa", when=0x01),
        Number("mean_arterial_pressure", SFLOAT, "kPa", when=0x01, absent=0, optional=True),
        Clock(when=0x02),
        Number("pulse_rate", SFLOAT, "/min", when=0x04, absent=0, optional=True),
        User(when=0x08),
        STATUS,
    ),
)

FRAMES = (MEASUREMENT,)
