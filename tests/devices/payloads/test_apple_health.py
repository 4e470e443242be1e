"""Samples as exports hold them: attributes and metadata of real ones, told on the public web."""

from __future__ import annotations

import io
import json
from collections import Counter

import pytest

from balise.errors import PayloadError, Reason
from balise.metrics import METRICS
from balise.model import Decoded, Quality
from devices import units
from devices.payloads import apple_export, apple_health

READ = apple_health.CONVENTION.read
Q = "HKQuantityTypeIdentifier"

# Apple's DTD of iOS 16 is malformed; everything before the root must not matter.
EXPORT = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation)*)>
<!ENTITY lol "lol"> <!ATTLIST broken
]>
<HealthData locale="fr_FR">
 <ExportDate value="2026-02-01 09:00:00 +0100"/>
 <Me HKCharacteristicTypeIdentifierDateOfBirth="1950-01-01"/>
 <Record type="{Q}HeartRate" sourceName="Roshan&#39;s Apple Watch" unit="count/min"
  device="&lt;&lt;HKDevice: 0xd307cbcc0&gt;, name:Apple Watch, hardware:Watch5,10, software:7.1&gt;"
  startDate="2021-01-08 09:05:42 -0700" endDate="2021-01-08 09:05:42 -0700" value="76">
  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>
  <MetadataEntry key="com.example.patient" value="Roshan"/>
 </Record>
 <Record type="{Q}BloodGlucose" sourceName="Health" unit="mmol&lt;180.1558800000541&gt;/L"
  startDate="2024-01-09 12:30:00 +0200" endDate="2024-01-09 12:30:00 +0200" value="4.59">
  <MetadataEntry key="HKWasUserEntered" value="1"/>
  <MetadataEntry key="HKBloodGlucoseMealTime" value="1"/>
 </Record>
 <Record type="{Q}BodyMassIndex" sourceName="Zepp Life" unit="count"
  startDate="2023-12-03 22:38:45 +0200" endDate="2023-12-03 22:38:45 +0200" value="23.8"/>
 <Record type="{Q}OxygenSaturation" sourceName="Watch" unit="%"
  startDate="2023-12-03 22:38:45 +0200" endDate="2023-12-03 22:38:45 +0200" value="0.97"/>
 <Record type="{Q}BloodPressureSystolic" unit="mmHg" value="120" sourceName="BP"
  startDate="2025-01-02 08:00:00 +0800" endDate="2025-01-02 08:00:01 +0800"/>
 <Record type="{Q}BloodPressureDiastolic" unit="mmHg" value="80" sourceName="BP"
  startDate="2025-01-02 08:00:00 +0800" endDate="2025-01-02 08:00:01 +0800"/>
 <Record type="{Q}DietaryWater" unit="mL" value="500" sourceName="Grow"
  startDate="2025-01-01 10:00:00 +0800" endDate="2025-01-01 10:00:01 +0800"/>
 <Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="Watch"
  startDate="2023-12-03 23:00:00 +0200" endDate="2023-12-03 23:12:30 +0200"
  value="HKCategoryValueSleepAnalysisAsleepDeep"/>
 <Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="Watch"
  startDate="2023-12-03 23:13:00 +0200" endDate="2023-12-03 23:14:00 +0200"
  value="HKCategoryValueSleepAnalysisAwake"/>
 <Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="BP"
  startDate="2025-01-02 08:00:00 +0800" endDate="2025-01-02 08:00:01 +0800">
  <Record type="{Q}BloodPressureSystolic" unit="mmHg" value="120" sourceName="BP"
   startDate="2025-01-02 08:00:00 +0800" endDate="2025-01-02 08:00:01 +0800"/>
  <Record type="{Q}BloodPressureDiastolic" unit="mmHg" value="80" sourceName="BP"
   startDate="2025-01-02 08:00:00 +0800" endDate="2025-01-02 08:00:01 +0800"/>
 </Correlation>
</HealthData>
"""


def exported() -> tuple[list[Decoded], Counter[str]]:
    unmeasured: Counter[str] = Counter()
    texts = list(apple_export.documents(io.BytesIO(EXPORT.encode()), unmeasured))
    assert not any("Roshan" in text for text in texts)
    return [READ(text)[0] for text in texts], unmeasured


def test_an_export_sample_by_sample():
    decoded, unmeasured = exported()
    found = [[(v.metric, str(v.value), v.unit) for v in one.readings] for one in decoded]
    assert found == [
        [("heart_rate", "76", "/min")],
        [("blood_glucose", "4.59", "mmol/L")],
        [("body_mass_index", "23.8", "kg/m2")],
        [("oxygen_saturation", "0.97", "1")],
        [("deep_sleep_time", "750", "s")],
        [
            ("systolic_blood_pressure", "120", "mm[Hg]"),
            ("diastolic_blood_pressure", "80", "mm[Hg]"),
        ],
    ]
    assert unmeasured == {f"{Q}DietaryWater": 1, "HKCategoryValueSleepAnalysisAwake": 1}


def test_times_carry_their_offset_and_facts_their_names():
    heart, glucose, *_ = exported()[0]
    assert heart.taken_at is not None
    assert heart.taken_at.isoformat() == "2021-01-08T16:05:42+00:00"
    assert dict(heart.facts)["hardware"] == "Watch5,10"
    assert dict(heart.facts)["motion"] == "1"
    assert glucose.quality is Quality.SELF_REPORTED
    assert dict(glucose.facts)["meal"] == "1"


def test_every_unit_of_every_type_converts():
    for known in apple_health.TYPES.values():
        for unit in known.units.values():
            units.convert(units.Decimal(1), unit, METRICS[known.metric].unit)


def test_a_fraction_becomes_percent():
    assert units.convert(units.Decimal("0.97"), "1", "%") == 97


def sample(**record: object) -> str:
    whole = {"type": f"{Q}BodyMass", "unit": "kg", "value": "75.5"} | record
    dates = dict.fromkeys(("startDate", "endDate"), "2026-02-01 07:30:00 +0100")
    return json.dumps({**dates, "records": [whole]})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"unit": None}, Reason.UNIT_UNKNOWN),
        ({"unit": "stone"}, Reason.UNIT_UNKNOWN),
        ({"value": "NaN"}, Reason.PAYLOAD_INVALID),
        ({"value": 75.5}, Reason.PAYLOAD_INVALID),
        ({"type": f"{Q}DietaryWater"}, Reason.METRIC_UNKNOWN),
    ],
)
def test_a_faulty_sample_is_refused(record: dict[str, object], reason: Reason):
    with pytest.raises(PayloadError) as refused:
        READ(sample(**record))
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    "text",
    [
        "<html/>",
        EXPORT[: len(EXPORT) // 2],
        "<HealthData>&lol;</HealthData>",
        '<HealthData><!DOCTYPE x [<!ENTITY a "b">]></HealthData>',
        '<HealthData a="' + "x" * 6_000_000,
    ],
)
def test_what_is_no_export_is_refused(text: str):
    with pytest.raises(PayloadError):
        list(apple_export.documents(io.BytesIO(text.encode()), Counter()))
