"""What a site declares: whose its devices are, and how its own payloads are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
from rich.console import Console

from balise.database import needed
from balise.errors import UsageError
from balise.hand import who
from balise.settings import Settings
from devices import called
from devices.payloads import mapping as mappings
from devices.payloads import shipped
from devices.payloads.mapping import Mapping
from sql import audit, people, preferred
from sql import mappings as kept


@contextmanager
def _database(settings: Settings) -> Iterator[psycopg.Connection]:
    with needed(), psycopg.connect(settings.database_url) as connection:
        yield connection


def give(
    settings: Settings,
    address: str,
    patient: str,
    *,
    slot: int | None,
    since: date | None,
    model: str | None = None,
) -> tuple[int, datetime]:
    """Give a device, or one user slot of it, to an enrolled patient; return it and since when."""
    word = called.checked(model) if model else None
    with _database(settings) as connection:
        subject = people.find(connection, patient)
        if subject is None:
            raise UsageError(f"no patient {patient} is enrolled")
        at = datetime.now(UTC) if since is None else people.midnight(since, subject.time_zone)
        device = people.give(connection, address.upper(), subject.id, since=at, slot=slot)
        if word:
            preferred.describe(connection, device, word)
        audit.add(connection, [subject.id], who=who(), action="change", what="balise devices give")
        return device, at


def mapping(settings: Settings, name: str) -> Mapping:
    """Return a mapping by name or of a file; a file's is kept, for the flows to read by."""
    if name in shipped.NAMES:
        return shipped.shipped(name)
    with _database(settings) as connection:
        texts = kept.kept(connection)
        if name in texts:
            return mappings.read(texts[name], where=name)
    return keep(settings, Path(name), known=(*shipped.NAMES, *texts))


def keep(settings: Settings, path: Path, *, known: tuple[str, ...] = shipped.NAMES) -> Mapping:
    """Check a mapping file, keep it, and return its mapping."""
    found, text = checked(path, known=known)
    with _database(settings) as connection:
        kept.keep(connection, found.name, text)
        what = f"balise mappings add: {found.name}"
        audit.add(connection, [], who=who(), action="change", what=what)
    return found


def checked(path: Path, *, known: tuple[str, ...] = shipped.NAMES) -> tuple[Mapping, str]:
    """Return a mapping file's mapping and text; UsageError says everything wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: no such text file, and no mapping of {', '.join(known)}"
        ) from error
    found = mappings.read(text, where=path.name)
    shipped.conventions((found,))
    return found, text


def lint(paths: tuple[Path, ...]) -> None:
    """Check mapping files; the first that is wrong ends the command with all that is wrong."""
    for path in paths:
        found, _ = checked(path)
        Console().print(f"{path}: {found.name} reads its {len(found.sample)} samples", markup=False)
