"""A file of named parts, closed with age: whoever writes it can't read it.

Inside is a zip, so that after `age -d` any program opens it. The parts are written as they come: of
none the length needs to be known, and nothing is laid open on a disk meanwhile.
"""

from __future__ import annotations

import os
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedIOBase, BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pyrage

from balise import unreadable
from balise.errors import BackupUnreadable, BackupUnwritable, UsageError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BLOCK = 1 << 20
_LEVEL = 1
"""Of compression: the figures of readings gain little from a higher one."""


def new_key() -> tuple[str, str]:
    """Return a key that opens, and the recipient that closes for it."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


Recipient = pyrage.x25519.Recipient


def recipients(text: str) -> list[Recipient]:
    """Return whom a backup is closed for. UsageError where that is nobody."""
    try:
        found = [pyrage.x25519.Recipient.from_str(one) for one in text.replace(",", " ").split()]
    except pyrage.RecipientError as error:
        raise UsageError("BALISE_BACKUP_RECIPIENT is written as age1…: `balise db key`") from error
    if not found:
        raise UsageError("BALISE_BACKUP_RECIPIENT is not set: `balise db key FILE` makes a key")
    return found


class Writer:
    """Writes parts."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write a part."""
        with self._archive.open(name, "w", force_zip64=True) as part:
            part.writelines(blocks)


@contextmanager
def writing(path: Path, keys: Sequence[Recipient]) -> Iterator[Writer]:
    """Write an archive whole or not at all, for its owner alone."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with _closed(file, keys) as pipe, zipfile.ZipFile(
                pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL
            ) as archive:  # fmt: skip
                yield Writer(archive)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except (OSError, pyrage.EncryptError) as error:
        raise BackupUnwritable(f"{path} can't be written: {error}") from error
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def _closed(file: BufferedIOBase, keys: Sequence[Recipient]) -> Iterator[BufferedIOBase]:
    """Give a file to write to: a thread beside closes what is written and hands it on to `file`."""
    out, into = os.pipe()
    failed: list[Exception] = []

    def close() -> None:
        try:
            with os.fdopen(out, "rb") as reader:
                pyrage.encrypt_io(reader, file, keys)
        except (OSError, pyrage.EncryptError) as error:
            failed.append(error)

    thread = threading.Thread(target=close)
    thread.start()
    try:
        with os.fdopen(into, "wb") as writer:
            yield writer
    except BrokenPipeError:
        thread.join()  # it knows why
        if not failed:
            raise
    finally:
        thread.join()
    if failed:
        raise failed[0]


class Reader:
    """An archive that was opened."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def read(self, name: str) -> bytes:
        """Return a small part whole. BackupUnreadable where there is none."""
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a part."""
        with self.open(name) as part:
            while block := part.read(_BLOCK):
                yield block

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a part. BackupUnreadable where there is none, or it is damaged."""
        with _whole(name):
            file = cast("zipfile.ZipExtFile", self._archive.open(name))
        with file, BufferedReader(_Part(name, file), _BLOCK) as part:
            yield part


class _Part(RawIOBase):
    """A part that is being read; BackupUnreadable where it is damaged."""

    def __init__(self, name: str, file: zipfile.ZipExtFile) -> None:
        self._name, self._file = name, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        with _whole(self._name):
            return self._file.readinto(buffer)


@contextmanager
def _whole(name: str) -> Iterator[None]:
    """Say of what `zipfile` raises that a part isn't what was written."""
    try:
        yield
    except (KeyError, *unreadable.ZIP) as error:
        raise BackupUnreadable(f"the backup has no whole {name}; take another") from error


def identities(text: str) -> list[pyrage.x25519.Identity]:
    """Return the keys of a file of keys, one a line. UsageError where it has none.

    Several, because what was closed before a key was changed opens with the one of then.
    """
    lines = [one.strip() for one in text.splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(one) for one in lines if one and one[0] != "#"]
    except pyrage.IdentityError as error:
        raise UsageError("the key is no AGE-SECRET-KEY-1…; see `balise db key`") from error
    if not found:
        raise UsageError("the file of the key has none: AGE-SECRET-KEY-1…; see `balise db key`")
    return found


@contextmanager
def reading(path: Path, key: str) -> Iterator[Reader]:
    """Open an archive, by way of a file without a name that is gone when this ends."""
    keys = identities(key)
    with ExitStack() as opened:
        try:
            file = opened.enter_context(path.open("rb"))
            plain = opened.enter_context(tempfile.TemporaryFile(dir=path.parent))
            pyrage.decrypt_io(file, plain, keys)
            plain.seek(0)
            archive = opened.enter_context(zipfile.ZipFile(plain))
        except OSError as error:
            if error.errno is None:  # pyrage's, of bytes that are not what was written
                raise BackupUnreadable from error
            said = (
                f"{path} can't be opened (it takes as much room again beside it): {error.strerror}"
            )
            raise BackupUnreadable(said) from error
        except (pyrage.DecryptError, *unreadable.ZIP) as error:
            raise BackupUnreadable from error
        yield Reader(archive)
