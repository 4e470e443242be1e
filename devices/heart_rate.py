"""Heart Rate Service 180D: measurement 2A37, notified once a second (Bluetooth SIG HRS 1.0)."""

from __future__ import annotations

from decimal import Decimal

from balise.model import Quality, State
from devices.frame import Frame
from devices.parts import U8, U16, Code, Number

MEASUREMENT = Frame(
    name="heart_rate_measurement",
    service="180D",
    characteristic="2A37",
    # Contact is known only where bit 2 says that the sensor can tell; optical bands can't.
    flag_bits=(
        (0b110, 0b100, Quality.NO_CONTACT),
        (0b100, 0b000, Quality.CONTACT_UNKNOWN),
    ),
    parts=(
        # A rate of 0 is a strap without a signal, never a heart at rest.
        Number("heart_rate", U8, "/min", unless=0x01, absent=0),
        Number("heart_rate", U16, "/min", when=0x01, absent=0),
        Number("energy_expended", U16, "kJ", when=0x08, absent=0xFFFF, optional=True),
        # In 1/1024 s on the wire: 1000/1024 ms is exact in decimals.
        Number("rr_interval", U16, "ms", when=0x10, step=Decimal("0.9765625"), many=True),
    ),
)

LOCATION = Frame(
    name="body_sensor_location",
    service="180D",
    characteristic="2A38",
    flags_size=0,
    state=State.INFORMATION,
    parts=(
        Code(
            "body_sensor_location",
            {0: "other", 1: "chest", 2: "wrist", 3: "finger", 4: "hand", 5: "ear lobe", 6: "foot"},
        ),
    ),
)

CHARACTERISTICS = (MEASUREMENT, LOCATION)
