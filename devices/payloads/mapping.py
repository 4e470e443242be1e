"""A declared mapping: which path or column of somebody's payload is which metric, in which unit.

It is read from TOML, strictly: an unknown key is an error. What it means is checked by
`lint.lint`; `mapped` reads JSON by it, `mapped_csv` rows.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Texts
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from balise.errors import UsageError


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure: where it stands, what it measures and in which unit.

    The unit is either `unit` (UCUM, for payloads that never say it) or read at `unit_path` and
    translated by `units` from the sender's word to UCUM.
    """

    metric: str
    path: str
    unit: str = ""
    unit_path: str = ""
    units: dict[str, str] = {}
    loinc: str = ""
    position: int = 0
    optional: bool = False


class Time(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When: `capture` leaves it to the gateway, `local` is a wall clock without zone.

    `pattern` is strptime's, for a local or zoned time that is no ISO 8601.
    """

    format: Literal["iso", "epoch", "epoch_ms", "local", "capture"]
    path: str = ""
    pattern: str = ""


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quality known where the value at a path is one of these words."""

    path: str
    words: tuple[str, ...]
    quality: str


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document as it was seen, and the figures a reader must find in it, as text."""

    document: str
    expect: dict[str, str]
    time: datetime | None = None
    quality: tuple[str, ...] = ()


class Csv(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rows are written; with it, paths are the titles of columns."""

    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole mapping; `name` is its convention's name in an envelope."""

    name: str
    title: str
    source: str
    time: Time
    value: tuple[Part, ...]
    person: str = ""
    device: str = ""
    sequence: str = ""
    quality: tuple[Condition, ...] = ()
    csv: Csv | None = None
    sample: tuple[Sample, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """The columns a CSV must have to be read by this mapping."""
        asked = [part.path for part in self.value if not part.optional]
        asked += [part.unit_path for part in self.value if not part.optional]
        return frozenset(one for one in (*asked, self.time.path, self.person) if one)


def read(text: str, *, where: str = "mapping") -> Mapping:
    """Return the mapping a TOML text declares; UsageError says what is wrong in it, and where."""
    try:
        return msgspec.convert(tomllib.loads(text, parse_float=Decimal), Mapping)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"{where}: {error}") from error


def load(texts: Texts[str, str]) -> tuple[Mapping, ...]:
    """Return the mappings of a folder, given as file name → text; two of one name are refused."""
    found = tuple(read(text, where=name) for name, text in sorted(texts.items()))
    names = [mapping.name for mapping in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"more than one mapping is named {', '.join(twice)}")
    return found
