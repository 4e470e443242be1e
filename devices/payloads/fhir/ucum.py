"""Units as FHIR documents write them, to UCUM: MDC's dimensions, annotations, common spellings."""

from __future__ import annotations

import re

_MDC_UNITS = {
    "262656": ("MDC_DIM_DIMLESS", "1"),
    "262688": ("MDC_DIM_PERCENT", "%"),
    "263424": ("MDC_DIM_X_M", "m"),
    "263441": ("MDC_DIM_CENTI_M", "cm"),
    "263520": ("MDC_DIM_INCH", "[in_i]"),
    "263872": ("MDC_DIM_X_G", "g"),
    "263875": ("MDC_DIM_KILO_G", "kg"),
    "263904": ("MDC_DIM_LB", "[lb_av]"),
    "264096": ("MDC_DIM_KG_PER_M_SQ", "kg/m2"),
    "264274": ("MDC_DIM_MILLI_G_PER_DL", "mg/dL"),
    "264320": ("MDC_DIM_X_SEC", "s"),
    "264338": ("MDC_DIM_MILLI_SEC", "ms"),
    "264352": ("MDC_DIM_MIN", "min"),
    "264384": ("MDC_DIM_HR", "h"),
    "264864": ("MDC_DIM_BEAT_PER_MIN", "/min"),
    "264928": ("MDC_DIM_RESP_PER_MIN", "/min"),
    "265987": ("MDC_DIM_KILO_PASCAL", "kPa"),
    "266016": ("MDC_DIM_MMHG", "mm[Hg]"),
    "266560": ("MDC_DIM_FAHR", "[degF]"),
    "266866": ("MDC_DIM_MILLI_MOLE_PER_L", "mmol/L"),
    "268192": ("MDC_DIM_DEGC", "Cel"),
}
_UCUM = {
    **{code: unit for code, (_, unit) in _MDC_UNITS.items()},
    **dict(_MDC_UNITS.values()),
    "mmHg": "mm[Hg]",
    "C": "Cel",
    "F": "[degF]",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "in": "[in_i]",
    "ft": "[ft_i]",
    "bpm": "/min",
    "beats/minute": "/min",
    "beats/min": "/min",
    "breaths/minute": "/min",
    "breaths/min": "/min",
    "1/min": "/min",
    "": "1",
    "mg/dl": "mg/dL",
    "mmol/l": "mmol/L",
    "kg/m^2": "kg/m2",
    "kg.m-2": "kg/m2",
}
_ANNOTATION = re.compile(r"\{[^{}]*\}")


def ucum(unit: str) -> str:
    """Return UCUM's code of a unit as written: without annotations, from MDC where it is MDC's."""
    bare = _ANNOTATION.sub("", unit).strip()
    return _UCUM.get(bare, bare)
