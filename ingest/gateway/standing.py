"""What the box last said of itself, in a file beside its spool, and whether its process runs.

Commands on the box read it, and so does the process itself when it starts: a start must not make
a device look as if it had never been heard.
"""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from ingest.gateway import health
from ingest.gateway.box import Box
from ingest.gateway.health import Health
from ingest.gateway.visit import Contact

_log = structlog.get_logger(__name__)
_SECONDS = 60.0


def read(folder: Path) -> Health | None:
    """Return what was said last, None where nothing was or the file is no such message."""
    try:
        return health.read((folder / "status.json").read_bytes())
    except FileNotFoundError:
        return None


def remember(folder: Path, contacts: Mapping[str, Contact]) -> None:
    """Fill in what was known of the devices before this start."""
    said = read(folder)
    for one in said.devices if said else ():
        contact = contacts.get(one.address.upper())
        if contact is not None:
            contact.heard_at, contact.told_at = one.heard_at, one.told_at
            contact.battery, contact.battery_at = one.battery, one.battery_at


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Let others see that the process runs; a process that is killed lets go by itself."""
    with (folder / "running").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def runs(folder: Path) -> bool:
    """Say whether the gateway's process runs."""
    try:
        with (folder / "running").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


async def keep(
    folder: Path,
    box: Box,
    say: Callable[[], bytes],
    changed: asyncio.Event | None = None,
    every: float = _SECONDS,
) -> None:
    """Look at the radio and write what there is to say: each minute, at a change, at the end."""
    changed = changed or asyncio.Event()
    with held(folder):
        try:
            while True:
                await box.look()
                _write(folder, say)
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), every)
                changed.clear()
        finally:
            _write(folder, say)


def _write(folder: Path, say: Callable[[], bytes]) -> None:
    """Write the file whole or not at all, without waiting for the disk: it is only the latest."""
    new = folder / ".status.json.new"
    try:
        new.touch(0o600)
        new.write_bytes(say())
        new.replace(folder / "status.json")
    except (OSError, sqlite3.Error) as error:
        _log.warning("status_unwritten", error=str(error))
