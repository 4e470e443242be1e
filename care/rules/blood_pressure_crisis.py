"""Very high blood pressure, repeated: 180 or more, or 110 or more, twice within half an hour."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from balise.model import Quality
from care.rules.beyond import AT_LEAST, Beyond
from care.rules.rule import Limit, Severity

RULE = Beyond(
    code="blood_pressure_crisis",
    limits={
        "systolic_blood_pressure": Limit(
            name="very_high_systolic",
            value=Decimal(180),
            unit="mm[Hg]",
            lowest=Decimal(140),
            highest=Decimal(220),
            drawn_on=("systolic_blood_pressure",),
        ),
        "diastolic_blood_pressure": Limit(
            name="very_high_diastolic",
            value=Decimal(110),
            unit="mm[Hg]",
            lowest=Decimal(90),
            highest=Decimal(140),
            drawn_on=("diastolic_blood_pressure",),
        ),
    },
    compare=AT_LEAST,
    count=2,
    within=timedelta(minutes=30),
    severity=Severity.PRIORITY,
    steps={"systolic_blood_pressure": Decimal(10), "diastolic_blood_pressure": Decimal(5)},
    besides=Quality.SUMMARY_STATISTIC,
).rule(
    version=1,
    source="180/110 mm[Hg], repeated after some minutes (Balise's own, for the plan to set)",
)
