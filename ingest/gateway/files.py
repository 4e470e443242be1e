"""Small files beside a spool."""

from __future__ import annotations

from pathlib import Path

import msgspec

from balise.files import write


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON that its owner can read, whole or not at all."""
    write(path, msgspec.json.format(msgspec.json.encode(value)), 0o600)
