from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.model import Quality
from devices.medfloat import float32, sfloat

READERS = {"FLOAT": float32, "SFLOAT": sfloat}
ABSENT = {
    "not-a-number": {Quality.NOT_A_NUMBER},
    "positive-infinity": {Quality.POSITIVE_INFINITY},
    "negative-infinity": {Quality.NEGATIVE_INFINITY},
    "error": {Quality.NOT_AT_THIS_RESOLUTION, Quality.RESERVED_VALUE},
}


@pytest.mark.shared
def test_every_row_of_the_hl7_phd_table(shared: Path):
    rows = list(csv.DictReader((shared / "data/hl7-phd/floats.csv").read_text().splitlines()))
    assert len(rows) == 26
    for row in rows:
        # The table writes the most significant byte first, as a number is written.
        found = READERS[row["kind"]](int(row["hex"], 16))
        if row["data_absent_reason"]:
            assert found in ABSENT[row["data_absent_reason"]]
        else:
            assert isinstance(found, Decimal)
            assert found == Decimal(row["fhir_value"])
            assert found.as_tuple().exponent == int(row["exponent"])


@pytest.mark.parametrize(
    ("hex_bytes", "text"),
    [("7800", "120"), ("a5f0", "16.5"), ("c2f3", "96.2"), ("14f0", "2.0"), ("c8e0", "2.00")],
)
def test_a_short_float_keeps_its_precision(hex_bytes: str, text: str):
    assert str(sfloat(int.from_bytes(bytes.fromhex(hex_bytes), "little"))) == text


def test_any_two_bytes_are_a_number_or_a_reason():
    assert all(isinstance(sfloat(word), (Decimal, Quality)) for word in range(1 << 16))


@given(st.integers(min_value=0, max_value=(1 << 32) - 1))
def test_any_four_bytes_are_a_number_or_a_reason(word: int):
    assert isinstance(float32(word), (Decimal, Quality))
