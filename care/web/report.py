"""The page for the doctor: what the patient's page says, on one A4 that can be filed (PDF/UA-1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import typst

from balise.metrics import METRICS
from care.web.pages import PatientPage
from care.web.trend import Trend
from care.web.words import Words
from sql.rows import Row

KEY, SIGNALS, TRENDS, EVENTS = 3, 5, 6, 3
"""How many of each have room; what is left out is said, of a signal's life only the last."""
_STYLE = (
    "<style>.axis{stroke:#555}.tick{font-size:20px;font-family:sans-serif}"
    ".band{fill:#d5e3f0}.line{fill:none;stroke:#17456e;stroke-width:2}.dot{fill:#17456e}"
    ".limit{stroke:#2d6a4f;stroke-width:2;stroke-dasharray:6 4}</style>"
)


def make(page: PatientPage, w: Words, now: datetime) -> bytes:
    """Return a patient's page as a PDF of one page, in the language of the words."""
    said = json.dumps(content(page, w, now), ensure_ascii=False)
    return typst.compile(_template(), sys_inputs={"said": said}, pdf_standards="ua-1")


@cache
def _template() -> bytes:
    return (resources.files("care.web") / "report.typ").read_bytes()


def content(page: PatientPage, w: Words, now: datetime) -> dict[str, Any]:
    """Return what stands on the page, every figure and date as the language writes them.

    `more_trends` says how many more there are, by how many have room.
    """
    shown = _shown(page, now)
    trends = page.trends[:TRENDS]
    return {
        "language": w.language,
        "colon": w("colon"),
        "title": w("report.title"),
        "patient": f"{page.patient['family']} {page.patient['given']}",
        "about": _about(page, w, now),
        "key": _key(page, w),
        "completeness": w(
            "patient.completeness_text",
            with_data=sum(cell.measured for cell in page.cells),
            days=page.days,
        ),
        "signals": [_signal(one, page, w) for one in shown[:SIGNALS]],
        "more_signals": _more(w, len(shown) - SIGNALS),
        "figures": [_figure(one, w) for one in (page.summary or {}).get("figures", ())],
        "trends": [_trend(one, w) for one in trends],
        "more_trends": [
            _more(w, len(page.trends) - shown_trends) for shown_trends in range(len(trends) + 1)
        ],
        "foot": [w("patient.urgent"), w("report.limits")],
        "words": {
            **{one: w(f"patient.{one}") for one in ("signals", "trends")},
            "figures": w("patient.summary", end=w.day(page.summary["period_end"]))
            if page.summary
            else "",
            "key": w("report.key"),
            "columns": [w(f"report.column_{one}") for one in ("figure", "value", "on")],
        },
    }


def _about(page: PatientPage, w: Words, now: datetime) -> list[str]:
    """Return who it is of, what it covers, and when it was made."""
    patient = page.patient
    born = patient["birth_date"]
    return [
        *([w("patient.born", day=w.day(born))] if born else []),
        w(f"pathway.{patient['pathway']}"),
        w("report.period", start=w.day(page.cells[0].day), end=w.day(page.cells[-1].day)),
        w("report.made", moment=w.moment(now, patient["time_zone"])),
    ]


def _shown(page: PatientPage, now: datetime) -> list[Row]:
    """Return the signals that are open or were closed in the period, as the page has them."""
    since = now - timedelta(days=page.days)
    return [one for one in page.signals if one["state"] != "closed" or one["changed_at"] >= since]


def _key(page: PatientPage, w: Words) -> list[str]:
    """Return the reasons of what is open, the gravest first; that there is none is no finding."""
    reasons = [_reason(one, w) for one in page.signals if one["state"] != "closed"]
    return reasons[:KEY] or [w("report.none_open")]


def _reason(signal: Row, w: Words) -> str:
    return w(f"reason.{signal['rule']}", **signal["figures"])


def _signal(signal: Row, page: PatientPage, w: Words) -> dict[str, str]:
    zone = page.patient["time_zone"]
    events: Sequence[Row] = page.events.get(signal["id"], ())[-EVENTS:]
    life = [
        f"{w('state.' + one['state'])}{w('colon')}{one['who']}, {w.moment(one['at'], zone)}"
        + (f" ({w('close.' + one['reason'])})" if one["reason"] else "")
        for one in events
    ]
    rule = w("patient.rule", rule=w(f"rule.{signal['rule']}"), version=signal["rule_version"])
    raised = w("patient.raised", moment=w.moment(signal["raised_at"], zone))
    return {
        "level": w(f"level.{signal['severity']}"),
        "reason": _reason(signal, w),
        "life": w("semicolon").join([f"{rule}, {raised}", *life]),
    }


def _figure(figure: dict[str, Any], w: Words) -> dict[str, str]:
    there = figure["value"] is not None
    unit = w(f"unit.{figure['unit']}")
    on = _rests_on(figure, w) if there else _lacks(figure, w)
    return {
        "name": w(f"figure.{figure['name']}"),
        "value": f"{w.number(figure['value'])} {unit}".strip() if there else "\N{EN DASH}",
        "on": " · ".join(filter(None, (on, w.left_out(figure), w.source(figure)))),
    }


def _rests_on(figure: dict[str, Any], w: Words) -> str:
    with_data, days = figure["days_with_data"], figure["days"]
    return w("patient.figure_n", n=figure["n"], with_data=with_data, days=days)


def _lacks(figure: dict[str, Any], w: Words) -> str:
    what = w(f"missing.{figure['missing']}")
    return w("patient.insufficient", n=figure["n"], needed=figure["needed"], what=what)


def _trend(trend: Trend, w: Words) -> dict[str, str]:
    metric = METRICS[trend.metric]
    name = w(f"metric.{trend.metric}")
    median, low, high = (
        w.number(value, metric.decimals) for value in (trend.median, trend.low, trend.high)
    )
    drawing = str(trend.svg(w)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    caption = w(
        "trend.caption",
        metric=name,
        median=median,
        unit=w(f"unit.{metric.unit}"),
        low=low,
        high=high,
        with_data=len(trend.days),
        days=trend.length,
    )
    said = [caption]
    said += [w.change(trend.change, metric)] if trend.change else []
    said += [w.limits(trend.limits, metric, named=False)] if trend.limits else []
    return {
        "caption": ". ".join(said) + ".",
        "alt": w("trend.alt", metric=name),
        "svg": drawing.replace(">", f">{_STYLE}", 1),
    }


def _more(w: Words, more: int) -> str:
    return w("report.more", more=more) if more > 0 else ""
