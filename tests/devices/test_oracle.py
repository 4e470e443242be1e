"""Our decoders beside somebody else's, over frames of every shape: labmcp-ble-health, Apache-2.0.

The other one reads what is left over as nothing; ours refuses it. Everything else must agree.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labmcp import InstrumentProtocolError
from labmcp_ble_health import driver

from balise.errors import FrameError
from balise.model import Decoded, Quality, State
from devices import registry
from devices.frame import Frame

Figures = dict[str, list[float]]


@dataclass
class Said:
    """What a decoder says of a frame, in words both have; None where there is no figure at all."""

    figures: Figures | None
    time: str | None = None
    user: int | None = None
    quality: set[str] = field(default_factory=set[str])


def _figures(rows: dict[str, Any], *needed: str) -> Figures | None:
    """Return the figures that are numbers, None where a needed one isn't."""
    values = {name: getattr(value, "value", value) for name, value in rows.items()}
    if any(values[name] is None for name in needed):
        return None
    return {name: [value] for name, value in values.items() if value is not None}


def heart_rate(data: bytes) -> Said:
    said = driver.parse_heart_rate_measurement(data)
    figures: Figures = {"heart_rate": [said.bpm]}
    if said.energy_expended_kj not in (None, 0xFFFF):
        figures["energy_expended"] = [said.energy_expended_kj]
    if said.rr_intervals_s:
        figures["rr_interval"] = [one * 1000 for one in said.rr_intervals_s]
    contact = {None: {"contact_unknown"}, False: {"no_contact"}, True: set[str]()}
    return Said(figures if said.bpm else None, quality=contact[said.sensor_contact])


_STATUS = {
    "body_movement_detected": "movement",
    "cuff_too_loose": "cuff_loose",
    "irregular_pulse_detected": "irregular_pulse",
    "pulse_rate_exceeds_upper_limit": "pulse_above_range",
    "pulse_rate_below_lower_limit": "pulse_below_range",
    "improper_measurement_position": "bad_position",
}


def blood_pressure(data: bytes) -> Said:
    said = driver.parse_blood_pressure_measurement(data)
    rows = {
        "systolic_blood_pressure": said.systolic,
        "diastolic_blood_pressure": said.diastolic,
        "mean_arterial_pressure": said.mean_arterial.value or None,
        "pulse_rate": (said.pulse_rate_bpm.value or None) if said.pulse_rate_bpm else None,
    }
    return Said(
        _figures(rows, "systolic_blood_pressure", "diastolic_blood_pressure"),
        said.timestamp,
        None if said.user_id == 0xFF else said.user_id,
        {_STATUS[one] for one in said.status if one in _STATUS},
    )


def temperature(data: bytes) -> Said:
    said = driver.parse_temperature_measurement(data)
    return Said(_figures({"body_temperature": said.value}, "body_temperature"), said.timestamp)


def weight(data: bytes) -> Said:
    said = driver.parse_weight_measurement(data)
    rows = {
        "body_weight": said.weight,
        "body_mass_index": said.bmi_kg_m2,
        "body_height": said.height,
    }
    user = None if said.user_id == 0xFF else said.user_id
    return Said(_figures(rows, "body_weight"), said.timestamp, user)


def oximeter(parse: Callable[[bytes], Any]) -> Callable[[bytes], Said]:
    def read(data: bytes) -> Said:
        said = parse(data)
        void = {"measurement_unavailable", "invalid_measurement_detected"}
        rows = {
            "oxygen_saturation": said.spo2_pct,
            "pulse_rate": said.pulse_rate_bpm,
            "pulse_amplitude_index": said.pulse_amplitude_index_pct,
        }
        figures = _figures(rows, "oxygen_saturation")
        return Said(
            None if void & set(said.measurement_status) else figures,
            said.timestamp,
            quality={"clock_unset"} if said.device_clock_not_set else set(),
        )

    return read


ORACLES: dict[str, tuple[Callable[[bytes], Said], set[str]]] = {
    "2A37": (heart_rate, {"contact_unknown", "no_contact"}),
    "2A35": (blood_pressure, set(_STATUS.values())),
    "2A1C": (temperature, set()),
    "2A9D": (weight, set()),
    "2A5E": (oximeter(driver.parse_plx_spot_check), set()),
    "2A5F": (oximeter(driver.parse_plx_continuous), set()),
}
"""How the oracle reads each characteristic, and the qualities that both can tell."""


def ours(decoded: Decoded, both: set[str]) -> Said:
    figures: Figures = {}
    for value in decoded.readings:
        figures.setdefault(value.metric, []).append(float(value.value))
    return Said(
        figures if decoded.state is State.MEASURED else None,
        decoded.device_time.isoformat() if decoded.device_time else None,
        decoded.user,
        both & set(decoded.quality.names),
    )


@st.composite
def frames(draw: st.DrawFn, characteristic: str) -> bytes:
    """Frames of the length their flags ask for, of any content."""
    frame = registry.find(characteristic)
    assert isinstance(frame, Frame)
    flags = draw(st.integers(0, 255))
    size = 0
    for part in frame.present(flags):
        times = draw(st.integers(1, 9)) if part.many else 1
        size += struct.calcsize("<" + part.code) * times
    dates = st.just(bytes.fromhex("e807060f11111b")) if draw(st.booleans()) else st.binary()
    body = draw(st.binary(min_size=size, max_size=size))
    where = draw(st.integers(0, max(size - 7, 0)))
    date = draw(dates)[: size - where]
    return bytes((flags,)) + body[:where] + date + body[where + len(date) :]


@pytest.mark.parametrize("characteristic", ORACLES)
@given(data=st.data())
def test_both_say_the_same(characteristic: str, data: st.DataObject):
    read, both = ORACLES[characteristic]
    frame = data.draw(frames(characteristic))
    (decoded,) = registry.decode(characteristic, frame)
    expected = read(frame)
    found = ours(decoded, both)
    assert found.figures == (None if expected.figures is None else pytest_approx(expected.figures))
    assert (found.time, found.user) == (expected.time, expected.user)
    assert found.quality == (expected.quality & both)


def pytest_approx(figures: Figures) -> dict[str, Any]:
    # The oracle rounds weights to 3 and indices to 1 decimals, in binary.
    return {name: pytest.approx(values, rel=1e-9) for name, values in figures.items()}


@pytest.mark.parametrize("characteristic", ORACLES)
@given(data=st.binary(max_size=24))
def test_what_the_oracle_can_not_read_we_refuse(characteristic: str, data: bytes):
    read, _ = ORACLES[characteristic]
    try:
        read(data)
    except InstrumentProtocolError:
        with pytest.raises(FrameError):
            registry.decode(characteristic, data)


@given(st.integers(0, 0xFFFF))
def test_features_and_locations(word: int):
    data = word.to_bytes(2, "little")
    (feature,) = registry.decode("2A49", data)
    said = dict(feature.facts).get("feature_names", "").split()
    assert said == driver.parse_blood_pressure_feature(data)
    (location,) = registry.decode("2A38", data[:1])
    expected = driver.parse_body_sensor_location(data[:1]).replace("_", " ")
    assert dict(location.facts)["body_sensor_location"] == expected


@given(st.integers(0, 255))
def test_a_battery(level: int):
    try:
        expected = f"{driver.parse_battery_level(bytes((level,)))} %"
    except InstrumentProtocolError:
        with pytest.raises(FrameError):
            registry.decode("2A19", bytes((level,)))
    else:
        (decoded,) = registry.decode("2A19", bytes((level,)))
        assert dict(decoded.facts)["battery_level"] == expected


def test_qualities_are_named_as_ours():
    assert set(_STATUS.values()) <= set(Quality(-1 & (1 << 43) - 1).names)
