"""JSON files to data points: each object is cut out as it stands, and its convention named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from balise import unreadable
from balise.errors import PayloadError, Reason
from devices.payloads.mapping import Mapping
from ingest.document import Document

_OMH_FILE = re.compile(
    r"/(?P<namespace>omh|ieee)/(?P<name>[a-z-]+)/(?P<version>\d+\.\d+)/should(?:Pass|Fail)/"
)


def read(path: Path, text: str, mapping: Mapping | None) -> Iterator[Document]:
    """Yield the data points of a JSON text; PayloadError where no convention is in it."""
    layout = _OMH_FILE.search(path.resolve().as_posix())
    if layout:
        yield Document("open_mhealth", _data_point(layout, text))
        return
    found = False
    # Cut, never written again: 36.50 must not become 36.5 on its way.
    for one in _documents(path, msgspec.Raw(text.strip().encode()), mapping):
        found = True
        yield one
    if not found:
        raise PayloadError(
            f"{path.name}: no convention Balise knows", reason=Reason.PAYLOAD_UNKNOWN
        )


def _data_point(layout: re.Match[str], body: str) -> str:
    """Return a bare body of Open mHealth's own test files as a whole data point."""
    schema_id = json.dumps(layout.groupdict())
    return f'{{"header": {{"schema_id": {schema_id}}}, "body": {body}}}'


def _documents(path: Path, raw: msgspec.Raw, mapping: Mapping | None) -> Iterator[Document]:
    if mapping is not None and mapping.csv is None:
        for member in _members(path, raw):
            yield Document(mapping.name, bytes(member).decode())
    elif _is_senml(path, raw):
        yield Document("senml", bytes(raw).decode())
    else:
        for member in _resources(path, raw):
            yield _document(path, member)


def _members(path: Path, raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the objects of a list, or the one object a file is."""
    if bytes(raw)[:1] == b"[":
        return [one for one in _decode(path, raw, list[msgspec.Raw]) if bytes(one)[:1] == b"{"]
    return [raw]


def _is_senml(path: Path, raw: msgspec.Raw) -> bool:
    """Whether a list is a pack: its first record has a name or a base name."""
    if bytes(raw)[:1] != b"[":
        return False
    first = _members(path, raw)[:1]
    keys = _decode(path, first[0], dict[str, msgspec.Raw]).keys() if first else set[str]()
    return bool({"n", "bn"} & set(keys))


class _Subject(msgspec.Struct):
    reference: str = ""


class _Header(msgspec.Struct):
    user_id: str = ""


class _Whose(msgspec.Struct):
    """Whose a data point says it is, in either convention."""

    header: _Header | None = None
    subject: _Subject | None = None
    model_id: str = ""


def _document(path: Path, raw: msgspec.Raw) -> Document:
    whose = _decode(path, raw, _Whose)
    text = bytes(raw).decode()
    if whose.header is not None:
        return Document("open_mhealth", text, whose.header.user_id)
    if whose.model_id:
        return Document("theengs", text)
    subject = whose.subject.reference if whose.subject else ""
    # A clock's observation is about its device, nobody's measurement.
    return Document("fhir", text, "" if subject.startswith("Device/") else subject)


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
    known = "resourceType" in members or "model_id" in members
    return known or {"header", "body"} <= members.keys()


T = TypeVar("T")


def _decode(path: Path, raw: msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except unreadable.JSON as error:
        raise PayloadError(f"{path.name} is not readable JSON: {error}") from error
