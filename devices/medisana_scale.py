"""Medisana scales BS 410 to BS 444: weight 8A21 and composition 8A22 of the maker's service 78B2.

Layout from the openScale wiki and keptenkurk/BS440. The clock counts from 2010 until the maker's
application has set it to Unix time: both are told apart by what is plausible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from balise.model import Quality
from devices.frame import Frame
from devices.parts import U16, Draft, Fact, Kind, Number, Part, Skip, User

SERVICE = "78B2"
_UNIX, _2010 = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1970, 2010))
_UNIX_SINCE_2015 = 1_420_070_400
_TENTH = Decimal("0.1")

U12 = Kind("u12", "H", lambda word: Decimal(word & 0x0FFF))


@dataclass(frozen=True, slots=True)
class Seconds2010(Part):
    """Seconds from 2010, or from 1970 where that gives a date after 2015."""

    @property
    def code(self) -> str:
        """Four bytes."""
        return "I"

    def read(self, word: int, draft: Draft) -> None:
        """Set the device time."""
        if word == 0:
            draft.quality |= Quality.CLOCK_UNSET.value
            return
        epoch = _UNIX if word >= _UNIX_SINCE_2015 else _2010
        draft.device_time = epoch + timedelta(seconds=word)


_WEIGHT, _BODY, _POUNDS = 0x1D, 0x6F, 0x20

WEIGHT = Frame(
    name="medisana_weight",
    service=SERVICE,
    characteristic="8A21",
    parts=(
        Number("body_weight", U16, "kg", when=_WEIGHT, unless=0x60, step=Decimal("0.01")),
        Number("body_weight", U16, "[lb_av]", when=_WEIGHT | _POUNDS, step=Decimal("0.01")),
        Skip(2, when=_WEIGHT),
        Seconds2010(when=_WEIGHT),
        Skip(4, when=_WEIGHT),
        User(when=_WEIGHT),
        Skip(5, when=_WEIGHT),
    ),
)

BODY = Frame(
    name="medisana_body",
    service=SERVICE,
    characteristic="8A22",
    parts=(
        Seconds2010(when=_BODY),
        User(when=_BODY),
        Fact("energy", U16, "kcal", when=_BODY),
        Number("body_fat_percentage", U12, "%", when=_BODY, step=_TENTH),
        Number("body_water_percentage", U12, "%", when=_BODY, step=_TENTH),
        Number("muscle_percentage", U12, "%", when=_BODY, step=_TENTH),
        Number("body_bone_mass", U12, "kg", when=_BODY, step=_TENTH),
    ),
)

CHARACTERISTICS = (WEIGHT, BODY)
