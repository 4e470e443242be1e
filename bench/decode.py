"""`balise bench decode`: our decoders beside labmcp-ble-health, in one run, frame by frame.

Ratios are medians of rounds that alternate between the two; `columns` is the way of many frames
at once, `frames` that of one. The oracle is a test package: `./run test` installs it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from balise.errors import UsageError
from devices import columns, registry
from devices.frame import Frame

_ROUNDS, _FRAMES = 7, 20_000


@dataclass(frozen=True, slots=True)
class Case:
    """Frames of one characteristic, and the other library's function for it."""

    name: str
    characteristic: str
    peer: str
    frames: tuple[str, ...]


CASES = (
    Case("heart rate", "2A37", "parse_heart_rate_measurement", ("0053", "1648aa02", "0048")),
    Case("heart rate, 2 RR", "2A37", "parse_heart_rate_measurement", ("1650d402a002",)),
    Case(
        "blood pressure",
        "2A35",
        "parse_blood_pressure_measurement",
        ("167c0056006100e807060f11111b33000000", "067d005800ff07e107010100003b5f00"),
    ),
    Case("temperature", "2A1C", "parse_temperature_measurement", ("066e0100ffe807060f11111b02",)),
    Case("weight", "2A9D", "parse_weight_measurement", ("0ef22fe507071715211f02d400a406",)),
    Case("oximeter, spot", "2A5E", "parse_plx_spot_check", ("02610048000020",)),
    Case("oximeter, stream", "2A5F", "parse_plx_continuous", ("0061004800",)),
)


def main() -> None:
    """Print, for each characteristic, microseconds a frame and how many times the peer's speed."""
    try:
        peer = import_module("labmcp_ble_health.driver")
    except ImportError as error:
        raise UsageError("labmcp-ble-health is not here: run `./run test` once") from error
    for case in CASES:
        print(json.dumps(_measured(case, getattr(peer, case.peer))))


def _measured(case: Case, peer: Callable[[bytes], Any]) -> dict[str, Any]:
    frame = registry.find(case.characteristic)
    if not isinstance(frame, Frame):  # pragma: no cover - the cases above are all frames
        raise TypeError(case.characteristic)
    some = [bytes.fromhex(one) for one in case.frames]
    frames = (some * (_FRAMES // len(some) + 1))[:_FRAMES]
    ways: dict[str, Callable[[], object]] = {
        "peer": lambda: [peer(one) for one in frames],
        "frames": lambda: [frame.decode(one) for one in frames],
        "columns": lambda: columns.decode(frame, frames),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            spent[name].append((time.perf_counter() - begun) / _FRAMES * 1e6)
    return _report(case, {name: statistics.median(times) for name, times in spent.items()})


def _report(case: Case, medians: dict[str, float]) -> dict[str, Any]:
    return {
        "characteristic": case.characteristic,
        "case": case.name,
        **{f"{name}_us": round(median, 3) for name, median in medians.items()},
        "frames_times_peer": round(medians["peer"] / medians["frames"], 1),
        "columns_times_peer": round(medians["peer"] / medians["columns"], 1),
    }
