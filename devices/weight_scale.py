"""Weight Scale Service 181D: measurement 2A9D, indicated (Bluetooth SIG WSS 1.0)."""

from __future__ import annotations

from decimal import Decimal

from devices.clock import Clock
from devices.frame import Frame, feature
from devices.parts import U16, Number, User

MEASUREMENT = Frame(
    name="weight_measurement",
    service="181D",
    characteristic="2A9D",
    parts=(
        # 0xFFFF says that the weighing failed; it is not 327.675 kg.
        Number("body_weight", U16, "kg", unless=0x01, step=Decimal("0.005"), absent=0xFFFF),
        Number("body_weight", U16, "[lb_av]", when=0x01, step=Decimal("0.01"), absent=0xFFFF),
        Clock(when=0x02),
        User(when=0x04),
        Number("body_mass_index", U16, "kg/m2", when=0x08, step=Decimal("0.1")),
        Number("body_height", U16, "m", when=0x08, unless=0x01, step=Decimal("0.001")),
        Number("body_height", U16, "[in_i]", when=0x09, step=Decimal("0.1")),
    ),
)

FEATURE = feature(
    "weight_scale_feature", "181D", "2A9E", {0: "time_stamp", 1: "multiple_users", 2: "bmi"}, size=4
)

CHARACTERISTICS = (MEASUREMENT, FEATURE)
