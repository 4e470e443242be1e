"""NEWS2, the early warning score: parts always, a total only where all seven are there.

Devices give five of the seven; consciousness and oxygen a person must say. Nothing is supposed.
Source: Royal College of Physicians, National Early Warning Score 2 (2017), chart 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from care.metrics.figure import rounded

Bands = Sequence[tuple[Decimal, int]]
"""Up to which value which score holds; the last holds for all above."""


def _bands(decimals: int, *rows: tuple[str, int], above: int) -> tuple[int, Bands, int]:
    return decimals, [(Decimal(limit), score) for limit, score in rows], above


_RESPIRATION = _bands(0, ("8", 3), ("11", 1), ("20", 0), ("24", 2), above=3)
_SATURATION = _bands(0, ("91", 3), ("93", 2), ("95", 1), above=0)
_PRESSURE = _bands(0, ("90", 3), ("100", 2), ("110", 1), ("219", 0), above=3)
_PULSE = _bands(0, ("40", 3), ("50", 1), ("90", 0), ("110", 1), ("130", 2), above=3)
_TEMPERATURE = _bands(1, ("35.0", 3), ("36.0", 1), ("38.0", 0), ("39.0", 1), above=2)
# Scale 2, for a prescribed target of 88 to 92 %: what is above it counts on oxygen only.
_LOW_SATURATION = _bands(0, ("83", 3), ("85", 2), ("87", 1), above=0)
_ON_OXYGEN = _bands(0, ("83", 3), ("85", 2), ("87", 1), ("92", 0), ("94", 1), ("96", 2), above=3)
_OXYGEN, _CHANGED_CONSCIOUSNESS = 2, 3


class Consciousness(StrEnum):
    """ACVPU: alert, new confusion, or answering to voice, to pain, to nothing."""

    ALERT = "A"
    CONFUSED = "C"
    VOICE = "V"
    PAIN = "P"
    UNRESPONSIVE = "U"


class Risk(StrEnum):
    """What a total asks for; `LOW_MEDIUM` is a single part of 3."""

    LOW = "low"
    LOW_MEDIUM = "low-medium"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What was observed at one time; None is what nobody measured or said.

    Units: /min, %, mm[Hg], Cel. `hypercapnic`: the prescribed target is 88 to 92 % (scale 2).
    """

    respiratory_rate: Decimal | None = None
    oxygen_saturation: Decimal | None = None
    on_oxygen: bool | None = None
    systolic_blood_pressure: Decimal | None = None
    pulse_rate: Decimal | None = None
    consciousness: Consciousness | None = None
    body_temperature: Decimal | None = None
    hypercapnic: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """Each part by its name, None where it is missing."""

    parts: dict[str, int | None]

    @property
    def missing(self) -> list[str]:
        """What would have to be known for a total."""
        return [name for name, part in self.parts.items() if part is None]

    @property
    def total(self) -> int | None:
        """The sum, where all seven parts are there."""
        return None if self.missing else self.least

    @property
    def least(self) -> int:
        """What the parts that are there come to: what is missing can only add to it."""
        return sum(part or 0 for part in self.parts.values())

    @property
    def risk(self) -> Risk | None:
        """What the total asks for."""
        if self.total is None:
            return None
        if self.total >= 7:
            return Risk.HIGH
        if self.total >= 5:
            return Risk.MEDIUM
        return Risk.LOW_MEDIUM if 3 in self.parts.values() else Risk.LOW


def score(seen: Observations) -> Score:
    """Return the parts of what was observed, fractions rounded half up to a band's precision."""
    conscious = seen.consciousness
    return Score(
        {
            "respiratory_rate": _part(seen.respiratory_rate, _RESPIRATION),
            "oxygen_saturation": _saturation(seen),
            "on_oxygen": None if seen.on_oxygen is None else _OXYGEN * seen.on_oxygen,
            "systolic_blood_pressure": _part(seen.systolic_blood_pressure, _PRESSURE),
            "pulse_rate": _part(seen.pulse_rate, _PULSE),
            "consciousness": None
            if conscious is None
            else _CHANGED_CONSCIOUSNESS * (conscious is not Consciousness.ALERT),
            "body_temperature": _part(seen.body_temperature, _TEMPERATURE),
        }
    )


def _saturation(seen: Observations) -> int | None:
    """Return the part of the saturation; on scale 2 a high one needs to know of the oxygen."""
    if not seen.hypercapnic:
        return _part(seen.oxygen_saturation, _SATURATION)
    on_air = _part(seen.oxygen_saturation, _LOW_SATURATION)
    on_oxygen = _part(seen.oxygen_saturation, _ON_OXYGEN)
    if on_air == on_oxygen:
        return on_air
    return None if seen.on_oxygen is None else on_oxygen if seen.on_oxygen else on_air


def _part(value: Decimal | None, bands: tuple[int, Bands, int]) -> int | None:
    if value is None:
        return None
    decimals, rows, above = bands
    shown = rounded(value, decimals)
    return next((part for limit, part in rows if shown <= limit), above)
