"""Bytes and payloads to readings: pure, no I/O, no clock."""

from __future__ import annotations

from devices import blood_pressure, heart_rate, oximeter, thermometer, weight_scale
from devices.frame import Frame

FRAMES: tuple[Frame, ...] = (
    *heart_rate.FRAMES,
    *blood_pressure.FRAMES,
    *thermometer.FRAMES,
    *weight_scale.FRAMES,
    *oximeter.FRAMES,
)
"""Every characteristic Balise decodes; the registry test walks it."""
