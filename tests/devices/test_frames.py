"""Every declared frame, against bytes nobody here made, and against any bytes at all."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.decode import as_contract
from balise.errors import FrameError
from balise.metrics import METRICS
from balise.model import Decoded
from devices import FRAMES, registry, units
from devices.frame import Frame, Number

VECTORS = Path(__file__).parent.parent / "vectors"


def rows(name: str) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in json.loads((VECTORS / name).read_text())]


@pytest.mark.parametrize("row", rows("frames.json"))
def test_the_right_answer(row: dict[str, Any]):
    answer = as_contract(registry.decode(row["characteristic"], bytes.fromhex(row["hex"])))
    readings = [{**one, "quality": []} for one in row["readings"]]
    assert answer["readings"] == readings
    assert answer["device_time"] == row["device_time"]
    assert answer["quality"] == row["quality"]
    assert answer["state"] == row["state"]


@pytest.mark.parametrize("row", rows("refused_frames.json"))
def test_the_right_refusal(row: dict[str, Any]):
    with pytest.raises(FrameError) as refused:
        registry.decode(row["characteristic"], bytes.fromhex(row["hex"]))
    assert refused.value.reason == row["reason"]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.characteristic)
def test_every_declaration(frame: Frame):
    assert registry.find(frame.characteristic, frame.service) is frame
    numbers = [part for part in frame.parts if isinstance(part, Number)]
    assert any(not number.optional for number in numbers)
    for number in numbers:
        # Known, and convertible: an unknown unit would refuse every reading.
        units.convert(Decimal(1), number.unit, METRICS[number.metric].unit)


def test_no_two_frames_share_a_key():
    keys = [(frame.service, frame.characteristic) for frame in FRAMES]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.characteristic)
@given(data=st.binary(max_size=32))
def test_any_bytes_are_a_value_or_an_error_of_ours(frame: Frame, data: bytes):
    try:
        decoded = frame.decode(data)
    except FrameError:
        return
    else:
        assert isinstance(decoded, Decoded)
        assert all(value.value.is_finite() for value in decoded.readings)


@pytest.mark.parametrize("row", rows("frames.json"))
def test_every_cut_of_a_good_frame_is_refused(row: dict[str, Any]):
    whole = bytes.fromhex(row["hex"])
    frame = registry.find(row["characteristic"])
    for length in range(len(whole)):
        try:
            shorter = frame.decode(whole[:length])
        except FrameError:
            continue
        # Only a list of RR intervals may end early, and then one of them is missing.
        assert frame.characteristic == "2A37"
        assert len(shorter.readings) < len(row["readings"])


@pytest.mark.parametrize(
    ("uuid", "short"),
    [
        ("00002A35-0000-1000-8000-00805F9B34FB", "2A35"),
        ("2a35", "2A35"),
        ("6e400001-b5a3-f393-e0a9-e50e24dcca9e", "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"),
    ],
)
def test_uuids_are_shortened(uuid: str, short: str):
    assert registry.short_uuid(uuid) == short
