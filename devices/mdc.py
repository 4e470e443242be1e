"""IEEE 11073-10101 codes as devices send them: which metric a type is, which unit a dimension.

Types are 32-bit (partition times 65536 + term), units terms of partition 4. Sources: the HL7 PHD
guide, the Generic Health Sensor implementations of STMicroelectronics and Philips, and NordicPHDs'
nomenclature; UCUM by RTMMS.
"""

from __future__ import annotations

from balise.metrics import METRICS
from balise.model import Facts

UNITS: dict[int, str] = {
    512: "1",
    544: "%",
    1280: "m",
    1297: "cm",
    1298: "mm",
    1344: "[ft_i]",
    1376: "[in_i]",
    1600: "L",
    1618: "mL",
    1728: "g",
    1731: "kg",
    1746: "mg",
    1760: "[lb_av]",
    1952: "kg/m2",
    2112: "g/dL",
    2130: "mg/dL",
    2176: "s",
    2194: "ms",
    2208: "min",
    2240: "h",
    2272: "d",
    2528: "/min",
    2720: "/min",
    2752: "/min",
    2784: "/min",
    2816: "m/s",
    3072: "L/min",
    3842: "hPa",
    3843: "kPa",
    3872: "mm[Hg]",
    3968: "J",
    3971: "kJ",
    4032: "W",
    4256: "V",
    4274: "mV",
    4275: "uV",
    4288: "Ohm",
    4384: "K",
    4416: "[degF]",
    4722: "mmol/L",
    4724: "mg/dL/min",
    4728: "mmol/L/min",
    5472: "[iU]",
    6048: "Cel",
    6656: "1",  # steps
    7747: "kg/m2",
    8352: "cal",
    8355: "kcal",
}
"""UCUM unit by MDC dimension; one that is not here is refused, never guessed."""

_SITES = {
    188420: "rectum",
    188424: "mouth",
    188428: "ear",
    188432: "finger",
    188448: "toe",
    188452: "armpit",
    188456: "gastrointestinal tract",
    150392: "tympanum",
}
_GLUCOSE = {
    160184: "capillary whole blood",
    160188: "capillary plasma",
    160192: "venous whole blood",
    160196: "venous plasma",
    160200: "arterial whole blood",
    160204: "arterial plasma",
    160364: "undetermined whole blood",
    160368: "undetermined plasma",
}
MODALITIES = {150580: "fast", 150584: "slow", 150588: "spot"}
CONTROL_GLUCOSE = 160208

TYPES: dict[int, tuple[str, Facts]] = {
    **{metric.mdc: (metric.name, ()) for metric in METRICS.values() if metric.mdc},
    **{code: ("body_temperature", (("body_site", site),)) for code, site in _SITES.items()},
    **{code: ("blood_glucose", (("sample_type", sample),)) for code, sample in _GLUCOSE.items()},
    149530: ("pulse_rate", ()),
}
"""Metric and facts of an observation type; LOINC's own table gives 160369 for 160368: base term."""
