"""Copy a server into a folder: every so many days a base copy, and each time its log up to now.

It may be killed at any moment: what has no file in the folder yet, the server still keeps.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from balise.errors import UsageError
from balise.sealed_archive import Recipient, recipients, writing
from balise.wal import server
from balise.wal.server import SEGMENT, Connection, Piece, Slot

_TIME = "%Y%m%dT%H%M%SZ"
_NAMED = "balise_%Y%m%d_%H%M%S_%f"
_NAME = re.compile(r"balise_\d{8}_\d{6}_\d{6}")


@dataclass(frozen=True, slots=True)
class Chain:
    """What came by one slot, whose name its folder has: a base copy, and the log from before it."""

    base: Path

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.base.parent

    @property
    def since(self) -> datetime:
        """The first moment that can be gone back to."""
        return time_of(self.base)

    @property
    def until(self) -> datetime:
        """The last one."""
        return max([time_of(self.base), *(time_of(path) for _, _, path in self._newest)])

    def log(self) -> list[tuple[int, int, Path]]:
        """Return the pieces of the log, each with where it begins and where the next one does."""
        found: list[tuple[int, int, Path]] = []
        for path in sorted(self.folder.glob("wal-*.age")):
            _, start, end, _ = path.stem.split("-")
            found.append((int(start, 16), int(end, 16), path))
        return found

    @property
    def _newest(self) -> list[tuple[int, int, Path]]:
        """The last piece; none yet, just after the base copy."""
        return self.log()[-1:]

    def goes_on(self, slot: Slot) -> int:
        """Return where: first at the beginning of a file of the log, which PostgreSQL looks at."""
        return max([slot.at - slot.at % SEGMENT, *(end for _, end, _ in self._newest)])

    def can_go_on(self, slot: Slot, now: int) -> bool:
        """Say whether the server keeps what comes next, and its log has come as far as ours.

        One that was set back to an earlier moment has another history from there on. After a crash
        the slot is behind what we confirmed, but the log is not.
        """
        return not slot.lost and all(slot.at <= end <= now for _, end, _ in self._newest)


def chains(folder: Path) -> dict[str, Chain]:
    """Return the chains of a folder by name, the oldest first."""
    return {
        one.name: Chain(path)
        for one in _folders(folder)
        for path in one.iterdir()  # not glob, which takes what it may not read for empty
        if path.name.startswith("base-") and path.suffix == ".age"
    }


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if _NAME.fullmatch(one.name))


def time_of(path: Path) -> datetime:
    """Return the moment that a file of a chain goes up to."""
    return datetime.strptime(path.stem.rpartition("-")[2], _TIME).replace(tzinfo=UTC)


def copy(url: str, folder: Path, to: str, *, days: float, keep: int) -> Iterator[Path]:
    """Bring a folder up to now; yield each file once it is safe."""
    keys = recipients(to)
    if keep < 1:
        raise UsageError("one copy must stay: --keep 1")
    with _alone(folder), server.connected(url) as connection:
        slots = _kept(connection, folder)
        _sweep(folder, slots, days=days, keep=keep)
        if not slots or _is_old(chains(folder)[slots[-1].name], days):
            new = folder / _next_name(folder)
            new.mkdir(mode=0o700)
            _settled(new)
            slots.append(server.reserve(connection, new.name))
            yield _base(connection, new, keys)
        # The chain before a new one too: so it ends after the new base copy is whole.
        for slot in slots:
            chain, now = chains(folder)[slot.name], server.mark(connection)
            before = chain.until
            for piece in server.pieces(connection, slot, chain.goes_on(slot)):
                yield _add(chain, piece, now if piece.last else before, keys)
        for slot in slots[:-1]:
            server.release(connection, slot)
        _sweep(folder, slots[-1:], days=days, keep=keep)


def _next_name(folder: Path) -> str:
    """Return a name after all there are, whatever the clock said when they were made."""
    now = f"{datetime.now(UTC):{_NAMED}}"
    last = max((one.name for one in _folders(folder)), default="")
    if now > last:
        return now
    after = datetime.strptime(last, _NAMED).replace(tzinfo=UTC) + timedelta(microseconds=1)
    return f"{after:{_NAMED}}"


def _sweep(folder: Path, held: Sequence[Slot], *, days: float, keep: int) -> None:
    """Remove what was left half, and chains beyond those that stay which ended long enough ago.

    Before a base copy too, whose room they may have. Attempts alone push no chain out.
    """
    every = chains(folder)
    for one in _folders(folder):
        if one.name not in every:
            shutil.rmtree(one)
        for left in one.glob(".*.new"):
            left.unlink()
    old = datetime.now(UTC) - timedelta(days=days * (keep - 1))
    ended = {name: one for name, one in every.items() if name not in {one.name for one in held}}
    beyond = list(every)[:-keep]
    for name, chain in ended.items():
        # One without log nothing makes whole any more.
        if not chain.log() or (name in beyond and chain.until <= old):
            shutil.rmtree(chain.folder)


def _kept(connection: Connection, folder: Path) -> list[Slot]:
    """Return the slots that go on, and let go of the others."""
    kept: list[Slot] = []
    now = server.here(connection)
    for slot in server.slots(connection):
        if not (folder / slot.name).is_dir():
            raise UsageError(
                f"{folder} has no {slot.name}, for which the server keeps its log: name the folder"
                f" that has it, or let go with SELECT pg_drop_replication_slot('{slot.name}')"
            )
        chain = chains(folder).get(slot.name)
        if chain and chain.can_go_on(slot, now):
            kept.append(slot)
        else:
            server.release(connection, slot)
    return kept


def _is_old(chain: Chain, days: float) -> bool:
    # Of a clock that once was ahead, it is too.
    return abs(datetime.now(UTC) - chain.since) >= timedelta(days=days)


def _base(connection: Connection, folder: Path, keys: list[Recipient]) -> Path:
    with writing(folder / "base", keys) as archive:
        for name, blocks in server.base(connection):
            archive.add(name, blocks)
    # Rounded up, and waited for: from then on every second can be gone back to, and none before.
    whole = server.mark(connection).astimezone(UTC) + timedelta(seconds=1)
    time.sleep(1)
    return _settled((folder / "base").rename(folder / f"base-{whole:{_TIME}}.age"))


def _add(chain: Chain, piece: Piece, until: datetime, keys: list[Recipient]) -> Path:
    name = f"wal-{piece.start:016X}-{piece.end:016X}-{until.astimezone(UTC):{_TIME}}.age"
    with writing(chain.folder / name, keys) as archive:
        archive.add("wal", [piece.data])
    return _settled(chain.folder / name)


def _settled(path: Path) -> Path:
    """Have its name reach the disk too: what is confirmed next, the server forgets."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return path


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder: a base copy may take longer than until the next one is asked for."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another one copies into {folder} already") from error
        yield
    finally:
        os.close(descriptor)
