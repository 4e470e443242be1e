"""Capillary glucose that somebody measured: two weeks' median, extremes, and share in target.

The meal a value belongs to is not told apart: meters rarely say it. Source: ADA Standards of Care,
70 to 180 mg/dL. The risk indices (glucose_risk.py) are of a sensor's evenly spaced readings.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from statistics import median

import polars as pl

from care.metrics.figure import Basis, Figure, of_period
from care.readings import measured

DAYS, ENOUGH = 14, 14
"""One a day is the least that says something of two weeks."""
LOW, HIGH = Decimal(70), Decimal("180.2")
"""mg/dL; 10.0 mmol/L, which is 180.2 here, is still in target."""
SOURCE = "capillary readings of 14 days, target 70 to 180 mg/dL"


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return median, lowest, highest and the share in target."""
    kept = readings.filter(of_period("blood_glucose", last, DAYS) & measured())
    values: list[Decimal] = kept["value"].to_list()
    basis = Basis.of(kept, last=last, days=DAYS, source=SOURCE)
    enough = len(values) >= ENOUGH
    in_target = sum(LOW <= value <= HIGH for value in values)
    return [
        basis.figure(name, value if enough else None, unit, 0, needed=ENOUGH)
        for name, value, unit in (
            ("median_blood_glucose", median(values) if enough else None, "mg/dL"),
            ("lowest_blood_glucose", min(values, default=None), "mg/dL"),
            ("highest_blood_glucose", max(values, default=None), "mg/dL"),
            ("blood_glucose_in_target", Decimal(100 * in_target) / max(1, len(values)), "%"),
        )
    ]
