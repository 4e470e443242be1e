"""`balise decode`: bytes, documents and files to readings, for anyone who has a question."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from balise.errors import NotUnderstood, PartlyRefused, Reason, UsageError, exit_code
from balise.metrics import METRICS
from balise.model import Decoded, Value
from devices import models, plausibility, session
from devices.payloads import CONVENTIONS
from devices.session import RawFrame


def decode_command(
    target: str,
    data: str,
    *,
    service: str | None,
    model: str | None,
    companions: Sequence[str],
    from_file: Path | None,
    is_base64: bool,
    as_json: bool,
) -> None:
    """Print what was given says; end with 65 and a reason where it says nothing."""
    try:
        if target in CONVENTIONS:
            text = _text(from_file) if from_file else data
            found = understood(CONVENTIONS[target].read(text))
        else:
            frame = _frame(target, _bytes(data, from_file, is_base64=is_base64), service)
            beside = tuple(_frame(*_pair(one), None) for one in companions)
            found = understood(
                session.read(frame, beside, model=models.find(model) if model else None)
            )
    except NotUnderstood as error:
        _refuse(error, as_json=as_json)
    else:
        _print(found, as_json=as_json)


def decode_file(path: Path, *, as_json: bool) -> None:
    """Print every data point of a file, one a line; end with 3 where some are refused."""
    from ingest import documents

    refused = 0
    try:
        for document in documents.read(path):
            try:
                found = understood(CONVENTIONS[document.convention].read(document.text))
                _print(found, as_json=as_json)
            except NotUnderstood as error:
                refused += 1
                _say(error, as_json=as_json)
    except NotUnderstood as error:
        _refuse(error, as_json=as_json)
    if refused:
        raise PartlyRefused(f"{refused} data points of {path.name} are not understood")


def understood(found: tuple[Decoded, ...]) -> tuple[Decoded, ...]:
    """Return what was decoded; refuse it where there is nothing, or nothing that can be true."""
    if not found:
        raise NotUnderstood("nothing to read in it", reason=Reason.NO_READING)
    for decoded in found:
        plausibility.together(decoded.readings)
        refusals = [error for value in decoded.readings if (error := _impossible(value))]
        if refusals and len(refusals) == len(decoded.readings):
            raise refusals[0]
    return found


def _impossible(value: Value) -> NotUnderstood | None:
    try:
        plausibility.canonical(value.metric, value.value, value.unit)
    except NotUnderstood as error:
        return error
    return None


def _frame(target: str, raw: bytes, service: str | None) -> RawFrame:
    of, _, characteristic = target.rpartition("/")
    return RawFrame(of or service or "", characteristic.upper(), raw)


def _pair(companion: str) -> tuple[str, bytes]:
    """Return the characteristic and the bytes of CHARACTERISTIC:HEX."""
    target, colon, data = companion.partition(":")
    if not colon:
        raise UsageError(f"{companion}: write a companion as 2A34:020400…")
    return target, _bytes(data, None, is_base64=False)


def _bytes(data: str, from_file: Path | None, *, is_base64: bool) -> bytes:
    if from_file is not None:
        return _content(from_file)
    try:
        if is_base64:
            return base64.b64decode(data, validate=True)
        return bytes.fromhex(data.removeprefix("0x"))
    except (ValueError, binascii.Error) as error:
        kind = "base64" if is_base64 else "hexadecimal: write 167c00… without signs, or --base64"
        raise UsageError(f"{data} is not {kind}") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error


def _text(path: Path) -> str:
    try:
        return _content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"{path.name} is not UTF-8 text") from error


def as_contract(found: tuple[Decoded, ...]) -> dict[str, Any]:
    """Return the answer whose shape later versions keep; values are decimal strings.

    A frame with several records gives its first, and the others under `more`.
    """
    answer = _one(found[0])
    if len(found) > 1:
        answer["more"] = [_one(decoded) for decoded in found[1:]]
    return answer


def _one(decoded: Decoded) -> dict[str, Any]:
    return {
        "service": decoded.service,
        "characteristic": decoded.characteristic,
        "readings": [_reading(value) for value in decoded.readings],
        "device_time": decoded.device_time.isoformat() if decoded.device_time else None,
        "utc_offset_minutes": decoded.utc_offset,
        "taken_at": decoded.taken_at.isoformat() if decoded.taken_at else None,
        "time": _time_state(decoded),
        "sequence": decoded.sequence,
        "user": decoded.user,
        "quality": decoded.quality.names,
        "state": decoded.state.value,
        "facts": dict(decoded.facts),
        "awaits": list(decoded.awaits),
    }


def _reading(value: Value) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "metric": value.metric,
        "value": format(value.value, "f"),
        "unit": value.unit,
        "precision": format(Decimal(1).scaleb(_exponent(value)), "f"),
        "quality": value.quality.names,
    }
    try:
        canonical, quality = plausibility.canonical(value.metric, value.value, value.unit)
    except NotUnderstood as error:
        return answer | {"refused": error.reason}
    return answer | {
        "stored": {
            "value": format(canonical, "f"),
            "unit": METRICS[value.metric].unit,
            "quality": quality.names,
        },
    }


def _exponent(value: Value) -> int:
    exponent = value.value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _time_state(decoded: Decoded) -> str:
    """Return how the time is known: stated, by the device's clock, or why it is not."""
    against = [name for name in decoded.quality.names if name.startswith("clock_")]
    if against:
        return " ".join(against)
    if decoded.taken_at is not None:
        return "stated"
    return "device_clock" if decoded.device_time is not None else "none"


def _print(found: tuple[Decoded, ...], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(as_contract(found)))  # noqa: T201 - the answer
        return
    for decoded in found:
        _show(decoded)


def _show(decoded: Decoded) -> None:
    console = Console()
    rows = [(value.metric, f"{value.value:f} {value.unit}") for value in decoded.readings]
    rows += decoded.facts
    if decoded.device_time:
        rows.append(("device time", decoded.device_time.isoformat(sep=" ")))
    if decoded.taken_at:
        rows.append(("taken at", decoded.taken_at.isoformat(sep=" ")))
    if decoded.user is not None:
        rows.append(("user", str(decoded.user)))
    if decoded.quality:
        rows.append(("quality", ", ".join(decoded.quality.names)))
    if decoded.awaits:
        rows.append(("awaits", ", ".join(decoded.awaits)))
    for name, text in (*rows, ("state", decoded.state.value)):
        console.print(f"{name:28} {text}", highlight=False, markup=False)


def _say(error: NotUnderstood, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": str(error), "reason": error.reason}))  # noqa: T201 - the answer
    else:
        Console(stderr=True).print(f"{error.reason}: {error}", markup=False)


def _refuse(error: NotUnderstood, *, as_json: bool) -> None:
    if not as_json:
        raise error
    _say(error, as_json=True)
    sys.exit(exit_code(error))
