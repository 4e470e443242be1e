"""Xiaomi scales: weight in the service data of advertisements, never over a connection.

A scale broadcasts while a person steps on and off: only a frame with the stabilised bit counts,
and its repeats are one reading, since they carry one device time (openScale; ioBroker.ble #148).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from balise.model import State, Value
from devices.clock import Clock
from devices.frame import Frame
from devices.parts import U16, Draft, Number, Part

_CATTY = 0x10
_HALF_A_KILO = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Load(Part):
    """The weight: 1/200 kg, 1/100 lb or 1/100 jin (half a kilogram), by the flags."""

    unit: str
    step: Decimal

    @property
    def code(self) -> str:
        """Two bytes."""
        return "H"

    def read(self, word: int, draft: Draft) -> None:
        """Add the weight."""
        draft.readings.append(Value(metric="body_weight", value=word * self.step, unit=self.unit))


@dataclass(frozen=True, slots=True)
class Unstable(Part):
    """Nothing on the wire: there where the flags don't say that the weight is stabilised."""

    @property
    def code(self) -> str:
        """No byte."""
        return "0s"

    def read(self, word: bytes, draft: Draft) -> None:
        """Say that this is a display, not a measurement."""
        del word
        draft.state = State.LIVE


def _load(pound: int, catty: int) -> tuple[Part, ...]:
    return (
        Load("kg", Decimal("0.005"), unless=pound | catty),
        Load("[lb_av]", Decimal("0.01"), when=pound),
        Load("kg", Decimal("0.01") * _HALF_A_KILO, when=catty, unless=pound),
    )


_STABLE_1, _REMOVED_1 = 0x20, 0x80
_STABLE_2, _REMOVED_2 = 0x2000, 0x8000

SCALE_1 = Frame(
    name="mi_scale_1_advertisement",
    service="181D",
    characteristic="SERVICE_DATA",
    parts=(
        *_load(0x01, _CATTY),
        Clock(),
        Unstable(unless=_STABLE_1),
        Unstable(when=_STABLE_1 | _REMOVED_1),
    ),
)

SCALE_2 = Frame(
    name="mi_scale_2_advertisement",
    service="181B",
    characteristic="SERVICE_DATA",
    flags_size=2,
    parts=(
        Clock(),
        Number("body_impedance", U16, "Ohm", absent=0, optional=True),
        *_load(0x01, _CATTY),
        Unstable(unless=_STABLE_2),
        Unstable(when=_STABLE_2 | _REMOVED_2),
    ),
)

CHARACTERISTICS = (SCALE_1, SCALE_2)
