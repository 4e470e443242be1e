"""How risky a fortnight's glucose is: low and high blood glucose index, glycaemia risk index.

Sources: Kovatchev 1997 (LBGI, HBGI); Klonoff 2022 (GRI).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from care.metrics import continuous_glucose
from care.metrics.continuous_glucose import Band
from care.metrics.figure import Basis, Figure

SOURCE = "Kovatchev 1997, LBGI and HBGI; Klonoff 2022, GRI"
_WEIGHTS = {Band.VERY_LOW: 3.0, Band.LOW: 2.4, Band.HIGH: 0.8, Band.VERY_HIGH: 1.6}


def indices(glucose: NDArray[np.float64]) -> tuple[float, float]:
    """Return low and high blood glucose index of values in mg/dL; both are means over all."""
    scaled = 1.509 * (np.log(glucose) ** 1.084 - 5.381)
    risk = 10 * scaled**2
    return float(np.where(scaled < 0, risk, 0).mean()), float(np.where(scaled > 0, risk, 0).mean())


def risk_index(shares: Mapping[Band, float]) -> float:
    """Return the glycaemia risk index, 0 to 100, of the shares in percent of each range."""
    return min(100.0, sum(weight * shares[band] for band, weight in _WEIGHTS.items()))


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return the three indices of the 14 days."""
    kept = continuous_glucose.two_weeks(readings, last)
    basis = Basis.of(kept, last=last, days=continuous_glucose.DAYS, source=SOURCE)
    values: tuple[float | Decimal | None, ...] = (None, None, None)
    needed = continuous_glucose.enough(kept)
    if kept.height >= needed:
        low, high = indices(kept["value"].cast(pl.Float64).to_numpy())
        values = (risk_index(continuous_glucose.summary(kept["value"]).shares), low, high)
    return [
        basis.figure(name, value, "1", 1, needed=needed)
        for name, value in zip(
            ("glucose_risk", "glucose_risk_low", "glucose_risk_high"), values, strict=True
        )
    ]
