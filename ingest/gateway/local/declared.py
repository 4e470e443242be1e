"""`local.toml` beside the spool: which devices speak to the broker at home, and how.

A message becomes an item of its device as it came; the server reads it by its convention. What
would be refused there for certain is refused here, with what to do.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import msgspec

from balise.errors import NotUnderstood, UsageError
from balise.metrics import METRICS
from devices import units
from devices.payloads import CONVENTIONS, mapping, senml, shipped
from ingest.gateway.local import topics
from ingest.gateway.local.presets import PRESETS, Preset, Repeats

NAME = "local.toml"
_NONE = Preset(name="", topic="", source="")


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[device]]` of the file.

    `address` is the one it is given to a patient by; `topic` may hold `+` and `{id}`, the device's
    name there. Where several share a topic, `field` is the member of the document that is `id`.
    What is said is a `convention`, a `mapping` of the site's own (a file beside this one), or a
    bare number: a `metric` with its `unit`.
    """

    address: str
    preset: str = ""
    topic: str = ""
    id: str = ""
    field: str = ""
    convention: str = ""
    mapping: str = ""
    metric: str = ""
    unit: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    device: tuple[Declared, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A device and where it speaks: `topic` is a filter; a bare number has a metric and a unit."""

    address: str
    topic: str
    convention: str
    field: str = ""
    id: str = ""
    metric: str = ""
    unit: str = ""
    repeats: Repeats | None = None


def read(path: Path) -> tuple[Source, ...]:
    """Return the sources of a file; UsageError says all that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
        found = msgspec.convert(tomllib.loads(text), _File).device
    except FileNotFoundError as error:
        raise UsageError(
            f'{path} is missing; write [[device]], preset = "theengs" and'
            ' address = "AA:BB:CC:DD:EE:FF" there, a line each'
        ) from error
    except (OSError, ValueError, msgspec.ValidationError) as error:  # TOML's and UTF-8's are values
        raise UsageError(f"{path}: {error}") from error
    problems = lint(found, path.parent)
    if problems:
        raise UsageError(f"{path}: " + "; ".join(problems))
    return tuple(_source(one, path.parent) for one in found)


def lint(devices: Sequence[Declared], folder: Path) -> list[str]:
    """Return everything wrong with a file's devices, each as a sentence."""
    alone = [
        f"device {place} ({one.address}): {problem}"
        for place, one in enumerate(devices, start=1)
        for problem in (*_address(one), *_topic(one), *_meaning(one, folder))
    ]
    if not devices:
        return ["no [[device]] is in it"]
    return alone or list(_together(devices))


def _address(one: Declared) -> Iterator[str]:
    if not one.address.strip() or not one.address.isprintable():
        yield "address is missing: the one of `balise devices give ADDRESS PATIENT`"
    if one.preset and one.preset not in PRESETS:
        yield f"no preset {one.preset!r}; there are {', '.join(PRESETS)}"


def _topic(one: Declared) -> Iterator[str]:
    pattern = one.topic or _preset(one).topic
    if not pattern:
        yield "give a preset, or a topic"
    elif problem := topics.fault(_filter(one)):
        yield f"topic {_filter(one)!r} {problem}"
    if "{id}" in pattern and not _id(one):
        yield f"id is missing: what stands for {{id}} in {pattern}"
    if "+" in one.id:
        yield "id is one device's name and holds no +"
    if one.field and not one.id:
        yield f"id is missing: the value of {one.field} in this device's documents"


def _meaning(one: Declared, folder: Path) -> Iterator[str]:
    named = one.convention or (
        _preset(one).convention if not one.mapping and not one.metric else ""
    )
    if sum(map(bool, (named, one.mapping, one.metric))) != 1:
        yield "give one of convention, mapping, or metric with its unit"
    if named and named not in CONVENTIONS:
        known = ", ".join(CONVENTIONS)
        yield f'no convention {named!r}; known: {known}; your own: mapping = "FILE.toml"'
    if one.mapping:
        yield from _mapping(folder / one.mapping)
    if one.metric or one.unit:
        yield from _number(one)


def _mapping(path: Path) -> Iterator[str]:
    """Check a mapping as far as the box can: what its paths find is checked on the server."""
    try:
        found = mapping.read(path.read_text(encoding="utf-8"), where=path.name)
        if found.csv is not None:
            yield f"mapping {path.name} reads rows of a table, not messages"
        elif find_spec("jmespath") is not None:
            shipped.conventions((found,))
    except (OSError, UnicodeDecodeError) as error:
        yield f"mapping {path} can't be read: {error}"
    except UsageError as error:
        yield str(error)


def _number(one: Declared) -> Iterator[str]:
    metric = METRICS.get(one.metric)
    if metric is None:
        yield f"no metric {one.metric!r}; there are {', '.join(METRICS)}"
        return
    unit = senml.UNITS.get(one.unit)
    if unit is None or not _fits(unit, metric.unit):
        good = ", ".join(name for name, code in senml.UNITS.items() if _fits(code, metric.unit))
        yield f"{one.metric} is not in {one.unit or 'no unit'}, but in one of {good}"


def _fits(unit: str, to: str) -> bool:
    try:
        units.convert(Decimal(1), unit, to)
    except NotUnderstood:
        return False
    return True


def _together(devices: Sequence[Declared]) -> Iterator[str]:
    """Find topics that one message may come by twice, and devices that nothing tells apart."""
    for one, other in combinations(devices, 2):
        pair = f"{one.address} and {other.address}"
        first, second = _filter(one), _filter(other)
        if first == second and (not one.field or (one.field, one.id) == (other.field, other.id)):
            yield f"{pair} share a topic: tell them apart by a field of the document and its id"
        elif first != second and topics.overlap(first, second):
            yield f"{pair}: {first} and {second} can be one topic, which would come twice"


def _preset(one: Declared) -> Preset:
    return PRESETS.get(one.preset, _NONE)


def _id(one: Declared) -> str:
    by_address = one.address.replace(":", "").upper() if _preset(one).id_of_address else ""
    return one.id or by_address


def _filter(one: Declared) -> str:
    return (one.topic or _preset(one).topic).replace("{id}", _id(one))


def _source(one: Declared, folder: Path) -> Source:
    preset = _preset(one)
    convention = one.convention or preset.convention
    if one.mapping:
        convention = mapping.read((folder / one.mapping).read_text(encoding="utf-8")).name
    return Source(
        # As `balise devices give` writes it.
        address=one.address.strip().upper(),
        topic=_filter(one),
        convention="senml" if one.metric else convention,
        field=one.field,
        id=one.id,
        metric=one.metric,
        unit=one.unit,
        repeats=preset.repeats if convention == preset.convention else None,
    )
