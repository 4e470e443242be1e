"""How a system that can't be served is told so, and what its user can do instead."""

from __future__ import annotations

import shutil
from pathlib import Path

from balise.errors import StackUnavailable

INSTEAD = (
    "Instead, run `docker compose up`, or name servers of your own in BALISE_DATABASE_URL and "
    "BALISE_MQTT_URL."
)


def unavailable(reason: str) -> StackUnavailable:
    """Return the error that says why this system can't be served, and what to do instead."""
    return StackUnavailable(f"{reason.rstrip('.')}. {INSTEAD}")


def check_room(folder: Path, need: int) -> None:
    """Refuse to begin what would fill the disk."""
    if shutil.disk_usage(folder).free < need:
        raise unavailable(f"{folder} has less than {need / 1e9} GB free")
