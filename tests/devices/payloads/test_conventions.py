"""Payloads nobody here wrote, with the verdicts of those who did."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.errors import NotUnderstood, PayloadError
from devices.payloads import CONVENTIONS
from devices.payloads.convention import Convention
from ingest import documents

CGM = CONVENTIONS["cgm_csv"].read


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=lambda one: one.name)
@given(text=st.text(max_size=100))
def test_any_text_is_read_or_refused(convention: Convention, text: str):
    try:
        assert convention.read(text)
    except NotUnderstood:
        return


@pytest.mark.parametrize("row", ["S1,2015-06-06 16:50:27,LO", "S1,yesterday,153", "S1,,"])
def test_a_bad_row_of_a_glucose_series_is_refused(row: str):
    with pytest.raises(PayloadError):
        CGM(f"id,time,gl\n{row}\n")


@pytest.mark.shared
def test_a_glucose_series_row_by_row(shared: Path):
    rows = list(documents.read(shared / "data/cgm/subject_1.csv"))
    assert len(rows) == 2915
    values = [CGM(row.text)[0].readings[0].value for row in rows]
    # The mean published with the file.
    assert float(sum(values) / len(values)) == pytest.approx(123.665523, abs=1e-6)
