"""Files to data points: which convention a file follows, and one document a data point.

A file is known by what is in it. CSV, Apple Health and its archive are read in pieces; JSON and
FIT are whole in memory, and so must be small.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from balise import unreadable
from balise.errors import PayloadError, Reason
from devices.payloads import apple_export
from devices.payloads.libreview import Order
from devices.payloads.mapping import Mapping
from ingest import objects, tables
from ingest.document import Document

SUFFIXES = frozenset((".json", ".csv", ".xml", ".zip", ".fit"))
"""What `balise import` takes out of a folder; a file that is named may have any suffix."""

_BYTES = 32 * 1024 * 1024
_UNPACKED = 16 * 1024**3
_LIGHT, _DENSEST = 64 * 1024 * 1024, 200
"""What is larger unpacked may be so many times its packed size: Apple's own is twenty to forty."""
_FIT_MAGIC, _ZIP_MAGIC = b".FIT", b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What whoever imports knows of the files, beyond what is in them."""

    mapping: Mapping | None = None
    dates: Order | None = None
    unmeasured: Counter[str] = field(default_factory=Counter[str])


def read(path: Path, options: Options | None = None) -> Iterator[Document]:
    """Yield a file's data points; PayloadError where it is no file Balise knows."""
    known = options or Options()
    with path.open("rb") as stream:
        head = stream.read(apple_export.HEAD)
    if head[8:12] == _FIT_MAGIC:
        yield from _fit(path, known)
    elif head.startswith(_ZIP_MAGIC):
        yield from _archive(path, known)
    elif apple_export.ROOT in head and head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        with path.open("rb") as stream:
            yield from _apple(stream, known)
    elif head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in {b"{", b"["}:
        yield from objects.read(path, _utf8(path), known.mapping)
    else:
        yield from tables.read(path, known.mapping, known.dates, known.unmeasured)


def _whole(path: Path) -> bytes:
    if path.stat().st_size > _BYTES:
        raise PayloadError(f"{path.name} is larger than {_BYTES} bytes: split it")
    return path.read_bytes()


def _fit(path: Path, known: Options) -> Iterator[Document]:
    from devices.payloads import fit_file  # noqa: PLC0415 - only a FIT file needs its library

    for text in fit_file.documents(_whole(path), known.unmeasured):
        yield Document("fit", text)


def _apple(stream: IO[bytes], known: Options) -> Iterator[Document]:
    for text in apple_export.documents(stream, known.unmeasured):
        yield Document("apple_health", text)


def _archive(path: Path, known: Options) -> Iterator[Document]:
    """Yield the samples of Apple's archive: its export has another name in each language."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".xml") and _is_export(archive, member):
                    with archive.open(member) as stream:
                        yield from _apple(stream, known)
                    return
    except unreadable.ZIP as error:
        raise PayloadError(f"{path.name} is no readable archive: {error}") from error
    raise PayloadError(f"{path.name} holds no Apple Health export", reason=Reason.PAYLOAD_UNKNOWN)


def _is_export(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as stream:
        if apple_export.ROOT not in stream.read(apple_export.HEAD):
            return False
    if member.file_size > _UNPACKED:
        raise PayloadError(f"{member.filename} unpacks to more than {_UNPACKED} bytes")
    if member.file_size > max(_LIGHT, _DENSEST * member.compress_size):
        raise PayloadError(f"{member.filename} unpacks to over {_DENSEST} times its size")
    return True


def _utf8(path: Path) -> str:
    try:
        return _whole(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadError(f"{path.name} is not UTF-8 text") from error
