"""Read a copy through, or make a data folder of it that PostgreSQL starts on."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePath
from typing import IO, Annotated, Any

import msgspec
from msgspec import Meta, field

from balise import unreadable
from balise.errors import BackupUnreadable, UsageError
from balise.sealed_archive import reading
from balise.wal.copying import Chain, chains
from balise.wal.server import SEGMENT, place

_BLOCK = 1 << 20
_PLACE = r"^[0-9A-F]{1,8}/[0-9A-F]{1,8}$"
_OURS = ("restore_command", "recovery_target", "hot_standby ")
Answer = dict[str, Any]


class _File(msgspec.Struct, rename="pascal"):
    path: str
    checksum: str


class _Log(msgspec.Struct):
    timeline: int = field(name="Timeline")
    start: Annotated[str, Meta(pattern=_PLACE)] = field(name="Start-LSN")
    end: Annotated[str, Meta(pattern=_PLACE)] = field(name="End-LSN")


class _Manifest(msgspec.Struct):
    """What PostgreSQL says is in a base copy, and the log that makes it whole."""

    files: list[_File] = field(name="Files")
    log: Annotated[list[_Log], Meta(min_length=1, max_length=1)] = field(name="WAL-Ranges")


def _manifest(text: bytes) -> _Manifest:
    try:
        return msgspec.json.decode(text, type=_Manifest)
    except unreadable.JSON as error:
        raise BackupUnreadable("the copy doesn't say what is in it; take another") from error


def verify(folder: Path, key: str) -> Iterator[Answer]:
    """Yield what is in each chain; then BackupUnreadable where one is not what was written."""
    broken: list[str] = []
    every = chains(folder)
    for name, chain in every.items():
        try:
            yield _read(chain, key, None)
        except BackupUnreadable as error:
            broken.append(f"{name}: {error}")
    if broken or not every:
        raise BackupUnreadable("; ".join(broken) or f"{folder} has no base copy")


def rebuild(folder: Path, to: Path, key: str, until: datetime | None) -> Answer:
    """Make a data folder: a server that is started on it goes through the log, and then serves."""
    if to.exists() and any(to.iterdir()):
        raise UsageError(f"{to} isn't empty: move what is there away")
    # A chain without log is of a server that died before it was whole.
    whole = [one for one in chains(folder).values() if one.log()]
    found = [one for one in whole if not until or one.since <= until]
    if not found:
        raise UsageError(f"{folder} has no base copy, or none as old as that")
    chain = found[-1]
    if until and until > (last := chain.until):
        raise UsageError(f"the copy goes to {last}: leave --until out to go to its end")
    new = to.with_name(f".{to.name}.new")  # half of it must never be started on
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700, parents=True)
    answer = _read(chain, key, new)
    _set(new, until)
    if os.geteuid() == 0:  # PostgreSQL won't run as root: to whom the folder above belongs
        above = to.parent.stat()
        for path in (new, *new.rglob("*")):
            os.chown(path, above.st_uid, above.st_gid)
    new.rename(to)
    return answer


def _read(chain: Chain, key: str, to: Path | None) -> Answer:
    with reading(chain.base, key) as archive:
        manifest = _manifest(archive.read("backup_manifest"))
        with archive.open("base.tar") as tar:
            size = _files(tar, {one.path: one.checksum for one in manifest.files}, to)
    (log,) = manifest.log
    start, end = place(log.start), place(log.end)
    at = first = start - start % SEGMENT
    for begins, ends, path in chain.log():
        if begins > at:
            raise BackupUnreadable(f"the log has a hole before {path}")
        with reading(path, key) as archive:
            data = archive.read("wal")
        if len(data) != ends - begins:
            raise BackupUnreadable(f"{path} is not what was written")
        if to:
            _lay(to / "pg_wal", log.timeline, begins, data)
        at = ends
    if at < end:
        raise BackupUnreadable(f"{chain.folder} has no log to make the base copy whole with")
    return {"chain": chain.folder.name, "since": f"{chain.since}", "until": f"{chain.until}",
            "files": len(manifest.files), "bytes": size, "log": at - first}  # fmt: skip


def _files(part: IO[bytes], digests: dict[str, str], to: Path | None) -> int:
    """Read a base copy, hold each file against its digest, perhaps write it; return the size."""
    try:
        with tarfile.open(fileobj=part, mode="r|") as tar:
            size = sum(_file(tar, member, digests, to) for member in tar)
    except (tarfile.TarError, ValueError) as error:
        raise BackupUnreadable(f"a base copy can't be read: {error}; take another") from error
    if digests:
        raise BackupUnreadable(f"{next(iter(digests))} is missing; take another copy")
    return size


def _file(
    tar: tarfile.TarFile, member: tarfile.TarInfo, digests: dict[str, str], to: Path | None
) -> int:
    """Read one of its files, or a folder; return the size."""
    name = PurePath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isdir() or member.isfile()):
        raise BackupUnreadable(f"a base copy has no {name}")
    if member.isdir():
        if to:
            (to / name).mkdir(mode=0o700, exist_ok=True)
        return 0
    content = tar.extractfile(member) or BytesIO()
    if digests.pop(str(name), "") != _digest(content, to / name if to else None):
        raise BackupUnreadable(f"{name} is not what was written; take another copy")
    return member.size


def _digest(content: IO[bytes], to: Path | None) -> str:
    digest = sha256()
    if to:
        to.touch(0o600)
    with (to or Path(os.devnull)).open("wb") as file:
        while block := content.read(_BLOCK):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _lay(folder: Path, timeline: int, at: int, data: bytes) -> None:
    """Write a piece of the log into its files; what is after its end is zero."""
    while data:
        number, offset = divmod(at, SEGMENT)
        path = folder / f"{timeline:08X}{number >> 8:08X}{number & 0xFF:08X}"
        path.touch(0o600)
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data[: SEGMENT - offset])
            file.truncate(SEGMENT)
        at, data = at + SEGMENT - offset, data[SEGMENT - offset :]


def _set(to: Path, until: datetime | None) -> None:
    """Have the server go through its log when it starts, and let nobody in before its end."""
    ours = {
        "restore_command": "false",  # there must be one; the log lies in pg_wal already
        "recovery_target_action": "promote",
        "hot_standby": "off",
    }
    if until:
        ours["recovery_target_time"] = f"{until.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    auto = to / "postgresql.auto.conf"
    lines = [one for one in auto.read_text().splitlines() if not one.startswith(_OURS)]
    lines += [f"{name} = '{value}'" for name, value in ours.items()]
    auto.write_text("\n".join(lines) + "\n")
    (to / "recovery.signal").touch(0o600)
