"""FIT files written by Garmin's own encoder (garmin-fit-sdk 21.218.0), read by another library."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.errors import NotUnderstood, PayloadError, Reason
from balise.model import Decoded, Quality, State
from devices.payloads import fit, fit_file

READ = fit.CONVENTION.read

# file_id, weight_scale at 06:30, blood_pressure at 06:35, 06:36 and 06:37 of 2026-02-01 UTC.
SCALE_AND_CUFF = bytes.fromhex(
    "0e20e252a60000002e464954562840000000000500010001028402028404048603048c0009ff0001"
    "00e8a6e143010000004100001e0007fd04860002840102840502840702840d02840c028401e8a6e1"
    "437e1d5208fd0cc819f4000100420000330006fd04860002840102840202840601020801000214a8"
    "e1438000520061004700430000330005fd04860002840102840601020801000350a8e14383005400"
    "4804440000330002fd0486080100048ca8e143025567"
)
# file_id, monitoring_info and monitoring (10000 steps) at 06:30, monitoring (heart rate) at 06:31
# by timestamp_16, monitoring (10240 steps) at 06:45, record at 07:00, hrv, spo2_data at 07:01,
# respiration_rate at 07:02.
MONITORING = bytes.fromhex(
    "0e20e252a90000002e464954166840000000000500010001028402028404048603048c0020ff0001"
    "00e8a6e14301000000410000670001fd048601e8a6e143420000370003fd048605010003048602e8"
    "a6e14306102700004300003700021a02841b01020324a740026caae1430600280000440000140002"
    "fd048603010204f0ade143584500004e000100048405aa02b3024600000d0102fd0486000102062c"
    "aee14360470000290102fd04860002830768aee143aa05a78b"
)


def read(data: bytes) -> tuple[list[Decoded], Counter[str]]:
    unmeasured: Counter[str] = Counter()
    texts = fit_file.documents(data, unmeasured)
    return [READ(text)[0] for text in texts], unmeasured


def figures(decoded: Decoded) -> list[tuple[str, str, str]]:
    return [(value.metric, str(value.value), value.unit) for value in decoded.readings]


def test_a_scale_and_a_cuff():
    (scale, cuff, irregular, nothing), unmeasured = read(SCALE_AND_CUFF)
    assert figures(scale) == [
        ("body_weight", "75.5", "kg"),
        ("body_fat_percentage", "21.3", "%"),
        ("muscle_mass", "33.25", "kg"),
        ("basal_metabolic_rate", "1650.0", "kcal"),
        ("body_mass_index", "24.4", "kg/m2"),
    ]
    assert scale.user == 1
    assert figures(cuff) == [
        ("systolic_blood_pressure", "128", "mm[Hg]"),
        ("diastolic_blood_pressure", "82", "mm[Hg]"),
        ("mean_arterial_pressure", "97", "mm[Hg]"),
        ("pulse_rate", "71", "/min"),
    ]
    assert irregular.quality is Quality.IRREGULAR_PULSE
    assert (nothing.state, nothing.quality) == (State.NO_VALUE, Quality.UNSUCCESSFUL)
    assert [one.taken_at.strftime("%H:%M") for one in (scale, cuff) if one.taken_at] == [
        "06:30",
        "06:35",
    ]
    assert unmeasured == {"FIT file_id": 1}


def test_a_day_of_monitoring():
    decoded, unmeasured = read(MONITORING)
    assert [figures(one) for one in decoded] == [
        [("heart_rate", "64", "/min")],
        [("step_count", "240", "1")],
        [("heart_rate", "88", "/min")],
        [("rr_interval", "0.682", "s"), ("rr_interval", "0.691", "s")],
        [("oxygen_saturation", "96", "%")],
        [("respiratory_rate", "14.5", "/min")],
    ]
    at = [one.taken_at.strftime("%H:%M") for one in decoded if one.taken_at]
    assert at == ["06:31", "06:45", "07:00", "07:00", "07:01", "07:02"]
    assert unmeasured["FIT monitoring"] == 1


def test_only_a_message_without_time_has_an_unsure_one():
    assert [one.quality for one in read(MONITORING)[0]] == [
        Quality.NONE,
        Quality.NONE,
        Quality.NONE,
        Quality.CLOCK_UNVERIFIED,
        Quality.NONE,
        Quality.NONE,
    ]


@pytest.mark.parametrize("place", [20, 60, len(SCALE_AND_CUFF) - 1])
def test_a_wrong_checksum_gives_no_document(place: int):
    data = bytearray(SCALE_AND_CUFF)
    data[place] ^= 0x10
    with pytest.raises(PayloadError):
        next(fit_file.documents(bytes(data), Counter()))


@given(st.integers(0, len(MONITORING) - 1), st.binary(min_size=1, max_size=4))
def test_any_damage_is_refused_or_read(place: int, damage: bytes):
    data = MONITORING[:place] + damage + MONITORING[place + len(damage) :]
    try:
        read(data)
    except NotUnderstood:
        return


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"message": "session"}', Reason.METRIC_UNKNOWN),
        ('{"message": "record", "fields": {}}', Reason.METRIC_UNKNOWN),
        (
            '{"message": "record", "fields": {"heart_rate": {"value": 88}}}',
            Reason.UNIT_UNKNOWN,
        ),
        (
            '{"message": "record", "fields": {"heart_rate": {"value": 88, "units": "bpm"}}}',
            Reason.TIME_UNKNOWN,
        ),
        (
            '{"message": "monitoring", "fields": {"steps": {"value": 9, "units": "steps"}}}',
            Reason.PAYLOAD_INVALID,
        ),
    ],
)
def test_a_faulty_message_is_refused(text: str, reason: Reason):
    with pytest.raises(PayloadError) as refused:
        READ(text)
    assert refused.value.reason is reason
