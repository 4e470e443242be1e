"""`balise import`: files through the same line as any gateway's frames, spool and receipt included.

An import is an operator's act, so it enrols what it names: a patient for each person of the file,
or the one given, and a device for each convention.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from balise.errors import BrokerDown, NotUnderstood, UsageError
from balise.hand import who
from balise.settings import Settings
from devices.payloads import balise_v1
from devices.payloads.libreview import Order
from devices.payloads.mapping import Mapping
from ingest import documents
from ingest.document import Document
from ingest.gateway import devices
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker
from sql import audit, people

GATEWAY = "import"
_SINCE_EVER = datetime(1900, 1, 1, tzinfo=UTC)
_STALL_SECONDS = 120.0
_ITEMS_A_COMMIT = 500
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that holds no data point Balise knows; the others go on."""

    path: Path
    why: str


@dataclass(slots=True)
class Given:
    """What an import handed to the line."""

    files: int = 0
    documents: int = 0
    unread: tuple[Unread, ...] = ()
    unmeasured: Counter[str] = field(default_factory=Counter[str])
    """What the files hold and Balise does not measure, counted by its kind."""


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of files and folders, in order."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} is not there")
        inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in documents.SUFFIXES)
        yield from inside if path.is_dir() else [path]


def import_files(
    settings: Settings,
    paths: Iterable[Path],
    *,
    patient: str | None,
    progress: Progress,
    mapping: Mapping | None = None,
    dates: Order | None = None,
) -> Given:
    """Spool every data point of the files and wait for the receipts of all."""
    given = Given()
    options = documents.Options(mapping=mapping, dates=dates, unmeasured=given.unmeasured)

    def found() -> Iterator[Document]:
        for path in files(paths):
            try:
                # One by one: an export of years is larger than the memory.
                yield from documents.read(path, options)
            except NotUnderstood as error:
                given.unread = (*given.unread, Unread(path, str(error)))
            else:
                given.files += 1

    given.documents = import_documents(settings, found(), patient=patient, progress=progress)
    return given


def import_documents(
    settings: Settings,
    found: Iterable[Document],
    *,
    patient: str | None,
    progress: Progress,
) -> int:
    """Spool data points and wait for the receipts of all; return how many there were."""
    spool_path = devices.folder(settings.home, GATEWAY) / "spool.db"
    spool = Spool(spool_path)
    publisher = Publisher(Broker(settings), GATEWAY, spool_path, settings.receipt_timeout)
    try:
        total = _spool(settings, spool, found, patient)
        publisher.start()
        try:
            _wait(spool, total, progress)
        finally:
            publisher.stop()
    finally:
        spool.close()
    return total


def _spool(settings: Settings, spool: Spool, found: Iterable[Document], patient: str | None) -> int:
    total = 0
    enrolled: dict[tuple[str, str], str] = {}
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        people.add_gateway(connection, GATEWAY)
        waiting: list[bytes] = []
        for document in found:
            waiting.append(_item(connection, enrolled, document, patient))
            total += 1
            if len(waiting) == _ITEMS_A_COMMIT:
                spool.put(*waiting)
                waiting.clear()
        spool.put(*waiting)
    return total


def _item(
    connection: psycopg.Connection,
    enrolled: dict[tuple[str, str], str],
    document: Document,
    patient: str | None,
) -> bytes:
    code = patient or _code(document.person)
    key = (code, document.convention)
    if key not in enrolled:
        enrolled[key] = f"import/{code}/{document.convention}"
        with connection.transaction():
            subject = people.add_subject(connection, code, pathway="observation")
            if not patient:
                people.set_identity(
                    connection, subject, family=document.person or "?", given="import"
                )
            people.give(connection, enrolled[key], subject, since=_SINCE_EVER, gateway=GATEWAY)
            audit.add(connection, [subject], who=who(), action="change", what="balise import")
    return balise_v1.encode_item(
        balise_v1.Item(device=enrolled[key], convention=document.convention, document=document.text)
    )


def _code(person: str) -> str:
    """Return the code of a person named in a file: a digest, since a name must not travel."""
    digest = hashlib.sha256(person.encode()).hexdigest()[:12]
    return f"import-{digest}" if person else "import"


def _wait(spool: Spool, total: int, progress: Progress) -> None:
    """Wait until the server holds everything; BrokerDown where nothing moves any more."""
    least, moved_at = spool.depth(), time.monotonic()
    while depth := spool.depth():
        progress(total - depth, total)
        if depth < least:
            least, moved_at = depth, time.monotonic()
        if time.monotonic() - moved_at > _STALL_SECONDS:
            raise BrokerDown(
                f"{depth} data points wait in the spool without receipt: is `balise receive`"
                " running? They are sent by the next `balise import`."
            )
        time.sleep(0.1)
    progress(total, total)
