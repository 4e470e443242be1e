"""Copy a server into a folder: every so many days a base copy, and each time its log up to now.

It may be killed at any moment: what has no file in the folder yet, the server still keeps.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from balise.errors import UsageError
from balise.sealed_archive import Recipient, recipients, writing
from balise.wal import server
from balise.wal.server import SEGMENT, Connection, Piece, Slot

_TIME = "%Y%m%dT%H%M%SZ"


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
        return max([time_of(self.base), *(time_of(path) for _, _, path in self.log()[-1:])])

    def log(self) -> list[tuple[int, int, Path]]:
        """Return the pieces of the log, each with where it begins and where the next one does."""
        found: list[tuple[int, int, Path]] = []
        for path in sorted(self.folder.glob("wal-*.age")):
            _, start, end, _ = path.stem.split("-")
            found.append((int(start, 16), int(end, 16), path))
        return found

    def goes_on(self, slot: Slot) -> int:
        """Return where: first at the beginning of a file of the log, which PostgreSQL looks at."""
        return max([slot.at - slot.at % SEGMENT, *(end for _, end, _ in self.log()[-1:])])

    def can_go_on(self, slot: Slot) -> bool:
        """Say whether the server still keeps what comes next."""
        return not slot.lost and all(end >= slot.at for _, end, _ in self.log()[-1:])


def chains(folder: Path) -> dict[str, Chain]:
    """Return the chains of a folder by name, the oldest first."""
    return {path.parent.name: Chain(path) for path in sorted(folder.glob("balise_*/base-*.age"))}


def time_of(path: Path) -> datetime:
    """Return the moment that a file of a chain goes up to."""
    return datetime.strptime(path.stem.rpartition("-")[2], _TIME).replace(tzinfo=UTC)


def copy(url: str, folder: Path, to: str, *, days: float, keep: int) -> Iterator[Path]:
    """Bring a folder up to now; yield each file once it is safe."""
    keys = recipients(to)
    with _alone(folder), server.connected(url) as connection:
        for left in folder.glob("*/.*.new"):
            left.unlink()
        slots = _kept(connection, folder)
        if not slots or _is_old(chains(folder)[slots[-1].name], days):
            new = folder / f"balise_{datetime.now(UTC):%Y%m%d_%H%M%S_%f}"
            new.mkdir(mode=0o700)
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
        for path in set(folder.glob("balise_*/")) - {
            one.folder for one in list(chains(folder).values())[-keep:]
        }:
            shutil.rmtree(path)


def _kept(connection: Connection, folder: Path) -> list[Slot]:
    """Return the slots that go on, and let go of the others."""
    kept: list[Slot] = []
    for slot in server.slots(connection):
        if not (folder / slot.name).is_dir():
            raise UsageError(
                f"{folder} has no {slot.name}, for which the server keeps its log: name the folder"
                f" that has it, or let go with SELECT pg_drop_replication_slot('{slot.name}')"
            )
        chain = chains(folder).get(slot.name)
        if chain and chain.can_go_on(slot):
            kept.append(slot)
        else:
            server.release(connection, slot)
    return kept


def _is_old(chain: Chain, days: float) -> bool:
    return datetime.now(UTC) - chain.since >= timedelta(days=days)


def _base(connection: Connection, folder: Path, keys: list[Recipient]) -> Path:
    with writing(folder / "base", keys) as archive:
        for name, blocks in server.base(connection):
            archive.add(name, blocks)
    # Rounded up: to what is before it nobody can go back.
    whole = server.mark(connection).astimezone(UTC) + timedelta(seconds=1)
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
