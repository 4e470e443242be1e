from __future__ import annotations

import json

import pytest

from balise.errors import PayloadError, Reason
from balise.model import Quality, State
from devices.payloads import libreview

READ = libreview.CONVENTION.read


def row(**cells: str) -> str:
    whole = {
        "Device": "FreeStyle Libre 3",
        "Serial Number": "SN-1",
        "Device Timestamp": "20-05-2026 08:15",
        "Record Type": "0",
        "Historic Glucose mg/dL": "118",
    }
    return json.dumps(whole | cells)


def french(kind: str, title: str, figure: str) -> str:
    return json.dumps(
        {
            "Numéro de série": "SN-1",
            "Horodatage de l'appareil": "15-06-2026 08:00",
            "Type d'enregistrement": kind,
            title: figure,
        }
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (row(), ("interstitial_glucose", "118", "mg/dL")),
        (french("0", "Historique de la glycémie mg/dL", "112"),
         ("interstitial_glucose", "112", "mg/dL")),
        (french("1", "Numérisation de la glycémie mmol/L", "6,2"),
         ("interstitial_glucose", "6.2", "mmol/L")),
        (french("2", "Glycémie par bandelette mg/dL", "88"), ("blood_glucose", "88", "mg/dL")),
        (french("3", "Cétone mmol/L", "0,3"), ("blood_ketone", "0.3", "mmol/L")),
    ],
)  # fmt: skip
def test_records_in_english_and_french(text: str, expected: tuple[str, str, str]):
    (decoded,) = READ(text)
    (value,) = decoded.readings
    assert (value.metric, str(value.value), value.unit) == expected


@pytest.mark.parametrize(
    ("stamp", "dates", "expected"),
    [
        ("20-05-2026 08:15", "", "2026-05-20T08:15:00"),
        ("05-20-2026 08:15 PM", "", "2026-05-20T20:15:00"),
        ("05-06-2026 12:00 AM", "month-first", "2026-05-06T00:00:00"),
        ("05-06-2026 08:15", "day-first", "2026-06-05T08:15:00"),
        ("02/02/2026 08:15", "", "2026-02-02T08:15:00"),
    ],
)
def test_dates(stamp: str, dates: str, expected: str):
    (decoded,) = READ(row(**{"Device Timestamp": stamp, "dates": dates}))
    assert decoded.device_time is not None
    assert decoded.device_time.isoformat() == expected


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (["05-06-2026 08:15", "20-05-2026 08:15"], "day-first"),
        (["05-06-2026 08:15", "05-20-2026 08:15"], "month-first"),
        (["05-06-2026 08:15", "06-06-2026 08:15"], None),
        (["06-06-2026 08:15"], "day-first"),
    ],
)
def test_a_file_says_which_order_its_dates_have(stamps: list[str], expected: str | None):
    assert libreview.order(stamps) == expected


def test_both_orders_in_one_file_are_refused():
    with pytest.raises(PayloadError):
        libreview.order(["20-05-2026 08:15", "05-20-2026 08:15"])


@pytest.mark.parametrize(
    ("word", "quality"),
    [("LO", Quality.BELOW_MEASURING_RANGE), ("HI", Quality.ABOVE_MEASURING_RANGE)],
)
def test_lo_and_hi_are_no_figures(word: str, quality: Quality):
    (decoded,) = READ(row(**{"Historic Glucose mg/dL": word}))
    assert (decoded.readings, decoded.state, decoded.quality) == ((), State.NO_VALUE, quality)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Device Timestamp": "05-06-2026 08:15"}, Reason.TIME_UNKNOWN),
        ({"Device Timestamp": "31-02-2026 08:15"}, Reason.PAYLOAD_INVALID),
        ({"Device Timestamp": "20-05-2026 13:15 PM"}, Reason.PAYLOAD_INVALID),
        ({"Device Timestamp": "today"}, Reason.PAYLOAD_INVALID),
        ({"Record Type": "4"}, Reason.METRIC_UNKNOWN),
        ({"Record Type": "1"}, Reason.PAYLOAD_INVALID),
        ({"Historic Glucose mg/dL": "many"}, Reason.PAYLOAD_INVALID),
    ],
)
def test_a_faulty_row_is_refused(cells: dict[str, str], reason: Reason):
    with pytest.raises(PayloadError) as refused:
        READ(row(**cells))
    assert refused.value.reason is reason


def test_a_title_without_unit_is_refused():
    text = french("0", "Historique de la glycémie g/L", "1,1")
    with pytest.raises(PayloadError) as refused:
        READ(text)
    assert refused.value.reason is Reason.UNIT_UNKNOWN
