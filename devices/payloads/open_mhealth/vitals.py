"""Schemas of vital signs, body measures and blood, Open mHealth's and IEEE's drafts."""

from __future__ import annotations

from devices.payloads.open_mhealth import measures as of
from devices.payloads.open_mhealth import words
from devices.payloads.open_mhealth.frames import timed
from devices.payloads.open_mhealth.rules import Measure, Text
from devices.payloads.open_mhealth.schema import NEVER, Fields, body, may, must, value

STATISTIC = may("descriptive_statistic", words.STATISTIC)
TO_ACTIVITY = may("temporal_relationship_to_physical_activity", words.TO_ACTIVITY)
GLUCOSE = Measure(("mg/dL", "mmol/L"), "blood_glucose")
SYSTOLIC, DIASTOLIC = (
    of.PRESSURE.of(f"{which}_blood_pressure") for which in ("systolic", "diastolic")
)


def _to_sleep(*, since: float = 0.0) -> Fields:
    return may("temporal_relationship_to_sleep", words.TO_SLEEP, since=since)


def _notes(until: float = NEVER) -> Fields:
    return may("user_notes", Text(), until=until)


OMH = (
    body(
        "blood-glucose",
        (1.0, 2.0, 3.0, 4.0),
        must("blood_glucose", GLUCOSE),
        timed(needed=3.0, ieee=4.0),
        may("blood_specimen_type", words.BLOOD_SPECIMEN, until=2.0),
        may("specimen_source", words.SPECIMEN_1_0, since=2.0, until=3.0),
        may("specimen_source", words.SPECIMEN, since=3.0),
        may("temporal_relationship_to_meal", words.TO_MEAL),
        _to_sleep(),
        STATISTIC,
        _notes(until=3.0),
    ),
    body(
        "blood-pressure",
        (1.0, 2.0, 3.0, 3.1, 4.0),
        must("systolic_blood_pressure", SYSTOLIC),
        must("diastolic_blood_pressure", DIASTOLIC),
        timed(needed=3.0, ieee=4.0),
        may("position_during_measurement", words.POSITION, until=2.0),
        may("body_posture", words.POSTURE, since=2.0),
        may("measurement_location", words.BODY_LOCATION, since=3.0),
        may("temporal_relationship_to_physical_activity", words.TO_ACTIVITY, since=3.1),
        STATISTIC,
        _notes(until=3.0),
    ),
    value("systolic-blood-pressure", {1.0: SYSTOLIC}),
    value("diastolic-blood-pressure", {1.0: DIASTOLIC}),
    body(
        "heart-rate",
        (1.0, 1.1, 2.0),
        must("heart_rate", Measure(("beats/min",), "heart_rate")),
        timed(needed=2.0),
        TO_ACTIVITY,
        _to_sleep(since=1.1),
        STATISTIC,
        _notes(until=2.0),
    ),
    body(
        "rr-interval",
        (1.0,),
        must("rr_interval", of.DURATION.of("rr_interval", "ms")),
        timed(),
        TO_ACTIVITY,
        STATISTIC,
    ),
    body(
        "oxygen-saturation",
        (1.0, 2.0),
        must("oxygen_saturation", of.PERCENT.of("oxygen_saturation")),
        timed(needed=2.0),
        may("system", words.words("peripheral capillary")),
        may("supplemental_oxygen_flow_rate", Measure(("L/min",))),
        may("oxygen_therapy_mode_of_administration", words.words("nasal cannula")),
        may("measurement_method", words.words("pulse oximetry")),
        STATISTIC,
    ),
    body(
        "body-temperature",
        (1.0, 2.0, 3.0, 4.0),
        must("body_temperature", of.TEMPERATURE.of("body_temperature")),
        timed(needed=3.0, ieee=4.0),
        may("measurement_location", words.TEMPERATURE_SITE_1_0, until=2.0),
        may("measurement_location", words.TEMPERATURE_SITE, since=2.0),
        _to_sleep(since=2.0),
        STATISTIC,
    ),
    body(
        "body-weight",
        (1.0, 2.0, 3.0),
        must("body_weight", of.MASS.of("body_weight")),
        timed(needed=2.0, ieee=3.0),
        STATISTIC,
    ),
    body(
        "body-height",
        (1.0, 2.0),
        must("body_height", of.LENGTH.of("body_height")),
        timed(needed=2.0, ieee=2.0),
        STATISTIC,
    ),
    body(
        "body-mass-index",
        (1.0, 2.0, 3.0),
        must("body_mass_index", Measure(("kg/m2",), "body_mass_index"), until=2.0),
        must("body_mass_index", Measure(("kg/m^2",), "body_mass_index"), since=2.0),
        timed(needed=2.0, ieee=3.0),
        STATISTIC,
    ),
    body(
        "body-fat-percentage",
        (1.0, 2.0),
        must("body_fat_percentage", of.PERCENT.of("body_fat_percentage")),
        timed(needed=2.0, ieee=2.0),
        STATISTIC,
    ),
    body(
        "breath-carbon-monoxide",
        (1.0,),
        must("breath_carbon_monoxide", Measure(("ppm",), "breath_carbon_monoxide")),
        timed(),
        STATISTIC,
    ),
    body(
        "respiratory-rate",
        (1.0, 2.0),
        must("respiratory_rate", Measure(("breaths/min",), "respiratory_rate")),
        timed(needed=2.0),
        TO_ACTIVITY,
        STATISTIC,
    ),
    *(
        body(
            metric.replace("_", "-"),
            (1.0,),
            must(metric, of.DURATION.of(metric, "sec")),
            timed(needed=needed),
            TO_ACTIVITY,
            STATISTIC,
        )
        for metric, needed in (
            ("inspiratory_time", NEVER),
            ("expiratory_time", NEVER),
            ("ventilation_cycle_time", 1.0),
        )
    ),
    body(
        "minute-volume",
        (1.0,),
        must("minute_volume", Measure(("mL/min", "L/min"), "minute_volume")),
        timed(),
        TO_ACTIVITY,
        STATISTIC,
        may("minute_volume_type", words.VOLUME_TYPE),
    ),
)

_BODY_PARTS = {
    "body_fat_percentage": of.PERCENT.of("body_fat_percentage"),
    "body_fat_weight": of.MASS.of("body_fat_mass"),
    "body_skeletal_muscle_mass_percentage": of.PERCENT.of("muscle_percentage"),
    "body_skeletal_muscle_mass_weight": of.MASS.of("muscle_mass"),
    "body_water_mass_percentage": of.PERCENT.of("body_water_percentage"),
    "body_water_mass_weight": of.MASS.of("body_water_mass"),
    "body_bone_mass_percentage": of.PERCENT,
    "body_bone_mass_weight": of.MASS.of("body_bone_mass"),
}

IEEE = tuple(
    body(
        name.replace("_", "-"),
        (0.1,),
        must(name, rule),
        *(may(key, part) for key, part in parts.items()),
        timed(needed=0.1, ieee=0.1),
        STATISTIC,
    )
    for name, rule, parts in (
        ("body_weight", of.MASS.of("body_weight"), _BODY_PARTS),
        ("body_height", of.LENGTH.of("body_height"), {}),
        ("body_mass_index", Measure(("kg/m^2",), "body_mass_index"), {}),
        ("body_adiposity_index", of.PERCENT, {}),
    )
)
