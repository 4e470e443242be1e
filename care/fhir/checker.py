"""Check a FHIR R4 resource: shape, cardinality, types, codes, invariants, and profiles with slices.

Compiled from HL7's own definitions (`compile.py`). No library in reach gets a profile's slices and
fixed values right: see the twelve blood pressures of tests/care/fhir/test_checker.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import chain
from typing import Any, cast

from fhirpathpy import compile as compile_path  # pyright: ignore[reportUnknownVariableType]
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models  # pyright: ignore[reportUnknownVariableType]

from care.fhir.compile import RESOURCES
from care.fhir.tree import Node, definitions, of_name, of_profiles, step

Json = Any
_YEAR, _MONTH, _DAY = r"\d{4}", r"-(0[1-9]|1[0-2])", r"-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_ZONE = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
_PATTERNS = {
    "date": rf"{_YEAR}({_MONTH}({_DAY})?)?",
    "dateTime": rf"{_YEAR}({_MONTH}({_DAY}(T{_TIME}{_ZONE})?)?)?",
    "instant": rf"{_YEAR}{_MONTH}{_DAY}T{_TIME}{_ZONE}",
    "time": _TIME,
    "code": r"[^\s]+(\s[^\s]+)*",
    "id": r"[A-Za-z0-9\-\.]{1,64}",
    "oid": r"urn:oid:[0-2](\.(0|[1-9]\d*))+",
    "uri": r"\S*",
    "url": r"\S*",
    "canonical": r"\S*",
    "base64Binary": r"(\s*([0-9a-zA-Z\+/=]){4}\s*)+",
    "uuid": r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
"""Of the primitive types, from their definitions in R4."""
_LENGTH_OF_DAY = 10
_WHOLE = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: a path such as `Observation.component[1].valueQuantity.code`."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def check(resource: Json) -> list[Problem]:
    """Return what is wrong with a resource, by R4 and by each profile it claims that we know."""
    facts = _object(resource) or {}
    kind = str(facts.get("resourceType"))
    if kind not in RESOURCES:
        return [Problem(kind, "is of a type that is not checked here")]
    claimed: list[str] = _listed((_object(facts.get("meta")) or {}).get("profile"))
    roots = [of_name(kind), *chain.from_iterable(of_profiles(str(url)) for url in claimed)]
    found: dict[Problem, None] = {}
    for root in roots:
        found |= dict.fromkeys(_of_rules(resource, root, kind, kind, resource))
        found |= dict.fromkeys(_of_object(resource, root, kind, kind, resource))
    return list(found)


def _of_object(value: Json, node: Node, kind: str, where: str, resource: Json) -> Iterator[Problem]:
    """Check an object against an element: its rules, its children, and that there are no others."""
    facts = _object(value)
    if facts is None:
        yield Problem(where, "is no object")
        return
    if not facts:
        yield Problem(where, "is empty")
    children = _children(node, kind)
    known = {"resourceType"}
    for name, child in children.items():
        for key, of_kind in _keys(name, child):
            known |= {key, f"_{key}"}
            yield from _of_companions(facts.get(f"_{key}"), f"{where}._{key}", resource)
            if key in facts:
                # Of a choice, a slice is one of its types.
                for one in (child, *filter(None, [child.slices.get(key)])):
                    yield from _of_values(facts[key], one, of_kind, f"{where}.{key}", resource)
        yield from _of_count(facts, name, child, where)
    for key in sorted(facts.keys() - known):
        yield Problem(f"{where}.{key}", "is no property of it")


def _children(node: Node, kind: str) -> dict[str, Node]:
    """Return the elements of a node: its own, over those of its type or of what it refers to."""
    if "contentReference" in node.facts:
        root, *path = node.facts["contentReference"].rsplit("#", 1)[-1].split(".")
        target = of_name(root)
        for name in path:
            target = step(target, name)
        return target.children
    of_type = of_name(kind).children if kind in definitions() else {}
    return of_type | node.children


def _keys(name: str, child: Node) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the property names of an element, each with its type: a choice has one for each."""
    if name.endswith("[x]"):
        stem = name.removesuffix("[x]")
        return [(stem + one["code"][0].upper() + one["code"][1:], one) for one in child.types]
    return [(name, child.types[0] if child.types else {"code": ""})]


def _of_companions(value: Json, where: str, resource: Json) -> Iterator[Problem]:
    """Check what stands behind a primitive value: an id, and extensions that say more of it."""
    for item in _listed(value):
        facts = _object(item)
        if item is not None and (not facts or not facts.keys() <= {"id", "extension"}):
            yield Problem(where, "must have an id or extensions, and nothing else")
            continue
        for place, one in enumerate(_listed((facts or {}).get("extension"))):
            kind = {"code": "Extension"}
            at = f"{where}.extension[{place}]"
            yield from _of_one(one, of_name("Extension"), kind, at, resource)


def _of_count(value: Json, name: str, child: Node, where: str) -> Iterator[Problem]:
    keys = [key for key, _ in _keys(name, child)]
    items = [item for key in keys for item in _listed(value.get(key))]
    absent = (item for key in keys if key not in value for item in _listed(value.get(f"_{key}")))
    items += [item for item in absent if (_object(item) or {}).get("extension")]
    yield from _count(len(items), child, f"{where}.{name}")
    if child.slices and name.endswith("[x]"):
        for slice_name, one in child.slices.items():
            yield from _count(len(_listed(value.get(slice_name))), one, f"{where}.{slice_name}")


def _count(found: int, node: Node, where: str) -> Iterator[Problem]:
    least, most = node.facts.get("min", 0), node.facts.get("max", "*")
    if found < least:
        yield Problem(where, f"is there {found} times, and must be at least {least}")
    if most != "*" and found > int(most):
        yield Problem(where, f"is there {found} times, and may be at most {most}")


def _listed(value: Json) -> list[Json]:
    if isinstance(value, list):
        return cast("list[Json]", value)  # type: ignore[redundant-cast] # pyright needs it
    return [] if value is None else [value]


def _object(value: Json) -> dict[str, Json] | None:
    return cast("dict[str, Json]", value) if isinstance(value, dict) else None


def _of_values(
    value: Json, node: Node, kind: Mapping[str, Any], where: str, resource: Json
) -> Iterator[Problem]:
    """Check all there is under one property name, slice by slice where it is sliced."""
    if isinstance(value, list) != bool(node.facts["many"]):
        yield Problem(where, "must be a list" if node.facts["many"] else "must be no list")
        return
    items = _listed(value)
    many = bool(node.facts["many"])
    if many and (not items or None in items):
        yield Problem(where, "has nothing in it")
    for place, item in enumerate(items):
        yield from _of_one(item, node, kind, f"{where}[{place}]" if many else where, resource)
    if node.slices and many:
        yield from _of_slices(items, node, kind, where, resource)


def _of_slices(
    items: list[Json], node: Node, kind: Mapping[str, Any], where: str, resource: Json
) -> Iterator[Problem]:
    slicing = node.facts["slicing"]
    taken: set[int] = set()
    for name, one in node.slices.items():
        places = [
            place
            for place, item in enumerate(items)
            if all(_matches(item, one, by["path"].split(".")) for by in slicing["discriminator"])
        ]
        taken |= set(places)
        yield from _count(len(places), one, f"{where}:{name}")
        for place in places:
            yield from _of_one(items[place], one, kind, f"{where}[{place}]", resource)
    if slicing["rules"] == "closed" and len(taken) < len(items):
        yield Problem(where, "has what is in none of its slices, and may not")


def _matches(item: Json, node: Node, path: Sequence[str]) -> bool:
    """Return whether an item has, at a path, what the slice fixes there."""
    if not path or path == ["$this"]:
        wanted = node.facts.get("fixed", node.facts.get("pattern"))
        return wanted is None or _has(item, wanted)
    child, facts = node.children.get(path[0]), _object(item)
    if child is None or facts is None:
        return False
    nodes = child.slices.values() or [child]
    items = _listed(facts.get(path[0]))
    return all(any(_matches(one, each, path[1:]) for one in items) for each in nodes)


def _has(value: Json, wanted: Json) -> bool:
    """Return whether a value is what is wanted, or has it among its own."""
    facts, pattern = _object(value), _object(wanted)
    if pattern is not None:
        return facts is not None and all(_has(facts.get(key), one) for key, one in pattern.items())
    if isinstance(wanted, list):
        return all(any(_has(each, one) for each in _listed(value)) for one in _listed(wanted))
    return bool(value == wanted)


def _of_one(
    item: Json, node: Node, kind: Mapping[str, Any], where: str, resource: Json
) -> Iterator[Problem]:
    """Check one value: its type, what is fixed, its codes, and what it holds."""
    if item is None:  # its `_` companion says why, or the list has nothing in it
        return
    fixed, pattern = node.facts.get("fixed", item), node.facts.get("pattern")
    if item != fixed or (pattern is not None and not _has(item, pattern)):
        yield Problem(where, f"must be {json.dumps(pattern or fixed)}")
    code = kind["code"]
    if code == "Resource":
        yield from _of_contained(item, where)
        return
    is_object = code in definitions() or code in {"", "Element", "BackboneElement"}
    if is_object:
        found = list(_of_object(item, node, code, where, resource))
    else:
        found = list(_of_primitive(item, code, where))
    yield from found
    if _object(item) is None if is_object else found:
        return  # of what is no value of its type nothing else can be said
    yield from _of_rules(item, node, node.facts["path"] if is_object else code, where, resource)
    if code in definitions():
        yield from _of_rules(item, of_name(code), code, where, resource)
    if code == "Reference":
        yield from _of_reference(item, kind, where)
    if code == "Extension" and not any(key.startswith(("value", "extension")) for key in item):
        yield Problem(where, "breaks ext-1: it has neither a value nor extensions")
    yield from _of_codes(item, node, where)


def _of_contained(item: Json, where: str) -> Iterator[Problem]:
    for problem in check(item):
        yield Problem(f"{where}.{problem.where}", problem.what)


def _of_reference(item: Json, kind: Mapping[str, Any], where: str) -> Iterator[Problem]:
    written = str(item.get("reference", ""))
    found = re.fullmatch(r"(?:\S+/)?([A-Z]\w+)/[A-Za-z0-9\-\.]{1,64}", written)
    targets = kind.get("targets", ())
    if found and targets and "Resource" not in targets and found[1] not in targets:
        yield Problem(where, f"refers to a {found[1]}; it may to {', '.join(targets)}")


def _of_codes(item: Json, node: Node, where: str) -> Iterator[Problem]:
    codes = node.facts.get("codes")
    if codes is None:
        return
    said = (
        [item] if isinstance(item, str) else [one.get("code") for one in item.get("coding", [item])]
    )
    if said and not set(said) & set(codes):
        yield Problem(where, f"is {said[0]!r}; it must be one of {', '.join(codes[:12])}")


def _of_primitive(item: Json, code: str, where: str) -> Iterator[Problem]:
    if not _is(item, code):
        yield Problem(where, f"is no {code}: {json.dumps(item, default=str)[:60]}")


def _is(item: Json, code: str) -> bool:
    if code == "boolean":
        return isinstance(item, bool)
    if code == "decimal":
        return isinstance(item, int | float) and not isinstance(item, bool)
    if code in _WHOLE:
        return isinstance(item, int) and not isinstance(item, bool) and _WHOLE[code] <= item < 2**31
    if not isinstance(item, str) or not re.fullmatch(_PATTERNS.get(code, r"[\s\S]+"), item):
        return False
    return code not in {"date", "dateTime", "instant"} or _is_a_day(item[:10])


def _is_a_day(written: str) -> bool:
    """Say whether a date is one: there is no 31st of February. A year or a month is none."""
    try:
        return len(written) < _LENGTH_OF_DAY or bool(date.fromisoformat(written))
    except ValueError:
        return False


def _of_rules(value: Json, node: Node, path: str, where: str, resource: Json) -> Iterator[Problem]:
    for rule in node.facts.get("rules", ()):
        if not _holds(path, rule["expression"], value, resource):
            yield Problem(where, f"breaks {rule['key']}: {rule['expression']}")


def _holds(path: str, expression: str, value: Json, resource: Json) -> bool:
    """Return whether an invariant holds; `path` says what the choices of a value are of."""
    known = {"resource": resource, "rootResource": resource}
    node = ResourceNode.create_node(value, path)  # type: ignore[no-untyped-call] # it has no types
    return _expression(expression)(node, known) in ([True], [])


@cache
def _expression(text: str) -> Any:
    compiled: Any = compile_path(text, models["r4"])  # pyright: ignore[reportUnknownVariableType]
    return compiled
