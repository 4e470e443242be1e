"""Breathing."""

from __future__ import annotations

from balise.metrics.metric import SPOT, Metric, between

METRICS = (
    Metric(
        name="respiratory_rate",
        unit="/min",
        loinc="9279-1",
        mdc=151562,
        impossible=between("1", "99"),
        plausible=between("5", "60"),
    ),
    Metric(
        name="breath_carbon_monoxide",
        unit="[ppm]",
        loinc=None,
        mdc=None,
        impossible=between("0", "1000"),
        plausible=between("0", "200"),
        same_event=SPOT,
    ),
    Metric(
        name="inspiratory_time",
        unit="s",
        loinc=None,
        mdc=None,
        impossible=between("0.05", "60"),
        plausible=between("0.3", "10"),
        decimals=1,
    ),
    Metric(
        name="expiratory_time",
        unit="s",
        loinc=None,
        mdc=None,
        impossible=between("0.05", "60"),
        plausible=between("0.3", "15"),
        decimals=1,
    ),
    Metric(
        name="ventilation_cycle_time",
        unit="s",
        loinc=None,
        mdc=None,
        impossible=between("0.1", "120"),
        plausible=between("0.6", "20"),
        decimals=1,
    ),
    Metric(
        name="minute_volume",
        unit="L/min",
        loinc=None,
        mdc=None,
        impossible=between("0", "300"),
        plausible=between("2", "200"),
        decimals=1,
    ),
)
