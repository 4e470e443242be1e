"""Apple Health's export.xml, however large, as documents: read in pieces, nothing kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

import msgspec

from balise.errors import PayloadError, Reason
from devices.payloads import apple_health as apple

ROOT = b"<HealthData"
HEAD = 256 * 1024
"""The root comes after a DTD of some 10 KB."""

_PIECE = 256 * 1024
_LONGEST = 4 * 1024 * 1024
_DEEPEST, _TOGETHER, _KINDS = 32, 1_000, 1_000
"""Elements in one another, records of one correlation, and kinds counted each by its name; Apple
has five, two and some hundred. What is kept of a file has an end, whatever is in it."""
_OTHERS = "others"
_HARDWARE = re.compile(r"hardware:([\w.-]+(?:,[\w.-]+)*)", re.ASCII)


@dataclass(slots=True)
class _Sample:
    """A record or a correlation that is still open."""

    attributes: dict[str, str]
    records: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    metadata: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class _Reader:
    """Takes elements as they begin and end; `ready` are the documents since the last look."""

    unmeasured: Counter[str]
    ready: list[str] = field(default_factory=list[str])
    record: _Sample | None = None
    correlation: _Sample | None = None
    depth: int = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise PayloadError(f"no Apple Health export: {_DEEPEST} elements in one another")
        if name == "Record":
            self.record = _Sample(attributes)
        elif name == "Correlation":
            self.correlation = _Sample(attributes)
        elif name == "MetadataEntry":
            self._metadata(attributes)

    def end(self, name: str) -> None:
        self.depth -= 1
        if name == "Record" and self.record is not None:
            self._end_record(self.record)
            self.record = None
        elif name == "Correlation" and self.correlation is not None:
            self._end_correlation(self.correlation)
            self.correlation = None

    def _metadata(self, attributes: dict[str, str]) -> None:
        open_sample = self.record or self.correlation
        key = attributes.get("key", "")
        if open_sample is not None and (key == apple.ENTERED or key in apple.METADATA):
            open_sample.metadata[key] = attributes.get("value", "")

    def _end_record(self, sample: _Sample) -> None:
        kind, value = sample.attributes.get("type", ""), sample.attributes.get("value", "")
        if self.correlation is not None:
            if len(self.correlation.records) >= _TOGETHER:
                raise PayloadError(f"no Apple Health export: {_TOGETHER} records in a correlation")
            self.correlation.records.append(_record(sample.attributes))
            self.correlation.metadata |= sample.metadata
        elif apple.measures(kind, value):
            sample.records.append(_record(sample.attributes))
            self.ready.append(_document(sample))
        elif kind not in apple.TOGETHER:
            self._count(value if kind == apple.SLEEP else kind)

    def _end_correlation(self, sample: _Sample) -> None:
        kind = sample.attributes.get("type", "")
        if kind == apple.PRESSURE:
            self.ready.append(_document(sample))
        else:
            self._count(kind)

    def _count(self, kind: str) -> None:
        known = kind in self.unmeasured or len(self.unmeasured) < _KINDS
        self.unmeasured[kind if known else _OTHERS] += 1


def _record(attributes: dict[str, str]) -> dict[str, str]:
    return {key: attributes[key] for key in ("type", "unit", "value") if key in attributes}


def _document(sample: _Sample) -> str:
    """Return a sample as a document; the name of its source stays behind, it holds a person's."""
    dates = {key: sample.attributes.get(key) for key in ("startDate", "endDate")}
    hardware = _HARDWARE.search(sample.attributes.get("device", ""))
    whole = {
        **dates,
        "records": sample.records,
        "metadata": sample.metadata,
        **({"hardware": hardware[1]} if hardware else {}),
    }
    return msgspec.json.encode(whole).decode()


def documents(stream: IO[bytes], unmeasured: Counter[str]) -> Iterator[str]:
    """Yield the samples Balise measures; the others are counted by their type."""
    reader = _Reader(unmeasured)
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    fed, piece = 0, _from_root(stream)
    while piece:
        fed += len(piece)
        _feed(parser, piece, last=False)
        if fed - parser.CurrentByteIndex > _LONGEST:
            raise PayloadError("no Apple Health export: an element without end")
        yield from reader.ready
        reader.ready.clear()
        piece = stream.read(_PIECE)
    _feed(parser, b"", last=True)


def _from_root(stream: IO[bytes]) -> bytes:
    """Return the beginning without the DTD before it: it may declare entities, or be malformed."""
    head = stream.read(HEAD)
    root = head.find(ROOT)
    if root < 0:
        raise PayloadError("no Apple Health export", reason=Reason.PAYLOAD_UNKNOWN)
    return head[root:]


def _feed(parser: expat.XMLParserType, piece: bytes, *, last: bool) -> None:
    try:
        parser.Parse(piece, last)
    except expat.ExpatError as error:
        raise PayloadError(f"the export breaks off or is no XML: {error}") from error
