"""Continuous Glucose Monitoring Service 181F: measurement 2AA7 and its session (CGMS 1.0.2).

A packet holds several records, each with its size. A record's time is the session's start 2AAA
plus minutes, so it is a reading only beside that start. Balise never starts, stops or calibrates.
"""

from __future__ import annotations

from dataclasses import dataclass

from balise.errors import FrameError, Reason
from balise.model import Decoded, Quality, State
from devices.clock import Clock
from devices.codec import Codec, Cursor
from devices.crc import checked
from devices.frame import Frame
from devices.glucose import SAMPLE_LOCATIONS, SAMPLE_TYPES
from devices.parts import (
    SFLOAT,
    U16,
    Draft,
    Fact,
    Number,
    Part,
    Status,
    word_of,
)

SERVICE = "181F"
_LEAST = 6  # bytes of a record: size, flags, glucose, minutes

_STATUS_BITS = (
    (0x02, 0x02, Quality.BATTERY_LOW),
    (0x04, 0x04, Quality.SENSOR_FAULT),  # sensor of another type
    (0x08, 0x08, Quality.SENSOR_FAULT),
    (0x20, 0x20, Quality.SENSOR_FAULT),  # general fault
)
_CALIBRATION_BITS = (
    (0x01, 0x01, Quality.CLOCK_FAULT),  # the clocks of sensor and collector must be synchronised
    (0x08, 0x08, Quality.CALIBRATION_NEEDED),
    (0x10, 0x10, Quality.TEMPERATURE_OUT_OF_RANGE),
    (0x20, 0x20, Quality.TEMPERATURE_OUT_OF_RANGE),
)
_WARNING_BITS = (
    (0x40, 0x40, Quality.BELOW_MEASURING_RANGE),
    (0x80, 0x80, Quality.ABOVE_MEASURING_RANGE),
)
_STATUS_NAMES = {
    0: "session_stopped",
    1: "battery_low",
    2: "sensor_type_incorrect",
    3: "sensor_malfunction",
    4: "device_specific_alert",
    5: "general_fault",
}
_CALIBRATION_NAMES = {
    0: "time_sync_required",
    1: "calibration_not_allowed",
    2: "calibration_recommended",
    3: "calibration_required",
    4: "sensor_temperature_too_high",
    5: "sensor_temperature_too_low",
    6: "calibration_pending",
}
_WARNING_NAMES = {
    0: "below_patient_low",
    1: "above_patient_high",
    2: "below_hypo_level",
    3: "above_hyper_level",
    4: "falling_too_fast",
    5: "rising_too_fast",
    6: "below_what_the_device_can_process",
    7: "above_what_the_device_can_process",
}


def _annunciation(when: tuple[int, int, int]) -> tuple[Part, ...]:
    """Return the three octets of the sensor status, each there with its flag bit."""
    status, calibration, warning = when
    return (
        Status("status", _STATUS_BITS, names=_STATUS_NAMES, when=status, size=1),
        Status("cal_temp", _CALIBRATION_BITS, names=_CALIBRATION_NAMES, when=calibration, size=1),
        Status("warning", _WARNING_BITS, names=_WARNING_NAMES, when=warning, size=1),
    )


@dataclass(frozen=True, slots=True)
class SessionMinutes(Part):
    """Minutes from the start of the session: what numbers a record and tells its time."""

    @property
    def code(self) -> str:
        """Two bytes."""
        return "H"

    def read(self, word: int, draft: Draft) -> None:
        """Keep the minutes; they are the record's number too."""
        draft.sequence = word
        draft.facts.append(("session_minutes", str(word)))


RECORD = Frame(
    name="cgm_record",
    service=SERVICE,
    characteristic="2AA7",
    awaits=((0, 0, "2AAA"),),
    parts=(
        Number("interstitial_glucose", SFLOAT, "mg/dL"),
        SessionMinutes(),
        *_annunciation((0x80, 0x40, 0x20)),
        Fact("trend", SFLOAT, "mg/dL/min", when=0x01),
        Fact("sensor_quality", SFLOAT, "%", when=0x02),
    ),
)


def _records(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2AA7", data)
    found: list[Decoded] = []
    while cursor.left or not found:
        size = cursor.number(1, "record size")
        if size < _LEAST:
            raise FrameError(
                f"2AA7: a record of {size} bytes at byte {cursor.at - 1}; {_LEAST} are the least",
                reason=Reason.FRAME_NO_VALUE,
            )
        record = bytes((size,)) + cursor.take(size - 1, "record")
        found += RECORD.decode(checked("2AA7", record, _size(record[1]))[1:])
    return tuple(found)


def _size(flags: int) -> int:
    """Return the bytes of a record with these flags: size, flags, glucose, minutes, the rest."""
    octets = sum(flags >> bit & 1 for bit in (5, 6, 7))
    return _LEAST + octets + 2 * (flags & 1) + 2 * (flags >> 1 & 1)


@dataclass(frozen=True, slots=True)
class ZoneAndDaylight(Part):
    """Time zone in quarters of an hour (s8, -128 unknown) and daylight saving (255 unknown)."""

    @property
    def code(self) -> str:
        """Two bytes."""
        return "2s"

    def read(self, word: bytes, draft: Draft) -> None:
        """Set how far the clock is ahead of UTC, where both are known."""
        draft.utc_offset = utc_offset(int.from_bytes(word[:1], "little", signed=True), word[1])


_DAYLIGHT_MINUTES = {0: 0, 2: 30, 4: 60, 8: 120}


def utc_offset(zone: int, daylight: int) -> int | None:
    """Return minutes ahead of UTC of a Time Zone 2A0E and a DST Offset 2A0D, None if unknown."""
    minutes = _DAYLIGHT_MINUTES.get(daylight)
    if minutes is None or not -48 <= zone <= 56:
        return None
    return zone * 15 + minutes


_SESSION_START = Frame(
    name="cgm_session_start_time",
    service=SERVICE,
    characteristic="2AAA",
    flags_size=0,
    state=State.INFORMATION,
    parts=(Clock(), ZoneAndDaylight()),
)
_RUN_TIME = Frame(
    name="cgm_session_run_time",
    service=SERVICE,
    characteristic="2AAB",
    flags_size=0,
    state=State.INFORMATION,
    parts=(Fact("session_run_time", U16, "h"),),
)
_STATUS = Frame(
    name="cgm_status",
    service=SERVICE,
    characteristic="2AA9",
    flags_size=0,
    state=State.INFORMATION,
    parts=(SessionMinutes(), *_annunciation((0, 0, 0))),
)


@dataclass(frozen=True, slots=True)
class SampleKind(Part):
    """Type and location of the sample, four bits each."""

    @property
    def code(self) -> str:
        """One byte."""
        return "B"

    def read(self, word: int, draft: Draft) -> None:
        """Add both words."""
        draft.facts.append(("sample_type", word_of(SAMPLE_TYPES, word & 0xF)))
        draft.facts.append(("sample_location", word_of(SAMPLE_LOCATIONS, word >> 4)))


_FEATURE_NAMES = {
    0: "calibration",
    1: "patient_high_low_alerts",
    2: "hypo_alerts",
    3: "hyper_alerts",
    4: "rate_alerts",
    5: "device_specific_alert",
    6: "sensor_malfunction_detection",
    7: "sensor_temperature_detection",
    8: "result_high_low_detection",
    9: "low_battery_detection",
    10: "sensor_type_detection",
    11: "general_fault",
    12: "e2e_crc",
    13: "multiple_bonds",
    14: "multiple_sessions",
    15: "trend",
    16: "quality",
}
_FEATURE = Frame(
    name="cgm_feature",
    service=SERVICE,
    characteristic="2AA8",
    flags_size=0,
    state=State.INFORMATION,
    parts=(Status("feature", (), names=_FEATURE_NAMES, size=3), SampleKind()),
)


def _feature(data: bytes) -> tuple[Decoded, ...]:
    # Always six bytes: 0xFFFF stands where the device knows no checksum.
    if data[4:] == b"\xff\xff":
        return _FEATURE.decode(data[:4])
    return _FEATURE.decode(checked("2AA8", data, 4))


def _with_crc(frame: Frame, size: int) -> Codec:
    """Return a fixed layout that may be followed by its checksum."""
    return Codec(
        name=frame.name,
        service=frame.service,
        characteristic=frame.characteristic,
        read=lambda data: frame.decode(checked(frame.characteristic, data, size)),
    )


MEASUREMENT = Codec(
    name="cgm_measurement",
    service=SERVICE,
    characteristic="2AA7",
    read=_records,
    state=State.MEASURED,
)
FEATURE = Codec(
    name=_FEATURE.name, service=SERVICE, characteristic=_FEATURE.characteristic, read=_feature
)
SESSION_START = _with_crc(_SESSION_START, 9)

CHARACTERISTICS = (
    MEASUREMENT,
    FEATURE,
    _with_crc(_STATUS, 5),
    SESSION_START,
    _with_crc(_RUN_TIME, 2),
)
