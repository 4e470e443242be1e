"""The room, and whether medication was taken."""

from __future__ import annotations

from balise.metrics.metric import Metric, Rollup, between

METRICS = (
    Metric(
        name="ambient_temperature",
        unit="Cel",
        loinc=None,
        mdc=None,
        impossible=between("-60", "80"),
        plausible=between("-30", "50"),
        decimals=1,
    ),
    Metric(
        name="medication_adherence",
        unit="%",
        loinc=None,
        mdc=None,
        impossible=between("0", "1000"),
        plausible=between("0", "100"),
        rollup=Rollup.NONE,
    ),
)
