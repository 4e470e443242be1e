"""What the commands of the audit do."""

from __future__ import annotations

import json

import psycopg
from rich.console import Console
from rich.table import Table

from balise.database import needed
from balise.errors import AuditBroken, UsageError
from balise.hand import who
from balise.plain import plain
from balise.run import print_answer, read_settings
from sql import audit, people


def verify(head: str | None, *, as_json: bool) -> None:
    """Check the chain and say where it stands."""
    url = read_settings("database_url").database_url
    with needed(), psycopg.connect(url) as connection:
        number, digest = audit.head(connection)
        known = (number, digest) if head is None else _head(head)
        found = list(audit.breaks(connection, known))
    answer = {"rows": number, "head": f"{number}:{digest.hex()}", "breaks": len(found)}
    print_answer(answer, as_json=as_json)
    for one in found[:20]:
        Console(stderr=True).print(f"row {one.number}: {one.says}", highlight=False)
    if found:
        raise AuditBroken


def _head(text: str) -> tuple[int, bytes]:
    number, _, digest = text.partition(":")
    try:
        return int(number), bytes.fromhex(digest)
    except ValueError as error:
        raise UsageError("write a head as NUMBER:DIGEST, as an earlier check gave it") from error


def of_patient(patient: str, *, limit: int, as_json: bool) -> None:
    """Print who did what; that somebody asked is written down too."""
    url = read_settings("database_url").database_url
    with needed(), psycopg.connect(url) as connection:
        subject = people.find(connection, patient)
        if subject is None:
            raise UsageError(f"no patient {patient} is enrolled")
        audit.add(connection, [subject.id], who=who(), action="view", what="balise audit list")
        found = audit.of_patient(connection, subject.id, limit)
    if as_json:
        for row in found:
            print(json.dumps(row, default=str))  # noqa: T201 - the answer
        return
    table = Table("when", "who", "role", "did", "where", "reason")
    for row in found:
        words = (row["who"], row["role"], row["action"], row["what"], row["reason"])
        table.add_row(f"{row['at']:%Y-%m-%d %H:%M:%S}", *map(plain, words))
    Console().print(table)
