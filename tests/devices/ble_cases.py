"""The field cases of ../shared/cases/ble.json against Balise: `python tests/devices/ble_cases.py`.

Prints one row a case: right, wrong, or not understood. A case without bytes is a behaviour: the
row names the test that holds it, or the issue that will.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from bumble.core import AdvertisingData

from balise.decode import as_contract, understood
from balise.errors import NotUnderstood
from balise.model import Value
from devices import models, plausibility
from devices.collect import Collector
from devices.session import RawFrame, read

CASES = Path(__file__).parents[3] / "shared" / "cases" / "ble.json"

MODELS = {
    "bp-beurer-irregular": "beurer-bm85",
    "bp-beurer-user1-reserved-status": "beurer-bm85",
    "scale-epoch-2010": "medisana-bs410",
}

BEHAVIOURS = {
    "temp-unit-of-display": "tests/devices/payloads/test_theengs.py",
    "mi-nonconformant-bcs": "tests/devices/test_frames.py",
    "glu-clock-changed-before-sync": "tests/devices/test_timeline.py",
    "scale-tz-flip": "tests/devices/test_timeline.py",
    "glu-seconds-dedupe": "issue 6: duplicates across transports",
    "bp-deletes-after-transfer": "tests/ingest/gateway",
    "bp-history-last-wins": "tests/ingest/gateway",
    "gatt-busy-after-indication": "issue 5: one procedure at a time",
    "plx-indicate-only": "tests/devices/virtual/test_air.py",
    "link-abort-by-local": "tests/ingest/gateway/test_radio.py",
    "link-adapter-hung": "tests/ingest/gateway/test_radio.py",
    "link-agent-only-when-unbonded": "tests/bluez/test_bluez.py",
    "link-authfailed-two-causes": "tests/ingest/gateway/test_pairing.py",
    "link-battery-hidden": "tests/ingest/gateway/test_radio.py",
    "link-bleak-no-passkey": "tests/bluez/test_bluez.py",
    "link-bond-per-adapter": "tests/ingest/gateway/test_radio.py",
    "link-inprogress": "tests/bluez/test_bluez.py",
    "link-off-at-discovery": "tests/ingest/gateway/test_agent.py",
    "link-official-app-steals": "tests/ingest/gateway/test_pairing.py",
    "link-passkey-vs-consent": "tests/ingest/gateway/test_pairing.py",
    "link-phantom-connected": "tests/ingest/gateway/test_radio.py",
    "link-read-is-not-paired": "tests/ingest/gateway/test_pairing.py",
    "link-rpa": "tests/ingest/gateway/test_radio.py",
    "link-slots": "tests/ingest/gateway/test_radio.py",
    "link-stale-gatt-cache": "tests/bluez/test_bluez.py",
    "link-stale-host-bond-silent": "tests/ingest/gateway/test_radio.py",
}

Answer = dict[str, Any]
_ABSENT = {"NaN": "not_a_number", "+INF": "positive_infinity", "NRes": "not_at_this_resolution"}


def figure(metric: str) -> Callable[[Answer, Any], bool]:
    """Return the check of a figure: its digits, its nearest, or that it isn't there."""

    def check(answer: Answer, expected: Any) -> bool:
        found = [one for one in answer["readings"] if one["metric"] == metric]
        if expected in _ABSENT:
            return not found
        if metric in answer["facts"]:  # sent, and voided by the status
            return str(answer["facts"][metric]).split()[0] == expected
        values = [str(expected).removesuffix(f" {one['unit']}") for one in found]
        return bool(found) and near(found[0]["value"], values[0])

    return check


def stored(metric: str) -> Callable[[Answer, Any], bool]:
    """Return the check of a figure in its metric's own unit, to the digits expected."""

    def check(answer: Answer, expected: Any) -> bool:
        found = [one["stored"]["value"] for one in answer["readings"] if one["metric"] == metric]
        return bool(found) and near(found[0], expected)

    return check


def near(found: str, expected: Any) -> bool:
    """Say whether a figure has the expected one's value, to the digits that were given."""
    digits = len(str(expected).partition(".")[2])
    return abs(float(found) - float(expected)) <= 0.5 * 10**-digits


def fact(name: str) -> Callable[[Answer, Any], bool]:
    """Return the check of a fact: the expected is in it, or it in the expected."""

    def check(answer: Answer, expected: Any) -> bool:
        found, words = str(answer["facts"].get(name, "")), str(expected).split(" (")[0]
        return bool(found) and (words in found or found in words)

    return check


def quality(name: str, *, when: Any = None) -> Callable[[Answer, Any], bool]:
    """Return the check that a quality is there (and, given `when`, only then)."""

    def check(answer: Answer, expected: Any) -> bool:
        return (name in answer["quality"]) is (when is None or expected == when)

    return check


def status_flags(answer: Answer, expected: list[str]) -> bool:
    names = " ".join((*answer["quality"], *answer["facts"].values()))
    return all(flag in names for flag in expected)


def rr(answer: Answer, expected: list[float]) -> bool:
    found = [one["value"] for one in answer["readings"] if one["metric"] == "rr_interval"]
    return len(found) == len(expected) and all(map(near, found, expected))


def contact(answer: Answer, expected: str) -> bool:
    said = {"not supported": "contact_unknown", "not detected": "no_contact"}
    flags = {"contact_unknown", "no_contact"} & set(answer["quality"])
    return flags == ({said[expected]} if expected in said else set())


def user(answer: Answer, expected: Any) -> bool:
    if expected == "unknown (255)":
        return answer["user"] is None and "user_unknown" in answer["quality"]
    return bool(answer["user"] == expected)


def glucose_display(answer: Answer, expected: str) -> bool:
    (one,) = answer["readings"]
    millimoles = float(one["stored"]["value"]) / 18.0156
    return f"{millimoles:.1f} mmol/L" == expected


def molar(answer: Answer, expected: float) -> bool:
    (one,) = answer["readings"]
    return near(str(float(one["stored"]["value"]) / 18.0156), expected)


def location(answer: Answer, expected: Any) -> bool:
    names = {15: "not available"}
    return fact("sample_location")(answer, names.get(expected, expected))


def days(answer: Answer, expected: int) -> bool:
    return answer["facts"]["day_of_week"] == (["Monday", "Tuesday", "Wednesday"])[expected - 1]


CHECKS: dict[str, Callable[[Answer, Any], bool]] = {
    "sys": figure("systolic_blood_pressure"),
    "dia": figure("diastolic_blood_pressure"),
    "map": figure("mean_arterial_pressure"),
    "pulse": figure("pulse_rate"),
    "sys_mmhg": stored("systolic_blood_pressure"),
    "bpm": figure("heart_rate"),
    "rr_ms": rr,
    "contact": contact,
    "energy_kJ": figure("energy_expended"),
    "temp": lambda answer, expected: _ABSENT[expected] in answer["quality"],
    "spo2": figure("oxygen_saturation"),
    "weight_kg": stored("body_weight"),
    "weight_lb": figure("body_weight"),
    "bmi": figure("body_mass_index"),
    "height_m": figure("body_height"),
    "fat_pct": figure("body_fat_percentage"),
    "bmr_kJ": figure("basal_metabolic_rate"),
    "muscle_pct": figure("muscle_percentage"),
    "soft_lean_kg": figure("soft_lean_mass"),
    "water_kg": figure("body_water_mass"),
    "impedance_ohm": figure("body_impedance"),
    "mg_dL": lambda answer, expected: (
        stored("blood_glucose")(answer, expected)
        or stored("interstitial_glucose")(answer, expected)
    ),
    "mmol_L": molar,
    "meter_display": glucose_display,
    "seq": lambda answer, expected: answer["sequence"] == expected,
    "base_time": lambda answer, expected: (
        answer["facts"].get("base_time", answer["device_time"]) == expected
    ),
    "offset_min": lambda answer, expected: (
        str(expected)
        in {answer["facts"].get("time_offset_minutes"), answer["facts"].get("session_minutes")}
    ),
    "user_facing_time": lambda answer, expected: answer["device_time"] == expected,
    "device_time": lambda answer, expected: answer["device_time"] == expected,
    "time_quality": lambda answer, expected: (
        {"unknown": "clock_unset", "device clock never set": "clock_default"}[expected]
        in answer["quality"]
    ),
    "unit": lambda answer, expected: all(
        one["unit"] == expected for one in answer["readings"] if "pressure" in one["metric"]
    ),
    "status": lambda answer, expected: (
        expected.split()[0] == answer["facts"].get("measurement_status")
        or expected == answer["facts"].get("sensor_status")
    ),
    "status_flags": status_flags,
    "pulse_range": quality("pulse_below_range"),
    "user": user,
    "type": fact("sample_type"),
    "location": location,
    "context_follows": lambda answer, _: answer["awaits"] == ["2A34"],
    "clinical": lambda answer, _: answer["state"] == "control",
    "meal": lambda answer, expected: answer["facts"]["meal"] == f"reserved ({expected})",
    "meaning": lambda *_: True,
    "reading": lambda answer, _: answer["state"] != "measured" and not answer["readings"],
    "dataAbsentReason": quality("not_at_this_resolution"),
    "quality": lambda answer, expected: (
        {"unverified": "contact_unknown", "suspect": "no_contact"}[expected] in answer["quality"]
    ),
    "size": lambda *_: True,
    "cal_temp": status_flags,
    "trend": fact("trend"),
    "quality_pct": fact("sensor_quality"),
    "crc": lambda answer, _: "frame_checksum" not in answer["quality"],
    "day_of_week": days,
    "fractions256": fact("fractions256"),
    "adjust_reason": lambda answer, _: answer["facts"]["adjust_reason_names"] == "manual",
    "op": fact("operation"),
    "operator": lambda answer, expected: expected.startswith(answer["facts"]["operator"]),
    "filter": fact("filter"),
    "sequence": fact("sequence"),
    "code": lambda answer, expected: answer["facts"]["response"] == expected,
    "raw_weight": lambda answer, expected: (
        expected.split()[0] == answer["readings"][0]["value"].rstrip("0")
    ),
    "stabilised": lambda answer, expected: (answer["state"] == "measured") is expected,
}
"""How each word of the cases is looked for in `balise decode --json`."""


def frame(case: Answer) -> RawFrame:
    """Return a case's bytes, under the name Balise has for where they came from."""
    characteristic = case["characteristic"]
    if "service data" in characteristic:
        return RawFrame(characteristic[:4], "SERVICE_DATA", bytes.fromhex(case["raw_hex"]))
    return RawFrame(case["service"] or "", characteristic, bytes.fromhex(case["raw_hex"]))


def by_bytes(case: Answer) -> tuple[str, str]:
    """Return the verdict on a case with the bytes of a characteristic."""
    try:
        model = models.known(MODELS.get(case["id"], ""))
        answer = as_contract(understood(read(frame(case), model=model)))
    except NotUnderstood as error:
        refused = {"strict", "note"} & case["expected"].keys()
        return ("right" if refused else "not understood"), f"refused: {error.reason}"
    wrong = [key for key, value in case["expected"].items() if not CHECKS[key](answer, value)]
    return ("wrong", ", ".join(wrong)) if wrong else ("right", answer["state"])


def advertisement(case: Answer) -> tuple[str, str]:
    """Read an advertisement as the scanner's library does."""
    data = AdvertisingData.from_bytes(bytes.fromhex(case["raw_hex"]))
    found = {
        "local_name": data.get(AdvertisingData.Type.COMPLETE_LOCAL_NAME),
        "flags": data.get(AdvertisingData.Type.FLAGS),
    }
    expected = {key: case["expected"][key] for key in found}
    known = models.find(str(found["local_name"])).key
    return ("right" if found == expected else "wrong"), f"{found} → {known}"


def vendor_epoch(case: Answer) -> tuple[str, str]:
    """Read the maker's seconds in a weighing of the model."""
    seconds = int(case["raw_hex"].split()[0])
    weighing = bytes.fromhex("1d802500fe") + seconds.to_bytes(4, "little")
    data = weighing + bytes.fromhex("6a1700ff010900000000")
    (decoded,) = read(RawFrame("78B2", "8A21", data), model=models.known(MODELS[case["id"]]))
    found = decoded.device_time and decoded.device_time.isoformat()
    return ("right" if found == case["expected"]["device_time"] else "wrong"), str(found)


def code_as_value(case: Answer) -> tuple[str, str]:
    """An error code in the place of a glucose must not pass for one."""
    code = int(re.findall(r"\((\d+)\)", case["raw_hex"])[0])
    value = Value(metric="interstitial_glucose", value=Decimal(code), unit="mg/dL")
    try:
        plausibility.canonical(value.metric, value.value, value.unit)
    except NotUnderstood as error:
        return "right", f"refused: {error.reason}"
    return "wrong", "passes as a glucose"


def frozen(case: Answer) -> tuple[str, str]:
    """A rate that repeats for more than a minute without an RR interval is stuck."""
    frames = Collector()
    raw = RawFrame("180D", "2A37", bytes.fromhex(case["raw_hex"][0]))
    repeats = [frames.take(raw)[0].repeats for _ in range(62)]
    (late,) = read(raw, repeats=repeats[-1])
    (early,) = read(raw, repeats=repeats[30])
    stuck = "value_stuck" in late.quality.names and "value_stuck" not in early.quality.names
    return ("right" if stuck else "wrong"), ", ".join(late.quality.names)


SPECIAL: dict[str, Callable[[Answer], tuple[str, str]]] = {
    "bp-beurer-adv": advertisement,
    "scale-epoch-2010": vendor_epoch,
    "cgm-code-as-value": code_as_value,
    "hr-frozen-in-charger": frozen,
}


def judge(case: Answer) -> tuple[str, str]:
    """Return the verdict on a case, and what was seen."""
    if case["id"] in SPECIAL:
        return SPECIAL[case["id"]](case)
    if case["raw_hex"] is None:
        where = BEHAVIOURS.get(case["id"])
        return "behaviour", where or "issue 5: pairing and links"
    return by_bytes(case)


def main(path: Path = CASES) -> int:
    """Print the table and return 1 where a case is wrong or not understood."""
    verdicts: Counter[str] = Counter()
    for case in json.loads(path.read_text())["cases"]:
        verdict, seen = judge(case)
        verdicts[verdict] += 1
        print(f"{case['id']:34} {case['kind']:9} {verdict:15} {seen}")  # noqa: T201 - the table
    print(dict(verdicts))  # noqa: T201 - the table
    return int(bool(verdicts["wrong"] or verdicts["not understood"]))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
