"""Fever, confirmed: 38.5 °C or more twice within a day and a half; one a day is expected."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from care.rules.beyond import AT_LEAST, Beyond
from care.rules.rule import Limit, Severity

RULE = Beyond(
    code="fever",
    limits={
        "body_temperature": Limit(
            name="fever",
            value=Decimal("38.5"),
            unit="Cel",
            lowest=Decimal("37.5"),
            highest=Decimal("40.0"),
            drawn_on=("body_temperature",),
        )
    },
    compare=AT_LEAST,
    count=2,
    within=timedelta(hours=36),
    severity=Severity.PRIORITY,
    steps={"body_temperature": Decimal("0.5")},
).rule(
    version=1,
    source="38.5 Cel twice in 36 hours (Balise's own, for the plan to set)",
)
