"""Health Thermometer Service 1809: measurement 2A1C, indicated (Bluetooth SIG HTS 1.0)."""

from __future__ import annotations

from balise.model import State
from devices.clock import Clock
from devices.frame import Frame
from devices.parts import FLOAT, U16, Code, Fact, Number

TEMPERATURE_TYPES = {
    1: "armpit",
    2: "body",
    3: "ear",
    4: "finger",
    5: "gastrointestinal tract",
    6: "mouth",
    7: "rectum",
    8: "toe",
    9: "tympanum",
}

MEASUREMENT = Frame(
    name="temperature_measurement",
    service="1809",
    characteristic="2A1C",
    parts=(
        Number("body_temperature", FLOAT, "Cel", unless=0x01),
        Number("body_temperature", FLOAT, "[degF]", when=0x01),
        Clock(when=0x02),
        Code("body_site", TEMPERATURE_TYPES, when=0x04),
    ),
)

INTERMEDIATE = Frame(
    name="intermediate_temperature",
    service="1809",
    characteristic="2A1E",
    state=State.LIVE,
    parts=MEASUREMENT.parts,
)

TYPE = Frame(
    name="temperature_type",
    service="1809",
    characteristic="2A1D",
    flags_size=0,
    state=State.INFORMATION,
    parts=(Code("body_site", TEMPERATURE_TYPES),),
)

INTERVAL = Frame(
    name="measurement_interval",
    service="1809",
    characteristic="2A21",
    flags_size=0,
    state=State.INFORMATION,
    parts=(Fact("measurement_interval", U16, "s"),),
)

CHARACTERISTICS = (MEASUREMENT, INTERMEDIATE, TYPE, INTERVAL)
