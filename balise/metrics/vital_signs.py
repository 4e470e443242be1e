"""Circulation, temperature, oxygen: what a clinician calls vital signs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from balise.metrics.metric import SPOT, Change, Metric, Rollup, between

METRICS = (
    Metric(
        name="systolic_blood_pressure",
        unit="mm[Hg]",
        loinc="8480-6",
        mdc=150021,
        impossible=between("40", "300"),
        plausible=between("60", "260"),
        same_event=SPOT,
    ),
    Metric(
        name="diastolic_blood_pressure",
        unit="mm[Hg]",
        loinc="8462-4",
        mdc=150022,
        impossible=between("20", "200"),
        plausible=between("30", "160"),
        same_event=SPOT,
    ),
    Metric(
        name="mean_arterial_pressure",
        unit="mm[Hg]",
        loinc="8478-0",
        mdc=150023,
        impossible=between("20", "250"),
        plausible=between("40", "200"),
        same_event=SPOT,
    ),
    Metric(
        name="pulse_rate",
        unit="/min",
        loinc="8867-4",
        mdc=149546,
        impossible=between("1", "350"),
        plausible=between("25", "250"),
        same_event=SPOT,
    ),
    Metric(
        name="heart_rate",
        unit="/min",
        loinc="8867-4",
        mdc=147842,
        impossible=between("1", "350"),
        plausible=between("25", "250"),
    ),
    Metric(
        name="rr_interval",
        unit="ms",
        loinc="8637-1",
        mdc=147240,
        impossible=between("1", "65000"),
        plausible=between("300", "2000"),
        rollup=Rollup.NONE,
        decimals=1,
    ),
    Metric(
        name="body_temperature",
        unit="Cel",
        loinc="8310-5",
        mdc=150364,
        impossible=between("25", "45"),
        plausible=between("34", "42"),
        decimals=1,
        change=Change(
            most=Decimal(2),
            per=timedelta(hours=1),
            source="twice what sites differ by (Clinical Methods, 3rd ed., ch. 218)",
        ),
        same_event=SPOT,
    ),
    Metric(
        name="oxygen_saturation",
        unit="%",
        loinc="2708-6",
        mdc=150456,
        impossible=between("35", "100"),
        plausible=between("70", "100"),
        change=Change(
            most=Decimal(10),
            per=timedelta(minutes=10),
            source="our choice: a finger that moved or was cold, or an event to look at",
        ),
        same_event=SPOT,
    ),
    Metric(
        name="pulse_amplitude_index",
        unit="%",
        loinc="61006-3",
        mdc=150448,
        impossible=between("0", "100"),
        plausible=between("0", "30"),
        decimals=1,
        same_event=SPOT,
    ),
)
