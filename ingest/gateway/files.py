"""Small files beside a spool, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import msgspec


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON that a person can read."""
    half = path.with_suffix(".new")
    half.write_bytes(msgspec.json.format(msgspec.json.encode(value)))
    half.replace(path)
