"""The virtual patients, as data: who they are, what they measure with, what ails them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

Series = Callable[[Random, int], Decimal]
"""A value for a day, counted back from today: 0 is today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """A measurement somebody takes: at these hours of each day, with these values."""

    schema: str
    values: dict[str, tuple[Series, str]]
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualDevice:
    """A virtual Bluetooth device; `clock_off` is how wrong its clock is."""

    kind: str
    address: str
    name: str
    every: float
    clock_off: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPatient:
    """Somebody made up; `silent_for` days ago their gateway was unplugged."""

    code: str
    family: str
    given: str
    birth_date: date
    sex: str
    pathway: str
    habits: tuple[Habit, ...]
    devices: tuple[VirtualDevice, ...]
    silent_for: int = 0
    sensor_days: int = 0
    """How long ago a glucose sensor was put on."""

    @property
    def gateway(self) -> str:
        """The name of the gateway in this home."""
        return f"home-{self.code}"


def _around(mean: float, spread: float, decimals: int = 0) -> Series:
    def value(random: Random, _days_ago: int) -> Decimal:
        return Decimal(f"{random.gauss(mean, spread):.{decimals}f}")

    return value


def _rising_weight(random: Random, days_ago: int) -> Decimal:
    """Stable for weeks, then almost a kilogram a day: the heart is failing."""
    gain = max(0.0, 4 - days_ago) * 0.85
    return Decimal(f"{78.2 + gain + random.gauss(0, 0.12):.1f}")


def _blood_pressure(systolic: float, diastolic: float) -> Habit:
    return Habit(
        schema="blood-pressure",
        values={
            "systolic_blood_pressure": (_around(systolic, 5), "mmHg"),
            "diastolic_blood_pressure": (_around(diastolic, 4), "mmHg"),
        },
        hours=(7, 7, 20, 20),
    )


def _weight(series: Series) -> Habit:
    return Habit(schema="body-weight", values={"body_weight": (series, "kg")}, hours=(7,))


def _single(schema: str, metric: str, unit: str, series: Series, *hours: int) -> Habit:
    return Habit(schema=schema, values={metric: (series, unit)}, hours=hours)


PATIENTS = (
    VirtualPatient(
        code="p-martin",
        family="Martin",
        given="Odette",
        birth_date=date(1941, 3, 14),
        sex="female",
        pathway="heart_failure",
        habits=(_weight(_rising_weight), _blood_pressure(124, 74)),
        devices=(
            VirtualDevice(
                kind="weight_scale", address="C0:00:00:00:01:01", name="Pèse-personne", every=90
            ),
            VirtualDevice(
                kind="heart_rate", address="C0:00:00:00:01:02", name="Ceinture cardiaque", every=1
            ),
        ),
    ),
    VirtualPatient(
        code="p-bernard",
        family="Bernard",
        given="Lucien",
        birth_date=date(1948, 11, 2),
        sex="male",
        pathway="hypertension",
        habits=(_blood_pressure(149, 92),),
        devices=(
            VirtualDevice(
                kind="blood_pressure", address="C0:00:00:00:02:01", name="Tensiomètre", every=60
            ),
        ),
    ),
    VirtualPatient(
        code="p-petit",
        family="Petit",
        given="Simone",
        birth_date=date(1938, 7, 21),
        sex="female",
        pathway="heart_failure",
        habits=(_weight(_around(61.4, 0.15, 1)),),
        devices=(
            VirtualDevice(
                kind="weight_scale", address="C0:00:00:00:03:01", name="Pèse-personne", every=90
            ),
        ),
        silent_for=4,
    ),
    VirtualPatient(
        code="p-durand",
        family="Durand",
        given="Marcel",
        birth_date=date(1944, 1, 30),
        sex="male",
        pathway="hypertension",
        habits=(_blood_pressure(127, 77),),
        devices=(
            VirtualDevice(
                kind="blood_pressure",
                address="C0:00:00:00:04:01",
                name="Tensiomètre à l'horloge fausse",
                every=75,
                clock_off=timedelta(days=-3 * 365, hours=5),
            ),
        ),
    ),
    VirtualPatient(
        code="p-moreau",
        family="Moreau",
        given="Jeanne",
        birth_date=date(1951, 9, 9),
        sex="female",
        pathway="respiratory_failure",
        habits=(
            _single("oxygen-saturation", "oxygen_saturation", "%", _around(94, 0.8), 9, 19),
            _single("body-temperature", "body_temperature", "C", _around(36.6, 0.2, 1), 9),
        ),
        devices=(
            VirtualDevice(kind="oximeter", address="C0:00:00:00:05:01", name="Oxymètre", every=45),
            VirtualDevice(
                kind="thermometer", address="C0:00:00:00:05:02", name="Thermomètre", every=120
            ),
        ),
    ),
    VirtualPatient(
        code="p-roux",
        family="Roux",
        given="Yvette",
        birth_date=date(1956, 5, 22),
        sex="female",
        pathway="diabetes",
        habits=(_weight(_around(68.9, 0.2, 1)),),
        devices=(),
        sensor_days=20,
    ),
)
"""Every virtual patient; invented, like all their values."""
