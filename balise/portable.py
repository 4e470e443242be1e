"""All there is of one patient, to take elsewhere: FHIR, a table, the bytes, the decisions."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from balise import files
from balise.errors import UsageError
from balise.hand import who
from balise.model import Quality
from care import exchange
from care.fhir.bundle import as_json, transaction
from care.fhir.observation import observations
from devices.payloads import balise_v1
from sql import audit, rows
from sql.rows import Row

_ALL = 1 << 31


def export(connection: psycopg.Connection, code: str, folder: Path) -> dict[str, int]:
    """Write a patient's files into a folder; return how much of each kind it was.

    `identity.json` is who they are as it is kept, `patient.json` and `fhir.json` are FHIR R4, where
    a national number that is not qualified is no identifier, `readings.csv` has a row a reading,
    `raw.jsonl` each item as the device sent it (refused and repeated ones too, as long as payloads
    are kept), `decisions.jsonl` what people decided, wrote and told, `access.csv` who looked.
    Nothing of another patient is in them: of a message that two share only their items. Computed
    figures of a day, and what was sent to another system, are copies of this and are left out.
    """
    patient = exchange.patient(connection, code)
    if patient is None:
        raise UsageError(f"no patient {code} is enrolled")
    subject = patient["id"]
    audit.add(connection, [subject], who=who(), action="export", what="balise db export")
    bundle = whole(connection, patient)
    readings = rows.named(connection, "export.readings", subject=subject)
    raw = list(_items(rows.named(connection, "export.messages", subject=subject)))
    decided = rows.named(connection, "export.decided", subject=subject)
    access = audit.of_patient(connection, subject, _ALL)
    content = {
        "identity.json": _lines(rows.named(connection, "people.identity", subject=subject)),
        "patient.json": as_json(exchange.patient_resource(patient)),
        "fhir.json": as_json(bundle),
        "readings.csv": _table(map(_told, readings)),
        "raw.jsonl": _lines(raw),
        "decisions.jsonl": _lines(decided),
        "access.csv": _table(access),
    }
    _write(folder, content)
    kinds = Counter(one["kind"] for one in decided)
    return {
        "resources": len(bundle["entry"]),
        "readings": len(readings),
        "items": len(raw),
        **kinds,
        "looks": len(access),
    }


def whole(connection: psycopg.Connection, patient: Row) -> dict[str, Any]:
    """Return one FHIR transaction of a patient's measurements and devices."""
    told = [one for each in exchange.every(connection, patient) for one in observations(each)]
    devices = exchange.device_resources(connection, patient["id"])
    return transaction([exchange.patient_resource(patient), *devices, *told])


def _items(messages: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Yield the items of messages that are the patient's, as they came."""
    for message in messages:
        every = tuple(balise_v1.read(bytes(message["payload"])).every())
        for number in message["items"]:
            yield {
                "message": message["id"],
                "item": number,
                "received_at": message["received_at"],
                "gateway": message["gateway"],
                "sent": msgspec.to_builtins(every[number]),
            }


def _told(row: Row) -> Row:
    return {**row, "quality": " ".join(Quality(row["quality"]).names)}


def _table(some: Iterable[Row]) -> bytes:
    """Return rows as CSV, times in ISO 8601."""
    out = io.StringIO()
    found = list(some)
    if found:
        writer = csv.DictWriter(out, list(found[0]))
        writer.writeheader()
        writer.writerows({key: _text(value) for key, value in row.items()} for row in found)
    return out.getvalue().encode()


def _text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _lines(some: Iterable[Row]) -> bytes:
    texts = (json.dumps(one, default=str, ensure_ascii=False) for one in some)
    return "".join(f"{text}\n" for text in texts).encode()


def _write(folder: Path, content: dict[str, bytes]) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in content.items():
            files.write(folder / name, text, 0o600)
    except OSError as error:
        raise UsageError(f"{folder} can't be written: {error.strerror}") from error
