"""Schemas that are parts of others, the header and the data point; read on their own too."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devices.payloads.open_mhealth import measures as of
from devices.payloads.open_mhealth import words
from devices.payloads.open_mhealth.frames import (
    DATE,
    INTERVAL,
    INTERVAL_IEEE,
    TIME_FRAME,
    TIME_FRAME_IEEE,
)
from devices.payloads.open_mhealth.rules import Instant, Range, Rule, Text
from devices.payloads.open_mhealth.schema import Schema, value
from devices.payloads.open_mhealth.shapes import ListOf, Object, Unsaid

LOCAL_TIME = Text(
    form=re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(.[0-9]{1,3})?", re.DOTALL)
)
URI = Text(form=re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+"))
UUID = Text(form=re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"))

_NAMED: dict[str, Rule] = {"namespace": Text(), "name": Text(), "version": Text()}
_ID_1_0 = Object(_NAMED, needs=("namespace", "name", "version"))
_ID = Object({**_NAMED, "url": URI}, needs=("namespace", "name", "version"))
_SOURCE: dict[str, Rule] = {
    "source_name": Text(),
    "source_creation_date_time": Instant(),
    "modality": words.MODALITY,
}
_LAST: dict[str, Rule] = {
    "source_data_point_id": Text(),
    "source_last_modification_date_time": Instant(),
}
_SHEET = Object({"datasheet_type": Text(), "datasheet_reference": Text()})


def _header(source: Mapping[str, Rule], more: Mapping[str, Rule]) -> Unsaid:
    """Return the rule of Open mHealth's header: it says who and which, so no fact comes of it."""
    fields: dict[str, Rule] = {
        "id": Text(),
        "creation_date_time": Instant(),
        "schema_id": _ID,
        "acquisition_provenance": Object(source, needs=("source_name",)),
        **more,
    }
    return Unsaid(Object(fields, needs=("id", "creation_date_time", "schema_id")))


_HEADERS = {
    1.0: _header(_SOURCE, {}),
    1.1: _header(_SOURCE, {"user_id": Text()}),
    1.2: _header({**_SOURCE, **_LAST}, {"user_id": Text()}),
}
_HEADER_FIELDS_IEEE: dict[str, Rule] = {
    "uuid": UUID,
    "schema_id": _ID_1_0,
    "source_creation_date_time": Instant(),
    "modality": words.MODALITY,
    "acquisition_rate": of.FREQUENCY,
    "external_datasheets": ListOf(
        Object(_SHEET.fields, needs=("datasheet_reference",)),
    ),
}
_HEADER_IEEE = Unsaid(
    Object(_HEADER_FIELDS_IEEE, needs=("uuid", "schema_id", "source_creation_date_time"))
)
HEADER = Object(
    {
        **_HEADER_FIELDS_IEEE,
        "schema_id": _ID,
        "id": Text(),
        "creation_date_time": Instant(),
        "user_id": Text(),
        "acquisition_provenance": Object({**_SOURCE, **_LAST}),
    },
    needs=("schema_id",),
)
"""What Balise asks of a header, whoever's: a schema named, and nothing wrong in what it knows."""


def _point(header: Rule, body: Rule) -> Object:
    return Object({"header": header, "body": body}, needs=("header", "body"))


def _each(rules: Mapping[str, Rule], since: float = 1.0) -> tuple[Schema, ...]:
    return tuple(value(name, {since: rule}) for name, rule in rules.items())


OMH = (
    *_each(
        {
            "acceleration-unit-value": of.ACCELERATION,
            "activity-name": Text(),
            "angular-velocity-unit-value": of.ANGULAR_VELOCITY,
            "area-unit-value": of.AREA,
            "blood-specimen-type": words.BLOOD_SPECIMEN,
            "body-location": words.BODY_LOCATION,
            "body-posture": words.POSTURE,
            "data-point": _point(_HEADERS[1.2], Object()),
            "date-time": Instant(),
            "day-of-week": words.DAY_OF_WEEK,
            "duration-unit-value": of.DURATION,
            "duration-unit-value-range": of.DURATION_RANGE,
            "frequency-unit-value": of.TIMES,
            "full-date": DATE,
            "kcal-unit-value": of.KCAL,
            "length-unit-value": of.LENGTH,
            "local-time": LOCAL_TIME,
            "magnetic-flux-density-unit-value": of.MAGNETIC_FLUX_DENSITY,
            "mass-unit-value": of.MASS,
            "pace-unit-value": of.PACE,
            "part-of-day": words.PART_OF_DAY,
            "plane-angle-unit-value": of.ANGLE,
            "position-during-measurement": words.POSITION,
            "speed-unit-value": of.SPEED,
            "temperature-unit-value": of.TEMPERATURE,
            "temporal-relationship-to-physical-activity": words.TO_ACTIVITY,
            "temporal-relationship-to-sleep": words.TO_SLEEP,
            "time-frame": TIME_FRAME,
            "time-interval": INTERVAL,
            "unit-value": of.ANY,
            "unit-value-range": Range(),
            "volume-unit-value": of.VOLUME,
        }
    ),
    value(
        "descriptive-statistic",
        {1.0: words.STATISTIC_1_0, 1.1: words.STATISTIC_1_1, 1.2: words.STATISTIC},
    ),
    value(
        "descriptive-statistic-denominator", {1.0: words.DENOMINATOR_1_0, 1.1: words.DENOMINATOR}
    ),
    value("header", _HEADERS),
    value("schema-id", {1.0: _ID_1_0, 1.1: _ID}),
    value(
        "specimen-source",
        {1.0: words.SPECIMEN_1_0, 2.0: words.SPECIMEN_2_0, 2.1: words.SPECIMEN},
    ),
    value(
        "temporal-relationship-to-meal",
        {1.0: words.TO_MEAL_1_0, 1.1: words.TO_MEAL_1_1, 1.2: words.TO_MEAL},
    ),
)

IEEE = (
    *_each(
        {
            "body-posture": words.POSTURE,
            "data-point": _point(_HEADER_IEEE, Object()),
            "data-series": _point(_HEADER_IEEE, ListOf(Object())),
            "date-time": Instant(),
            "descriptive-statistic": words.STATISTIC,
            "descriptive-statistic-denominator": words.DENOMINATOR,
            "duration-unit-value": of.DURATION,
            "duration-unit-value-range": of.DURATION_RANGE,
            "frequency-unit-value": of.FREQUENCY,
            "header": _HEADER_IEEE,
            "illuminance-unit-value": of.ILLUMINANCE,
            "kcal-unit-value": of.KCAL,
            "length-unit-value": of.LENGTH,
            "percent-unit-value": of.PERCENT,
            "schema-id": _ID_1_0,
            "sound-unit-value": of.SOUND,
            "speed-unit-value": of.SPEED,
            "temperature-unit-value": of.TEMPERATURE,
            "time-frame": TIME_FRAME_IEEE,
            "time-interval": INTERVAL_IEEE,
            "unit-value": of.ANY,
            "unit-value-range": Range(),
        }
    ),
    *_each(
        {
            "body-location": words.BODY_LOCATION_IEEE,
            "mass-unit-value": of.MASS,
            "volume-unit-value": of.VOLUME,
        },
        since=0.1,
    ),
)
