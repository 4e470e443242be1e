"""Schemas of medication: what was prescribed, dispensed, taken and missed."""

from __future__ import annotations

from devices.payloads.open_mhealth import measures as of
from devices.payloads.open_mhealth import words
from devices.payloads.open_mhealth.frames import DISPENSED, TIME_FRAME, timed
from devices.payloads.open_mhealth.prescription_words import (
    DOSE_UNITS,
    PACKAGES,
    ROUTE,
    ROUTE_1_0,
    STRENGTH_UNITS,
)
from devices.payloads.open_mhealth.rules import Measure, Number, Range, Rule, Text
from devices.payloads.open_mhealth.schema import body, may, must, value
from devices.payloads.open_mhealth.shapes import Both, ListOf, Object, OneOf
from devices.payloads.open_mhealth.utility import LOCAL_TIME

DOSE, DOSE_RANGE = Measure(DOSE_UNITS), Range(DOSE_UNITS)
_STRENGTH = Both((Measure(STRENGTH_UNITS), Object({"ingredient_name": Text()})))
MEDICATION = Object(
    {
        "generic_name": Text(),
        "trade_name": Text(),
        "strength": ListOf(_STRENGTH),
        "rxnorm_code": Number(),
    },
    needs=("strength",),
    any_of=("generic_name", "trade_name"),
)


def _one(rules: dict[str, Rule]) -> OneOf:
    """Return the rule of an object that says exactly one of several things."""
    return OneOf(tuple(Object({name: rule}, needs=(name,)) for name, rule in rules.items()))


_HOW_LONG = _one(
    {
        "duration": of.DURATION,
        "duration_range": of.DURATION_RANGE,
        "time_frame": TIME_FRAME,
        "free_text": Text(),
    }
)
_DOSES = ListOf(Object({"dose": DOSE, "dose_trigger": Text()}, needs=("dose", "dose_trigger")))
_TIMING = Object(
    {
        "part_of_day": words.PART_OF_DAY,
        "day_of_week": words.DAY_OF_WEEK,
        "time_of_day": LOCAL_TIME,
        "temporal_relationship_to_meal": words.TO_MEAL,
        "temporal_relationship_to_sleep": words.TO_SLEEP,
        "time_frame_of_temporal_relationship_to_meal": of.DURATION,
        "time_frame_of_temporal_relationship_to_sleep": of.DURATION,
    }
)
_STEP = Object({"unit": words.words("min", "h", "d", "wk", "Mo", "yr"), "value": Number()})
_REGIMEN = Object(
    {
        "dose_duration": _HOW_LONG,
        "dose_administration_duration": _HOW_LONG,
        "medication_dose": _one({"dose": DOSE, "dose_range": DOSE_RANGE, "dose_array": _DOSES}),
        "dose_recurrence": Object(
            {
                "frequency": of.TIMES,
                "dose_prn_trigger": Text(),
                "timing": ListOf(_TIMING),
                "sequence": ListOf(_STEP),
            }
        ),
    },
    needs=("dose_duration", "medication_dose", "dose_recurrence"),
)


def _prescription(route: Text) -> Object:
    return Object(
        {
            "medication": MEDICATION,
            "route": route,
            "prescription_trigger": Text(),
            "schedule": ListOf(_REGIMEN),
        },
        needs=("medication", "schedule"),
    )


_PRESCRIPTIONS = {1.0: _prescription(ROUTE_1_0), 2.0: _prescription(ROUTE)}
_WINDOW = Object({"acceptable_window": Object({"before": of.DURATION, "after": of.DURATION})})
_PRESCRIBED = (
    *must("medication_prescription", _PRESCRIPTIONS[1.0], until=2.0),
    *must("medication_prescription", _PRESCRIPTIONS[2.0], since=2.0),
)

OMH = (
    value("intervention-administration-route", {1.0: ROUTE_1_0, 2.0: ROUTE}),
    value("medication-dose-unit", {1.0: Text(frozenset(DOSE_UNITS))}),
    value("medication-dose-unit-value", {1.0: DOSE}),
    value("medication-dose-unit-value-range", {1.0: DOSE_RANGE}),
    value("medication", {1.0: MEDICATION}),
    value("medication-prescription", _PRESCRIPTIONS),
    value(
        "patient-medication-schedule",
        {version: Both((rule, _WINDOW)) for version, rule in _PRESCRIPTIONS.items()},
    ),
    body(
        "pharmacy-medication-dispensing",
        (1.0, 2.0),
        _PRESCRIBED,
        must("medication_dispensed", Text()),
        must("amount_dispensed", Measure(PACKAGES)),
        must(DISPENSED, TIME_FRAME),
        may("remaining_refills", Number()),
    ),
    body(
        "medication-adherence-percent",
        (1.0, 2.0),
        _PRESCRIBED,
        must("medication_adherence_percent", of.PERCENT.of("medication_adherence")),
        timed(),
    ),
    body(
        "single-medication-dose-taken",
        (1.0,),
        must("medication", MEDICATION),
        must("dose", DOSE),
        timed(needed=1.0),
        may("reason_dose_taken_not_as_prescribed", Text()),
    ),
    body(
        "reason-single-medication-dose-not-taken",
        (1.0,),
        must("medication", MEDICATION),
        must("reason_for_missing_dose", Text()),
        timed(needed=1.0),
    ),
)
