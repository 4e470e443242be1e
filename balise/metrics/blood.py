"""What a drop of blood or a sensor under the skin says."""

from __future__ import annotations

from balise.metrics.metric import Metric, between

METRICS = (
    Metric(
        name="blood_glucose",
        unit="mg/dL",
        loinc="2339-0",
        mdc=160184,
        impossible=between("1", "1000"),
        plausible=between("20", "600"),
    ),
    Metric(
        name="interstitial_glucose",
        unit="mg/dL",
        loinc="99504-3",
        mdc=160212,
        # Sensors end at 500; 769 to 778 are error codes of one that travel in the value.
        impossible=between("1", "600"),
        plausible=between("39", "401"),
    ),
    Metric(
        name="hba1c",
        unit="%",
        loinc="4548-4",
        mdc=160220,
        impossible=between("1", "30"),
        plausible=between("3", "20"),
        decimals=1,
    ),
    Metric(
        name="blood_ketone",
        unit="mmol/L",
        loinc=None,
        mdc=None,
        impossible=between("0", "20"),
        plausible=between("0", "8"),
        decimals=1,
    ),
)
