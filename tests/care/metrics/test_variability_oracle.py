"""Heart-rate variability beside neurokit2, which somebody else wrote."""

from __future__ import annotations

import warnings
from itertools import accumulate
from random import Random

import numpy as np
import pytest

from care.metrics.heart_rate_variability import variability


@pytest.mark.parametrize("seed", range(5))
def test_of_beats_without_artefacts_both_say_the_same(seed: int):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies' deprecations
        from neurokit2.hrv import hrv_time  # noqa: PLC0415 - under the filter
    random = Random(seed)  # noqa: S311 - no secret
    intervals = [round(random.gauss(800, 25)) for _ in range(500)]
    peaks = np.asarray(list(accumulate(intervals, initial=0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = hrv_time(peaks, sampling_rate=1000)
    ours = variability(intervals)
    assert ours.rmssd == pytest.approx(float(theirs["HRV_RMSSD"].iloc[0]), rel=1e-9)
    assert ours.sdnn == pytest.approx(float(theirs["HRV_SDNN"].iloc[0]), rel=1e-9)
    assert ours.mean == pytest.approx(float(theirs["HRV_MeanNN"].iloc[0]), rel=1e-9)
