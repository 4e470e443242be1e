"""The devices a gateway listens for: a small file beside its spool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from balise import unreadable
from balise.errors import UsageError
from ingest.gateway import files


class KnownDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device of this home, by the address that lasts; `model` is a key of `balise devices list`.

    `adapter` is the address of the adapter that holds its bond: through another it is a stranger.
    `consents` are the User Data codes of a shared scale, by user number: without one it tells
    nothing.
    """

    address: str
    name: str = ""
    model: str = ""
    adapter: str = ""
    consents: dict[int, int] = {}


def folder(home: Path, gateway: str) -> Path:
    """Return where a gateway keeps its spool and its devices."""
    return home / "gateway" / gateway


def read(path: Path) -> list[KnownDevice]:
    """Return the devices of a file; UsageError says how to make one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[KnownDevice])
    except FileNotFoundError as error:
        raise UsageError(
            f'{path} is missing; write [{{"address": "AA:BB:CC:DD:EE:FF", "name": "cuff"}}] there'
        ) from error
    except unreadable.JSON as error:
        raise UsageError(f"{path}: {error}") from error


def write(path: Path, devices: Sequence[KnownDevice]) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, devices)
