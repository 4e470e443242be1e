"""What a drop of blood or a sensor under the skin says."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from balise.metrics.metric import SPOT, Change, Metric, between

_GLUCOSE = Change(
    most=Decimal(75),
    per=timedelta(minutes=15),
    source="5 mg/dL a minute is suspicious (Glucose Monitoring Devices, 2020, ch. 11)",
)

METRICS = (
    Metric(
        name="blood_glucose",
        unit="mg/dL",
        loinc="2339-0",
        mdc=160184,
        impossible=between("1", "1000"),
        plausible=between("20", "600"),
        change=_GLUCOSE,
        same_event=SPOT,
    ),
    Metric(
        name="interstitial_glucose",
        unit="mg/dL",
        loinc="99504-3",
        mdc=160212,
        # Sensors end at 500; 769 to 778 are error codes of one that travel in the value.
        impossible=between("1", "600"),
        plausible=between("39", "401"),
        change=_GLUCOSE,
        same_event=SPOT,
    ),
    Metric(
        name="hba1c",
        unit="%",
        loinc="4548-4",
        mdc=160220,
        impossible=between("1", "30"),
        plausible=between("3", "20"),
        decimals=1,
        same_event=SPOT,
    ),
    Metric(
        name="blood_ketone",
        unit="mmol/L",
        loinc=None,
        mdc=None,
        impossible=between("0", "20"),
        plausible=between("0", "8"),
        decimals=1,
        same_event=SPOT,
    ),
)
