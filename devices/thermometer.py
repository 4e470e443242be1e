"""Health Thermometer Service 1809: measurement 2A1C, indicated (Bluetooth SIG HTS 1.0)."""

from __future__ import annotations

from devices.frame import FLOAT, Clock, Frame, Number, Skip

MEASUREMENT = Frame(
    name="temperature_measurement",
    service="1809",
    characteristic="2A1C",
    parts=(
        Number("body_temperature", FLOAT, "Cel", unless=0x01),
        Number("body_temperature", FLOAT, "[degF]", when=0x01),
        Clock(when=0x02),
        Skip(1, when=0x04),  # temperature type: armpit, ear, mouth …
    ),
)

FRAMES = (MEASUREMENT,)
