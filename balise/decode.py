"""`balise decode`: bytes to readings, for anyone who has a frame and a question."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

from balise.errors import NotUnderstood, UsageError, exit_code
from balise.model import Decoded
from devices import registry


def decode_command(characteristic: str, data: str, *, service: str | None, as_json: bool) -> None:
    """Print what the bytes say; end with 65 and a reason where they say nothing."""
    if "/" in characteristic:
        service, characteristic = characteristic.split("/", 1)
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError as error:
        raise UsageError(f"{data} is not hexadecimal: write 167c00… without signs") from error
    try:
        decoded = registry.decode(characteristic, raw, service=service)
    except NotUnderstood as error:
        if not as_json:
            raise
        print(json.dumps({"error": str(error), "reason": error.reason}))  # noqa: T201 - the answer
        sys.exit(exit_code(error))
    if as_json:
        print(json.dumps(as_contract(decoded)))  # noqa: T201 - the answer
    else:
        _show(decoded)


def as_contract(decoded: Decoded) -> dict[str, Any]:
    """Return the answer whose shape later versions keep; values are decimal strings."""
    return {
        "service": decoded.service,
        "characteristic": decoded.characteristic,
        "readings": [
            {
                "metric": value.metric,
                "value": format(value.value, "f"),
                "unit": value.unit,
                "quality": value.quality.names,
            }
            for value in decoded.readings
        ],
        "device_time": decoded.device_time.isoformat() if decoded.device_time else None,
        "quality": decoded.quality.names,
        "state": decoded.state.value,
    }


def _show(decoded: Decoded) -> None:
    console = Console()
    for value in decoded.readings:
        console.print(f"{value.metric:28} [bold]{value.value:f}[/] {value.unit}", highlight=False)
    if decoded.device_time:
        console.print(f"{'device time':28} {decoded.device_time.isoformat()}", highlight=False)
    if decoded.quality:
        console.print(f"{'quality':28} {', '.join(decoded.quality.names)}", highlight=False)
    console.print(f"{'state':28} {decoded.state.value}", highlight=False)
