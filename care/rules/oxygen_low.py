"""Low oxygen saturation, repeated: below the prescribed lowest, twice within half an hour."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from care.metrics.oxygen_saturation import POOR
from care.rules.beyond import BELOW, Beyond
from care.rules.rule import Limit, Severity

RULE = Beyond(
    code="oxygen_low",
    limits={
        "oxygen_saturation": Limit(
            name="lowest_oxygen_saturation",
            value=Decimal(88),
            unit="%",
            lowest=Decimal(80),
            highest=Decimal(94),
            drawn_on=("oxygen_saturation",),
        )
    },
    compare=BELOW,
    count=2,
    within=timedelta(minutes=30),
    severity=Severity.PRIORITY,
    steps={"oxygen_saturation": Decimal(3)},
    besides=POOR,
).rule(
    version=1,
    source="BTS/RCP target range: 88 to 92 % in hypercapnic failure, else as the plan says",
)
