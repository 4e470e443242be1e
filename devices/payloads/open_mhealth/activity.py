"""Schemas of movement, its sensors and the surroundings, Open mHealth's and IEEE's."""

from __future__ import annotations

from devices.payloads.open_mhealth import measures as of
from devices.payloads.open_mhealth import words
from devices.payloads.open_mhealth.frames import AT, timed
from devices.payloads.open_mhealth.rules import Count, Measure, Number, Text
from devices.payloads.open_mhealth.schema import Fields, body, each, may, must
from devices.payloads.open_mhealth.shapes import ListOf, Object, Unsaid
from devices.payloads.open_mhealth.vitals import STATISTIC

DISTANCE, ENERGY = of.LENGTH.of("distance"), of.KCAL.of("active_energy")
_LOCATION = may("sensor_body_location", words.BODY_LOCATION)
_NAME = may("activity_name", Text())


def _denominated(since: float, statistic: Text = words.STATISTIC) -> Fields:
    """Return a statistic and of what: the schemas let any text say it."""
    return (
        *may("descriptive_statistic", statistic, since=since),
        *may("descriptive_statistic_denominator", Text(), since=since),
    )


DENOMINATED = _denominated(since=0.0)


def _axes(name: str, measure: Measure) -> Fields:
    """Return three axes, of which the third may be missing."""
    x, y, z = (f"{name}_{axis}" for axis in "xyz")
    return (*must(x, measure), *must(y, measure), *may(z, measure))


OMH = (
    body(
        "step-count",
        (1.0, 2.0, 3.0),
        must("step_count", Count("step_count"), until=3.0),
        must("step_count", Measure(("steps",), "step_count"), since=3.0),
        timed(needed=2.0, during=2.0),
        _denominated(2.0, words.STATISTIC_1_0),
    ),
    body(
        "calories-burned",
        (1.0, 2.0),
        must("kcal_burned", ENERGY),
        timed(needed=2.0, during=2.0),
        _NAME,
        _denominated(2.0),
    ),
    body(
        "minutes-moderate-activity",
        (1.0,),
        must("minutes_moderate_activity", of.DURATION.of("moderate_activity_time", "min")),
        timed(),
    ),
    body(
        "physical-activity",
        (1.0, 1.1, 1.2),
        must("activity_name", Text()),
        timed(),
        may("distance", DISTANCE),
        may("kcal_burned", ENERGY, since=1.2),
        may("reported_activity_intensity", words.INTENSITY),
        may("met_value", Number(), since=1.1),
    ),
    body("speed", (1.0,), must("speed", of.SPEED.of("speed")), timed(needed=1.0), STATISTIC),
    body("pace", (1.0,), must("pace", of.PACE.of("pace")), timed(needed=1.0), STATISTIC),
    body(
        "ambient-temperature",
        (1.0,),
        must("ambient_temperature", of.TEMPERATURE.of("ambient_temperature")),
        timed(),
        STATISTIC,
    ),
    body(
        "acceleration",
        (1.0, 2.0),
        _axes("acceleration", of.ACCELERATION),
        timed(needed=1.0, ieee=2.0),
        _LOCATION,
        STATISTIC,
    ),
    body(
        "orientation",
        (1.0,),
        _axes("angular_velocity", of.ANGULAR_VELOCITY),
        timed(needed=1.0),
        _LOCATION,
        STATISTIC,
    ),
    body(
        "magnetic-force",
        (1.0,),
        _axes("magnetic_field_strength", of.MAGNETIC_FLUX_DENSITY),
        timed(needed=1.0),
        STATISTIC,
    ),
    body(
        "geoposition",
        (1.0,),
        must("latitude", Unsaid(of.ANGLE)),
        must("longitude", Unsaid(of.ANGLE)),
        must("effective_time_frame", AT),
        may("elevation", Unsaid(of.LENGTH.of("", "m", "ft"))),
        may("number_of_satellites_in_view", Number(whole=True)),
        may("satellite_signal_strengths", ListOf(Measure(("dB",), whole=True))),
        may("number_of_satellites_in_fix", Number(whole=True)),
        may("positioning_system", words.POSITIONING),
    ),
)

_DURING = timed(needed=1.0, ieee=1.0, during=1.0)

IEEE = (
    body(
        "physical-activity",
        (1.0,),
        must("activity_name", Text()),
        _DURING,
        each(
            {
                "base_movement_quantity": of.ANY.of("step_count", figure_in=("steps",)),
                "distance": DISTANCE,
                "cumulative_elevation_gain": of.LENGTH,
                "duration": of.DURATION.of("active_time"),
                "duration_light_activity": of.DURATION.of("light_activity_time"),
                "duration_moderate_activity": of.DURATION.of("moderate_activity_time"),
                "duration_vigorous_activity": of.DURATION.of("vigorous_activity_time"),
                "average_cadence": of.ANY,
                "average_speed": of.SPEED.of("speed"),
                "kcal_burned": ENERGY,
                "reported_activity_intensity": words.INTENSITY,
                "met_value": Number(),
            }
        ),
        DENOMINATED,
    ),
    body(
        "ambient-light",
        (1.0,),
        must(
            "ambient_light",
            ListOf(
                Object(
                    {"wavelength": of.LENGTH.of("", "nm"), "intensity": of.ILLUMINANCE},
                    needs=("intensity",),
                )
            ),
        ),
        timed(needed=1.0, ieee=1.0),
        STATISTIC,
    ),
    body(
        "ambient-sound",
        (1.0,),
        must("ambient_sound", of.SOUND),
        timed(needed=1.0, ieee=1.0),
        STATISTIC,
    ),
    body(
        "ambient-temperature",
        (1.0,),
        must("ambient_temperature", of.TEMPERATURE.of("ambient_temperature")),
        timed(needed=1.0, ieee=1.0),
        STATISTIC,
    ),
)
