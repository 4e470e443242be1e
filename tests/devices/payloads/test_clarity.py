from __future__ import annotations

import pytest

from balise.errors import PayloadError, Reason
from balise.model import Quality, State
from devices.payloads import clarity

READ = clarity.CONVENTION.read
# The line of titles of real exports (G6, G7), as several public readers quote it.
TITLES = (
    "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,"
    "Source Device ID,Glucose Value (mg/dL),Insulin Value (u),Carb Value (grams),"
    "Duration (hh:mm:ss),Glucose Rate of Change (mg/dL/min),Transmitter Time (Long Integer),"
    "Transmitter ID"
)


def row(glucose: str, event: str = "EGV", time: str = "2025-05-01T00:01:47") -> str:
    return f"{TITLES}\n11,{time},{event},,,,android G6,{glucose},,,,,4237574,8AM1EY\n"


def test_an_estimate_of_the_sensor():
    (decoded,) = READ(row("165", time="2025-05-01 00:01:47"))
    (value,) = decoded.readings
    assert (value.metric, str(value.value), value.unit) == ("interstitial_glucose", "165", "mg/dL")
    assert decoded.device_time is not None
    assert decoded.device_time.isoformat() == "2025-05-01T00:01:47"
    assert (decoded.sequence, decoded.device) == (4237574, "8AM1EY")


def test_the_title_says_the_unit():
    (decoded,) = READ(row("9.2").replace("(mg/dL)", "(mmol/L)"))
    assert decoded.readings[0].unit == "mmol/L"


def test_a_calibration_is_a_finger_stick_typed_in():
    (decoded,) = READ(row("100", event="Calibration"))
    assert decoded.readings[0].metric == "blood_glucose"
    assert decoded.quality is Quality.SELF_REPORTED


@pytest.mark.parametrize(
    ("word", "quality"),
    [("Low", Quality.BELOW_MEASURING_RANGE), ("High", Quality.ABOVE_MEASURING_RANGE)],
)
def test_low_and_high_are_no_figures(word: str, quality: Quality):
    (decoded,) = READ(row(word))
    assert (decoded.readings, decoded.state, decoded.quality) == ((), State.NO_VALUE, quality)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (row("LOW"), Reason.PAYLOAD_INVALID),
        (row(""), Reason.PAYLOAD_INVALID),
        (row("NaN"), Reason.PAYLOAD_INVALID),
        (row("165", time="yesterday"), Reason.PAYLOAD_INVALID),
        (row("165", event="Insulin"), Reason.METRIC_UNKNOWN),
        (TITLES, Reason.PAYLOAD_INVALID),
        (row("165").replace(" (mg/dL),Ins", ",Ins"), Reason.PAYLOAD_INVALID),
    ],
)
def test_a_faulty_row_is_refused(text: str, reason: Reason):
    with pytest.raises(PayloadError) as refused:
        READ(text)
    assert refused.value.reason is reason
