"""What Balise measures: names, units, codes and plausible ranges, as data.

Units are UCUM; LOINC and MDC codes and ranges are those of the FHIR R4 vital-signs profiles, the
HL7 Personal Health Device guide and the Bluetooth SIG (sources: docs/glossary.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Rollup(StrEnum):
    """How a day of readings becomes one figure."""

    MEDIAN = "median"
    SUM = "sum"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing that can be measured; `impossible` is refused outside, `plausible` only flagged."""

    name: str
    unit: str
    loinc: str | None
    mdc: int | None
    impossible: tuple[Decimal, Decimal]
    plausible: tuple[Decimal, Decimal]
    rollup: Rollup = Rollup.MEDIAN
    decimals: int = 0


def _between(low: str, high: str) -> tuple[Decimal, Decimal]:
    return Decimal(low), Decimal(high)


_METRICS = (
    Metric(
        name="systolic_blood_pressure",
        unit="mm[Hg]",
        loinc="8480-6",
        mdc=150021,
        impossible=_between("40", "300"),
        plausible=_between("60", "260"),
    ),
    Metric(
        name="diastolic_blood_pressure",
        unit="mm[Hg]",
        loinc="8462-4",
        mdc=150022,
        impossible=_between("20", "200"),
        plausible=_between("30", "160"),
    ),
    Metric(
        name="mean_arterial_pressure",
        unit="mm[Hg]",
        loinc="8478-0",
        mdc=150023,
        impossible=_between("20", "250"),
        plausible=_between("40", "200"),
    ),
    Metric(
        name="pulse_rate",
        unit="/min",
        loinc="8867-4",
        mdc=149546,
        impossible=_between("1", "350"),
        plausible=_between("25", "250"),
    ),
    Metric(
        name="heart_rate",
        unit="/min",
        loinc="8867-4",
        mdc=147842,
        impossible=_between("1", "350"),
        plausible=_between("25", "250"),
    ),
    Metric(
        name="rr_interval",
        unit="ms",
        loinc="8637-1",
        mdc=147240,
        impossible=_between("1", "65000"),
        plausible=_between("300", "2000"),
        rollup=Rollup.NONE,
        decimals=1,
    ),
    Metric(
        name="energy_expended",
        unit="kJ",
        loinc=None,
        mdc=119,
        impossible=_between("0", "65535"),
        plausible=_between("0", "60000"),
        rollup=Rollup.NONE,
    ),
    Metric(
        name="body_temperature",
        unit="Cel",
        loinc="8310-5",
        mdc=150364,
        impossible=_between("25", "45"),
        plausible=_between("34", "42"),
        decimals=1,
    ),
    Metric(
        name="body_weight",
        unit="kg",
        loinc="29463-7",
        mdc=188736,
        impossible=_between("2", "350"),
        plausible=_between("20", "300"),
        decimals=1,
    ),
    Metric(
        name="body_height",
        unit="m",
        loinc="8302-2",
        mdc=188740,
        impossible=_between("0.3", "2.8"),
        plausible=_between("0.5", "2.5"),
        decimals=2,
    ),
    Metric(
        name="body_mass_index",
        unit="kg/m2",
        loinc="39156-5",
        mdc=188752,
        impossible=_between("5", "150"),
        plausible=_between("10", "80"),
        decimals=1,
    ),
    Metric(
        name="oxygen_saturation",
        unit="%",
        loinc="2708-6",
        mdc=150456,
        impossible=_between("35", "100"),
        plausible=_between("70", "100"),
    ),
    Metric(
        name="pulse_amplitude_index",
        unit="%",
        loinc="61006-3",
        mdc=150448,
        impossible=_between("0", "100"),
        plausible=_between("0", "30"),
        decimals=1,
    ),
    Metric(
        name="blood_glucose",
        unit="mg/dL",
        loinc="2339-0",
        mdc=160184,
        impossible=_between("1", "1000"),
        plausible=_between("20", "600"),
    ),
    Metric(
        name="interstitial_glucose",
        unit="mg/dL",
        loinc="99504-3",
        mdc=160212,
        impossible=_between("1", "1000"),
        plausible=_between("39", "401"),
    ),
    Metric(
        name="respiratory_rate",
        unit="/min",
        loinc="9279-1",
        mdc=151562,
        impossible=_between("1", "99"),
        plausible=_between("5", "60"),
    ),
    Metric(
        name="step_count",
        unit="1",
        loinc="55423-8",
        mdc=8454247,
        impossible=_between("0", "100000"),
        plausible=_between("0", "50000"),
        rollup=Rollup.SUM,
    ),
    Metric(
        name="body_fat_percentage",
        unit="%",
        loinc="41982-0",
        mdc=188748,
        impossible=_between("0.1", "90"),
        plausible=_between("3", "75"),
        decimals=1,
    ),
    Metric(
        name="muscle_percentage",
        unit="%",
        loinc=None,
        mdc=188772,
        impossible=_between("0.1", "100"),
        plausible=_between("10", "70"),
        decimals=1,
    ),
    Metric(
        name="muscle_mass",
        unit="kg",
        loinc="73964-9",
        mdc=188776,
        impossible=_between("0.1", "300"),
        plausible=_between("5", "120"),
        decimals=1,
    ),
    Metric(
        name="fat_free_mass",
        unit="kg",
        loinc=None,
        mdc=188756,
        impossible=_between("0.1", "300"),
        plausible=_between("10", "150"),
        decimals=1,
    ),
    Metric(
        name="soft_lean_mass",
        unit="kg",
        loinc=None,
        mdc=188760,
        impossible=_between("0.1", "300"),
        plausible=_between("10", "150"),
        decimals=1,
    ),
    Metric(
        name="body_water_mass",
        unit="kg",
        loinc=None,
        mdc=188764,
        impossible=_between("0.1", "250"),
        plausible=_between("5", "120"),
        decimals=1,
    ),
    Metric(
        name="body_impedance",
        unit="Ohm",
        loinc=None,
        mdc=188780,
        impossible=_between("1", "6553.5"),
        plausible=_between("100", "2000"),
    ),
    Metric(
        name="basal_metabolic_rate",
        unit="kJ",
        loinc=None,
        mdc=188768,
        impossible=_between("500", "65534"),
        plausible=_between("2000", "15000"),
    ),
    Metric(
        name="hba1c",
        unit="%",
        loinc="4548-4",
        mdc=160220,
        impossible=_between("1", "30"),
        plausible=_between("3", "20"),
        decimals=1,
    ),
    Metric(
        name="blood_ketone",
        unit="mmol/L",
        loinc=None,
        mdc=None,
        impossible=_between("0", "20"),
        plausible=_between("0", "8"),
        decimals=1,
    ),
    Metric(
        name="distance",
        unit="m",
        loinc=None,
        mdc=None,
        impossible=_between("0", "1000000"),
        plausible=_between("0", "200000"),
        rollup=Rollup.SUM,
    ),
    Metric(
        name="active_energy",
        unit="kJ",
        loinc="41981-2",
        mdc=None,
        impossible=_between("0", "100000"),
        plausible=_between("0", "40000"),
        rollup=Rollup.SUM,
    ),
    Metric(
        name="active_time",
        unit="min",
        loinc=None,
        mdc=None,
        impossible=_between("0", "1500"),
        plausible=_between("0", "1200"),
        rollup=Rollup.SUM,
    ),
    Metric(
        name="total_sleep_time",
        unit="min",
        loinc="93832-4",
        mdc=None,
        impossible=_between("0", "2880"),
        plausible=_between("30", "1200"),
        rollup=Rollup.NONE,
    ),
    Metric(
        name="deep_sleep_time",
        unit="min",
        loinc="93831-6",
        mdc=None,
        impossible=_between("0", "2880"),
        plausible=_between("0", "720"),
        rollup=Rollup.NONE,
    ),
    Metric(
        name="light_sleep_time",
        unit="min",
        loinc="93830-8",
        mdc=None,
        impossible=_between("0", "2880"),
        plausible=_between("0", "900"),
        rollup=Rollup.NONE,
    ),
    Metric(
        name="rem_sleep_time",
        unit="min",
        loinc="93829-0",
        mdc=None,
        impossible=_between("0", "2880"),
        plausible=_between("0", "720"),
        rollup=Rollup.NONE,
    ),
    Metric(
        name="time_in_bed",
        unit="min",
        loinc=None,
        mdc=None,
        impossible=_between("0", "2880"),
        plausible=_between("30", "1440"),
        rollup=Rollup.NONE,
    ),
    Metric(
        name="ambient_temperature",
        unit="Cel",
        loinc=None,
        mdc=None,
        impossible=_between("-60", "80"),
        plausible=_between("-30", "50"),
        decimals=1,
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}
