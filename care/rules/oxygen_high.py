"""Saturation above what is prescribed, for who is on oxygen and keeps too much carbon dioxide.

Off until a plan sets it: nothing is above 100 %, and on air a high saturation is good.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from care.metrics.oxygen_saturation import POOR
from care.rules.beyond import ABOVE, Beyond
from care.rules.rule import Limit, Severity

RULE = Beyond(
    code="oxygen_high",
    limits={
        "oxygen_saturation": Limit(
            name="highest_oxygen_saturation",
            value=Decimal(100),
            unit="%",
            lowest=Decimal(90),
            highest=Decimal(100),
            drawn_on=("oxygen_saturation",),
        )
    },
    compare=ABOVE,
    count=3,
    within=timedelta(hours=72),
    severity=Severity.REVIEW,
    steps={"oxygen_saturation": Decimal(2)},
    besides=POOR,
).rule(
    version=1,
    source="BTS/RCP target range: 88 to 92 % in hypercapnic failure, on oxygen",
)
