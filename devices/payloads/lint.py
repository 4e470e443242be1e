"""What is wrong with a declared mapping, before it reads a patient's figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from jmespath.exceptions import JMESPathError

from balise.errors import NotUnderstood
from balise.metrics import METRICS
from balise.model import Decoded, Quality
from devices import units
from devices.payloads import mapped, mapped_csv
from devices.payloads.mapping import Mapping, Part, Sample

_SYSTOLIC, _DIASTOLIC = "systolic_blood_pressure", "diastolic_blood_pressure"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where in the mapping, and what is wrong."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def lint(mapping: Mapping) -> list[Problem]:
    """Return everything wrong with a mapping; an empty list is a mapping that may be used."""
    problems = [*_whole(mapping), *_parts(mapping), *_paths(mapping), *_pressures(mapping)]
    # Samples say nothing that is of use about a mapping that can't be right.
    return problems or list(_samples(mapping))


def _whole(mapping: Mapping) -> Iterator[Problem]:
    if not _NAME.fullmatch(mapping.name):
        yield Problem("name", "is small letters, digits and _")
    if not mapping.value:
        yield Problem("value", "a mapping without a value measures nothing")
    if not mapping.sample:
        yield Problem("sample", "a mapping carries at least one document with its figures")
    if (mapping.time.format == "capture") == bool(mapping.time.path):
        yield Problem("time", "has a path, or the format capture; without either, no time is known")
    if mapping.csv is not None and len(mapping.csv.delimiter) != 1:
        yield Problem("csv.delimiter", "is one character")
    if mapping.csv is not None and mapping.csv.delimiter == mapping.csv.decimal:
        yield Problem("csv", "the delimiter can't be the decimal sign")
    for condition in mapping.quality:
        if condition.quality.upper() not in Quality.__members__:
            yield Problem("quality", f"no quality {condition.quality!r}")


def _parts(mapping: Mapping) -> Iterator[Problem]:
    counted = Counter((part.metric, part.position) for part in mapping.value)
    for (metric, position), times in counted.items():
        if times > 1:
            yield Problem(metric, f"{times} values for position {position}: number them")
    for part in mapping.value:
        if part.metric not in METRICS:
            yield Problem(part.metric, "no metric of Balise")
        else:
            yield from _part(part)


def _part(part: Part) -> Iterator[Problem]:
    metric = METRICS[part.metric]
    if part.loinc and part.loinc != metric.loinc:
        yield Problem(part.metric, f"LOINC {part.loinc} is not its code ({metric.loinc})")
    if bool(part.unit) == bool(part.unit_path) or bool(part.unit_path) != bool(part.units):
        yield Problem(part.metric, "has a unit, or a unit_path with its units")
    for unit in (part.unit, *part.units.values()):
        if unit and not _convertible(unit, metric.unit):
            yield Problem(part.metric, f"{unit} can't be converted to {metric.unit}")


def _convertible(unit: str, to: str) -> bool:
    try:
        units.convert(Decimal(1), unit, to)
    except NotUnderstood:
        return False
    return True


def _paths(mapping: Mapping) -> Iterator[Problem]:
    if mapping.csv is not None:
        return
    asked = [path for part in mapping.value for path in (part.path, part.unit_path)]
    asked += [mapping.time.path, mapping.person, mapping.device, mapping.sequence]
    asked += [condition.path for condition in mapping.quality]
    for path in dict.fromkeys(one for one in asked if one):
        try:
            mapped.expression(path)
        except JMESPathError as error:
            yield Problem(path, f"is no JMESPath: {str(error).splitlines()[0]}")


def _pressures(mapping: Mapping) -> Iterator[Problem]:
    """Find a swapped blood pressure by the names of its paths."""
    for part in mapping.value:
        said = part.path.lower()
        if part.metric == _SYSTOLIC and "dia" in said and "sys" not in said:
            yield Problem(part.path, "is named like the diastolic, and mapped to the systolic")
        if part.metric == _DIASTOLIC and "sys" in said and "dia" not in said:
            yield Problem(part.path, "is named like the systolic, and mapped to the diastolic")


def _samples(mapping: Mapping) -> Iterator[Problem]:
    for place, sample in enumerate(mapping.sample, start=1):
        where = f"sample {place}"
        read = mapped.read if mapping.csv is None else mapped_csv.read
        try:
            (decoded,) = read(mapping, sample.document)
        except NotUnderstood as error:
            yield Problem(where, str(error))
        else:
            yield from _differences(where, sample, decoded)


def _differences(where: str, sample: Sample, decoded: Decoded) -> Iterator[Problem]:
    found = {_key(value.metric, value.position): value for value in decoded.readings}
    figures = {key: f"{value.value} {value.unit}" for key, value in found.items()}
    if figures != sample.expect:
        yield Problem(where, f"gives {figures}, not {sample.expect}")
    when = decoded.taken_at or decoded.device_time
    if sample.time is not None and when != sample.time:
        yield Problem(where, f"was taken at {when}, not {sample.time}")
    if set(sample.quality) != set(decoded.quality.names):
        yield Problem(where, f"has the quality {decoded.quality.names}, not {sample.quality}")
    pressures = {value.metric: value.value for value in decoded.readings}
    if pressures.get(_SYSTOLIC, Decimal(1)) <= pressures.get(_DIASTOLIC, Decimal(0)):
        yield Problem(where, "its systolic is not above its diastolic: are they swapped?")


def _key(metric: str, position: int) -> str:
    return f"{metric}/{position}" if position else metric
