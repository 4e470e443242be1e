"""What devices say against a value: status bits, absent reasons and interpretations, as data."""

from __future__ import annotations

from collections.abc import Iterable

from balise.model import Quality
from devices.payloads.document import Json, children
from devices.payloads.fhir.codes import codes_of

_BITS: dict[str, dict[int, Quality]] = {
    # Pulse oximeter: device and sensor status, then the pulse's character.
    "150604": {
        0: Quality.NO_CONTACT,
        1: Quality.SENSOR_FAULT,
        2: Quality.NO_CONTACT,
        3: Quality.SENSOR_FAULT,
        4: Quality.NO_CONTACT,
        5: Quality.POOR_SIGNAL,
        6: Quality.POOR_SIGNAL,
        7: Quality.QUESTIONABLE,
        8: Quality.POOR_SIGNAL,
        9: Quality.POOR_SIGNAL,
        10: Quality.POOR_SIGNAL,
        11: Quality.POOR_SIGNAL,
        12: Quality.POOR_SIGNAL,
        13: Quality.POOR_SIGNAL,
        14: Quality.SENSOR_FAULT,
    },
    "150605": {1: Quality.POOR_SIGNAL, 2: Quality.POOR_SIGNAL, 3: Quality.INVALID},
    # Blood pressure.
    "8410608": {
        0: Quality.MOVEMENT,
        1: Quality.CUFF_LOOSE,
        2: Quality.IRREGULAR_PULSE,
        3: Quality.PULSE_ABOVE_RANGE,
        4: Quality.PULSE_BELOW_RANGE,
        5: Quality.BAD_POSITION,
    },
    # Glucose meter.
    "8417752": {
        0: Quality.BATTERY_LOW,
        1: Quality.SENSOR_FAULT,
        2: Quality.SAMPLE_INSUFFICIENT,
        3: Quality.STRIP_FAULT,
        4: Quality.STRIP_FAULT,
        5: Quality.ABOVE_MEASURING_RANGE,
        6: Quality.BELOW_MEASURING_RANGE,
        7: Quality.TEMPERATURE_OUT_OF_RANGE,
        8: Quality.TEMPERATURE_OUT_OF_RANGE,
        9: Quality.INTERRUPTED,
        10: Quality.SENSOR_FAULT,
        11: Quality.TEMPERATURE_OUT_OF_RANGE,
    },
    # Continuous glucose.
    "8418060": {
        3: Quality.SENSOR_FAULT,
        8: Quality.CALIBRATION_NEEDED,
        9: Quality.CALIBRATION_NEEDED,
        10: Quality.TEMPERATURE_OUT_OF_RANGE,
        11: Quality.TEMPERATURE_OUT_OF_RANGE,
        18: Quality.BELOW_MEASURING_RANGE,
        19: Quality.ABOVE_MEASURING_RANGE,
    },
    # Any device.
    "8408608": {
        5: Quality.SENSOR_FAULT,
        6: Quality.SENSOR_FAULT,
        7: Quality.SENSOR_FAULT,
        8: Quality.SENSOR_FAULT,
        17: Quality.CALIBRATION_NEEDED,
        25: Quality.BATTERY_LOW,
        26: Quality.BATTERY_LOW,
    },
}
_QUALITY_OF_BIT = {
    f"{status}.{bit}": quality for status, bits in _BITS.items() for bit, quality in bits.items()
}
_ABSENT = {
    "not-a-number": Quality.NOT_A_NUMBER,
    "error": Quality.NOT_AT_THIS_RESOLUTION,
    "positive-infinity": Quality.POSITIVE_INFINITY,
    "negative-infinity": Quality.NEGATIVE_INFINITY,
}
_INTERPRETED = {
    "invalid": Quality.INVALID,
    "questionable": Quality.QUESTIONABLE,
    "not-available": Quality.UNSUCCESSFUL,
    "calibration-ongoing": Quality.CALIBRATION_NEEDED,
    "test-data": Quality.TEST_DATA,
    "early-indication": Quality.EARLY_ESTIMATE,
    "<": Quality.BELOW_MEASURING_RANGE,
    ">": Quality.ABOVE_MEASURING_RANGE,
}


def _first(table: dict[str, Quality], concept: Json) -> Quality | None:
    return next((table[code] for _, code in codes_of(concept) if code in table), None)


def absent(concept: Json) -> Quality:
    """Return why a value is absent; a reason without a flag of its own is an attempt failed."""
    return _first(_ABSENT, concept) or Quality.UNSUCCESSFUL


def of_bit(code: Json) -> Quality:
    """Return what a status bit that is set says."""
    return _first(_QUALITY_OF_BIT, code) or Quality.NONE


def interpreted(part: Json) -> Quality:
    """Return what the interpretations of an Observation or a component say."""
    return _all(_first(_INTERPRETED, one) for one in children(part, "interpretation"))


def _all(found: Iterable[Quality | None]) -> Quality:
    quality = Quality.NONE
    for one in found:
        quality |= one or Quality.NONE
    return quality
