"""Files to data points: which convention a file follows, and one document a data point."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from balise.errors import PayloadError, Reason
from devices.payloads import cgm_csv

_OMH_FILE = re.compile(r"/(?P<name>[a-z-]+)/(?P<version>\d+\.\d+)/should(?:Pass|Fail)/")
_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """One data point of a file, with whose the sender says it is."""

    convention: str
    text: str
    person: str = ""


def read(path: Path) -> Iterator[Document]:
    """Yield a file's data points; PayloadError where it is no file Balise knows."""
    if path.stat().st_size > _BYTES:
        raise PayloadError(f"{path.name} is larger than {_BYTES} bytes: split it")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadError(f"{path.name} is not UTF-8 text") from error
    if path.suffix == ".csv":
        yield from _rows(path, text)
    elif path.suffix == ".json":
        yield from _json(path, text)
    else:
        raise PayloadError(f"{path.name}: .json and .csv are read", reason=Reason.PAYLOAD_UNKNOWN)


def _rows(path: Path, text: str) -> Iterator[Document]:
    rows = csv.DictReader(io.StringIO(text))
    if not set(cgm_csv.COLUMNS) <= set(rows.fieldnames or ()):
        raise PayloadError(
            f"{path.name}: a CSV needs the columns {', '.join(cgm_csv.COLUMNS)}",
            reason=Reason.PAYLOAD_UNKNOWN,
        )
    for row in rows:
        one = io.StringIO()
        writer = csv.writer(one, lineterminator="\n")
        writer.writerow(cgm_csv.COLUMNS)
        writer.writerow([row[column] or "" for column in cgm_csv.COLUMNS])
        yield Document("cgm_csv", one.getvalue(), row["id"] or "")


def _json(path: Path, text: str) -> Iterator[Document]:
    layout = _OMH_FILE.search(path.resolve().as_posix())
    if layout:
        yield Document("open_mhealth", _data_point(layout, text))
        return
    found = False
    # Cut, never written again: 36.50 must not become 36.5 on its way.
    for raw in _resources(path, msgspec.Raw(text.strip().encode())):
        found = True
        yield _document(path, raw)
    if not found:
        raise PayloadError(
            f"{path.name}: no convention Balise knows", reason=Reason.PAYLOAD_UNKNOWN
        )


def _data_point(layout: re.Match[str], body: str) -> str:
    """Return a bare body of Open mHealth's own test files as a whole data point."""
    schema_id = {"namespace": "omh", "name": layout["name"], "version": layout["version"]}
    return f'{{"header": {{"schema_id": {json.dumps(schema_id)}}}, "body": {body}}}'


class _Subject(msgspec.Struct):
    reference: str = ""


class _Header(msgspec.Struct):
    user_id: str = ""


class _Whose(msgspec.Struct):
    """Whose a data point says it is, in either convention."""

    header: _Header | None = None
    subject: _Subject | None = None


def _document(path: Path, raw: msgspec.Raw) -> Document:
    whose = _decode(path, raw, _Whose)
    text = bytes(raw).decode()
    if whose.header is not None:
        return Document("open_mhealth", text, whose.header.user_id)
    return Document("fhir", text, whose.subject.reference if whose.subject else "")


class _Entry(msgspec.Struct):
    resource: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _resources(path: Path, raw: msgspec.Raw) -> Iterator[msgspec.Raw]:
    """Yield the data points of a data point, a Bundle, a list or an object of data points."""
    if bytes(raw).lstrip()[:1] == b"[":
        members = _decode(path, raw, list[msgspec.Raw])
    else:
        keyed = _decode(path, raw, dict[str, msgspec.Raw])
        members = [raw] if _is_data_point(keyed) else list(keyed.values())
    for member in members:
        if bytes(member)[:1] == b"{":
            yield from _data_points(path, member)


def _data_points(path: Path, raw: msgspec.Raw) -> Iterator[msgspec.Raw]:
    members = _decode(path, raw, dict[str, msgspec.Raw])
    if not _is_data_point(members):
        return
    if bytes(members.get("resourceType", msgspec.Raw(b""))) == b'"Bundle"':
        for entry in _decode(path, members.get("entry", msgspec.Raw(b"[]")), list[_Entry]):
            if isinstance(entry.resource, msgspec.Raw):
                yield entry.resource
    else:
        yield raw


def _is_data_point(members: dict[str, msgspec.Raw]) -> bool:
    return "resourceType" in members or {"header", "body"} <= members.keys()


T = TypeVar("T")


def _decode(path: Path, raw: msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise PayloadError(f"{path.name} is not readable JSON: {error}") from error
