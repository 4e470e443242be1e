"""Pulse Oximeter Service 1822: spot-check 2A5E (indicated), continuous 2A5F (notified)."""

from __future__ import annotations

from balise.model import Quality, State
from devices.clock import Clock
from devices.frame import Frame
from devices.parts import SFLOAT, Number, Skip, Status

_UNAVAILABLE, _INVALID = 0x2000, 0x8000

_MEASUREMENT_BITS = (
    (0x0040, 0x0040, Quality.EARLY_ESTIMATE),
    (0x0400, 0x0400, Quality.TEST_DATA),  # demonstration
    (0x0800, 0x0800, Quality.TEST_DATA),  # testing
    (0x1000, 0x1000, Quality.QUESTIONABLE),  # calibration going on
    (0x4000, 0x4000, Quality.QUESTIONABLE),
    (_UNAVAILABLE, _UNAVAILABLE, Quality.UNSUCCESSFUL),
    (_INVALID, _INVALID, Quality.INVALID),
)

_SENSOR_BITS = (
    (0x0002, 0x0002, Quality.SENSOR_FAULT),  # equipment malfunction
    (0x0008, 0x0008, Quality.POOR_SIGNAL),  # inadequate signal
    (0x0010, 0x0010, Quality.POOR_SIGNAL),
    (0x0020, 0x0020, Quality.POOR_SIGNAL),  # low perfusion
    (0x0040, 0x0040, Quality.POOR_SIGNAL),  # erratic signal
    (0x0080, 0x0080, Quality.POOR_SIGNAL),  # no pulse in the signal
    (0x0100, 0x0100, Quality.QUESTIONABLE),  # questionable pulse
    (0x0800, 0x0800, Quality.NO_CONTACT),  # sensor not on the person
    (0x2000, 0x2000, Quality.MOVEMENT),  # sensor displaced
    (0x4000, 0x4000, Quality.SENSOR_FAULT),
    (0x8000, 0x8000, Quality.NO_CONTACT),  # sensor disconnected
)


_MEASUREMENT_NAMES = {
    5: "measurement_ongoing",
    6: "early_estimate",
    7: "validated",
    8: "fully_qualified",
    9: "from_storage",
    10: "demonstration",
    11: "testing",
    12: "calibration_ongoing",
    13: "measurement_unavailable",
    14: "questionable",
    15: "invalid",
}


def _measurement_status(when: int) -> Status:
    return Status(
        "measurement_status",
        _MEASUREMENT_BITS,
        names=_MEASUREMENT_NAMES,
        when=when,
        voids=_UNAVAILABLE | _INVALID,
    )


def _device_and_sensor_status(when: int) -> Status:
    return Status("sensor_status", _SENSOR_BITS, when=when, size=3)


SPOT_CHECK = Frame(
    name="spot_check_measurement",
    service="1822",
    characteristic="2A5E",
    flag_bits=((0x10, 0x10, Quality.CLOCK_UNSET),),
    parts=(
        Number("oxygen_saturation", SFLOAT, "%"),
        Number("pulse_rate", SFLOAT, "/min", optional=True),
        Clock(when=0x01),
        _measurement_status(0x02),
        _device_and_sensor_status(0x04),
        Number("pulse_amplitude_index", SFLOAT, "%", when=0x08, optional=True),
    ),
)

CONTINUOUS = Frame(
    name="continuous_measurement",
    service="1822",
    characteristic="2A5F",
    parts=(
        Number("oxygen_saturation", SFLOAT, "%"),
        Number("pulse_rate", SFLOAT, "/min", optional=True),
        Skip(4, when=0x01),  # the fast pair: the same two over fewer beats
        Skip(4, when=0x02),  # the slow pair
        _measurement_status(0x04),
        _device_and_sensor_status(0x08),
        Number("pulse_amplitude_index", SFLOAT, "%", when=0x10, optional=True),
    ),
)

FEATURES = Frame(
    name="plx_features",
    service="1822",
    characteristic="2A60",
    state=State.INFORMATION,
    flags_size=2,
    parts=(
        Status("measurement_status_support", (), when=0x01),
        Status("sensor_status_support", (), when=0x02, size=3),
    ),
)

CHARACTERISTICS = (SPOT_CHECK, CONTINUOUS, FEATURES)
