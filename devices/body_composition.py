"""Body Composition Service 181B: measurement 2A9C, indicated (Bluetooth SIG BCS 1.0).

Many scales leave out time, user and weight: these come with the 2A9D of the same session.
"""

from __future__ import annotations

from decimal import Decimal

from devices.clock import Clock
from devices.frame import Frame, feature
from devices.parts import U16, Number, Part, User

_TENTH = Decimal("0.1")
MULTIPLE_PACKETS = 0x1000


def _mass(metric: str, when: int) -> tuple[Part, Part]:
    """Return a mass in the unit that flag bit 0 says."""
    return (
        Number(metric, U16, "kg", when=when, unless=0x01, step=Decimal("0.005"), optional=True),
        Number(metric, U16, "[lb_av]", when=when | 0x01, step=Decimal("0.01"), optional=True),
    )


MEASUREMENT = Frame(
    name="body_composition_measurement",
    service="181B",
    characteristic="2A9C",
    flags_size=2,
    # Without a time stamp of its own, or with a second packet to come, it is not whole.
    awaits=((0x0002, 0, "2A9D"), (MULTIPLE_PACKETS, MULTIPLE_PACKETS, "2A9C")),
    parts=(
        Number("body_fat_percentage", U16, "%", step=_TENTH, absent=0xFFFF),
        Clock(when=0x0002),
        User(when=0x0004),
        Number("basal_metabolic_rate", U16, "kJ", when=0x0008),
        Number("muscle_percentage", U16, "%", when=0x0010, step=_TENTH),
        *_mass("muscle_mass", 0x0020),
        *_mass("fat_free_mass", 0x0040),
        *_mass("soft_lean_mass", 0x0080),
        *_mass("body_water_mass", 0x0100),
        Number("body_impedance", U16, "Ohm", when=0x0200, step=_TENTH),
        *_mass("body_weight", 0x0400),
        Number("body_height", U16, "m", when=0x0800, unless=0x01, step=Decimal("0.001")),
        Number("body_height", U16, "[in_i]", when=0x0801, step=_TENTH),
    ),
)

FEATURE = feature(
    "body_composition_feature",
    "181B",
    "2A9B",
    {
        0: "time_stamp",
        1: "multiple_users",
        2: "basal_metabolism",
        3: "muscle_percentage",
        4: "muscle_mass",
        5: "fat_free_mass",
        6: "soft_lean_mass",
        7: "body_water_mass",
        8: "impedance",
        9: "weight",
        10: "height",
    },
    size=4,
)

CHARACTERISTICS = (MEASUREMENT, FEATURE)
