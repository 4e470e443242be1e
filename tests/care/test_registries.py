"""What every rule, pathway and metric promises, whoever adds one."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from balise.languages import LANGUAGES
from balise.metrics import METRICS, Metric, Rollup
from care.metrics import FIGURES, Figure
from care.pathways import PATHWAYS, Pathway
from care.readings import frame
from care.rules import LIMITS, RULES, Rule
from care.web.words import words
from devices import called, units


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_every_rule(rule: Rule, ask):
    assert rule.source
    assert rule.version >= 1
    assert set(rule.metrics) <= METRICS.keys()
    for limit in rule.limits:
        assert limit.lowest <= limit.value <= limit.highest
        assert LIMITS[limit.name] is limit
        for language in LANGUAGES:
            assert words(language).entries[f"limit.{limit.name}"]
            assert f"unit.{limit.unit}" in words(language).entries
    for language in LANGUAGES:
        assert words(language).entries[f"rule.{rule.code}"]
        assert words(language).entries[f"reason.{rule.code}"]
    assert rule.find(empty(), ask("2026-02-01 08:00")) is None


@pytest.mark.parametrize("pathway", PATHWAYS.values(), ids=lambda pathway: pathway.name)
def test_every_pathway(pathway: Pathway):
    assert set(pathway.rules) <= RULES.keys()
    assert {*pathway.expected, *pathway.metrics, *pathway.sources} <= METRICS.keys()
    assert pathway.instead.keys() <= pathway.expected.keys()
    assert METRICS.keys() >= {metric for some in pathway.instead.values() for metric in some}
    for words_of_metric in pathway.sources.values():
        assert set(words_of_metric) <= called.words()
    for language in LANGUAGES:
        assert words(language).entries[f"pathway.{pathway.name}"]
    for figure in pathway.figures_of(empty(), date(2026, 2, 1), ""):
        _is_missing(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_every_kind_of_figure(name: str):
    for figure in FIGURES[name](empty(), date(2026, 2, 1)):
        _is_missing(figure)


def _is_missing(figure: Figure) -> None:
    """Without data a figure is missing, never zero."""
    assert figure.value is None
    assert figure.missing
    assert figure.source
    for language in LANGUAGES:
        assert words(language).entries[f"figure.{figure.name}"]
        assert f"unit.{figure.unit}" in words(language).entries


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric(metric: Metric):
    low, high = metric.impossible
    assert low <= metric.plausible[0] < metric.plausible[1] <= high
    assert metric.rollup in Rollup
    assert units.convert(low, metric.unit, metric.unit) == low
    if metric.change:
        assert metric.change.most > 0
        assert metric.change.source
    for language in LANGUAGES:
        assert words(language).entries[f"metric.{metric.name}"]
        assert f"unit.{metric.unit}" in words(language).entries


def empty() -> pl.DataFrame:
    return frame([], "Europe/Paris")
