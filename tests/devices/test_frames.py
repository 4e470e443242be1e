"""Every declared characteristic, against bytes nobody here made, and against any bytes at all."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.decode import as_contract, understood
from balise.errors import FrameError, NotUnderstood
from balise.metrics import METRICS
from balise.model import Decoded, State
from devices import models, registry, units
from devices.codec import Characteristic
from devices.frame import Frame
from devices.models import MODELS
from devices.parts import Number
from devices.session import RawFrame, read

VECTORS = Path(__file__).parent.parent / "vectors"
FRAMES = [one for one in registry.CHARACTERISTICS if isinstance(one, Frame)]
FRAMES += [frame for model in MODELS for frame in model.frames]


def rows(name: str) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in json.loads((VECTORS / name).read_text())]


def decode(row: dict[str, Any]) -> tuple[Decoded, ...]:
    frame = RawFrame(row.get("service", ""), row["characteristic"], bytes.fromhex(row["hex"]))
    return understood(read(frame, model=models.known(row.get("model", ""))))


def figures(readings: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(one["metric"], one["value"], one["unit"]) for one in readings]


@pytest.mark.parametrize("row", rows("frames.json"))
def test_the_right_answer(row: dict[str, Any]):
    answer = as_contract(decode(row))
    assert figures(answer["readings"]) == figures(row["readings"])
    for key in ("device_time", "quality", "state"):
        assert answer[key] == row[key], key
    for key in ("user", "sequence", "awaits", "utc_offset_minutes"):
        if key in row:
            assert answer[key] == row[key], key
    assert row.get("facts", {}).items() <= answer["facts"].items()
    more = [list(figure) for one in answer.get("more", ()) for figure in figures(one["readings"])]
    assert more == row.get("more", [])


@pytest.mark.parametrize("row", rows("refused_frames.json"))
def test_the_right_refusal(row: dict[str, Any]):
    with pytest.raises(NotUnderstood) as refused:
        decode(row)
    assert refused.value.reason == row["reason"]


def test_every_kind_of_frame_has_a_vector():
    vectors = json.loads((VECTORS / "frames.json").read_text())
    seen = {row["characteristic"] for row in vectors}
    measured = {
        one.characteristic for one in registry.CHARACTERISTICS if one.state is State.MEASURED
    }
    # No bytes of these are known from any device, document or other implementation.
    assert measured - seen == {"2B3D", "2B3E", "2B41", "2B42", "8A22"}


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
def test_every_declaration(frame: Frame):
    for part in frame.parts:
        if isinstance(part, Number):
            # Known, and convertible: an unknown unit would refuse every reading.
            units.convert(Decimal(1), part.unit, METRICS[part.metric].unit)
    assert all(not part.many for part in frame.parts[:-1])


def test_no_two_declarations_share_a_key():
    keys = [
        (service, one.characteristic)
        for one in registry.CHARACTERISTICS
        for service in (one.service, *one.also)
    ]
    assert len(keys) == len(set(keys))


ONES = [*registry.CHARACTERISTICS, *(frame for model in MODELS for frame in model.frames)]


@pytest.mark.parametrize("one", ONES, ids=lambda one: f"{one.characteristic}-{one.name}")
@given(data=st.binary(max_size=64))
def test_any_bytes_are_a_value_or_an_error_of_ours(one: Characteristic, data: bytes):
    try:
        found = one.decode(data)
    except FrameError:
        return
    assert found
    for decoded in found:
        assert isinstance(decoded, Decoded)
        assert all(value.value.is_finite() for value in decoded.readings)


@pytest.mark.parametrize("row", rows("frames.json"))
def test_every_cut_of_a_good_frame_is_refused(row: dict[str, Any]):
    whole = bytes.fromhex(row["hex"])
    one = registry.find(
        row["characteristic"], row.get("service"), model=models.known(row.get("model", ""))
    )
    for length in range(len(whole)):
        try:
            shorter = one.decode(whole[:length])
        except FrameError:
            continue
        # A list may end early, text is as long as it is, a count has 2 or 4 bytes.
        assert row["characteristic"] in {"2A37", "2A9F", "2BFF", "2BF2", "2A52"}, length
        assert shorter != one.decode(whole) or not any(whole[length:])


@pytest.mark.parametrize("row", [*islice(rows("frames.json"), 20)])
def test_a_byte_too_many_is_refused(row: dict[str, Any]):
    if row["characteristic"] == "2A37":
        return
    with pytest.raises(FrameError):
        registry.decode(row["characteristic"], bytes.fromhex(row["hex"]) + b"\0")


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
