"""Compile HL7's definitions of R4 for the checker: `python -m care.fhir.compile FOLDER`.

FOLDER holds the unpacked npm package `hl7.fhir.r4.examples` 4.0.1 (CC0), where all R4 definitions
are. What comes out is `definitions.json` beside this file: one definition or value set a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

RESOURCES = (
    "AuditEvent",
    "Bundle",
    "CapabilityStatement",
    "CareTeam",
    "Communication",
    "Device",
    "DeviceMetric",
    "DiagnosticReport",
    "Flag",
    "Observation",
    "OperationOutcome",
    "Patient",
    "Provenance",
)
PROFILES = (
    "vitalsigns",
    "bp",
    "heartrate",
    "oxygensat",
    "bodytemp",
    "bodyweight",
    "resprate",
    "bmi",
)
_LEFT_OUT = {"ele-1", "ext-1", "dom-3", "ref-1", "txt-1", "txt-2", "rng-2"}
"""What the checker holds by itself, what is of contained resources and narrative, which Balise has
none of, and what fhirpathpy can't compare."""
_HAS_VALUE = (".hasValue()", ".exists()")
"""fhirpathpy knows the second alone; of a property that is there they say the same."""
_KEPT = ("id", "path", "min", "max", "slicing", "contentReference")


def main(folder: Path) -> None:
    """Write every definition that the resources need, and the codes that they require."""
    found: dict[str, Any] = {}
    waiting = [*RESOURCES, *PROFILES]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        definition = _read(folder, f"StructureDefinition-{name}")
        if definition is None or definition.get("kind") == "primitive-type":
            continue
        found[name] = _compiled(folder, definition)
        waiting += _types(found[name])
    lines = [
        f"{json.dumps(name)}: {json.dumps(found[name], ensure_ascii=False)}"
        for name in sorted(found)
    ]
    target = Path(__file__).parent / "definitions.json"
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


@cache
def _read(folder: Path, name: str) -> Mapping[str, Any] | None:
    file = folder / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def _compiled(folder: Path, definition: Mapping[str, Any]) -> dict[str, Any]:
    elements = [_element(folder, one) for one in definition["snapshot"]["element"]]
    return {"url": definition["url"], "type": definition["type"], "elements": elements}


def _element(folder: Path, element: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: element[name] for name in _KEPT if name in element}
    kept["many"] = element.get("base", {}).get("max", element.get("max")) != "1"
    kept["types"] = [_type(folder, one) for one in element.get("type", [])]
    for name, value in element.items():
        if name.startswith(("fixed", "pattern")):
            kept["fixed" if name.startswith("fixed") else "pattern"] = value
    rules = [
        {"key": one["key"], "expression": one["expression"].replace(*_HAS_VALUE)}
        for one in element.get("constraint", [])
        if one["severity"] == "error" and one["key"] not in _LEFT_OUT
        # What a reference leads to is not in the resource.
        if "resolve()" not in one.get("expression", "resolve()")
    ]
    binding = element.get("binding", {})
    codes = None
    if binding.get("strength") == "required" and binding.get("valueSet"):
        codes = sorted(_codes(folder, binding["valueSet"].split("|")[0]) or ())
    return kept | ({"rules": rules} if rules else {}) | ({"codes": codes} if codes else {})


def _type(folder: Path, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a type's name, and for a reference the resources that it may be of."""
    name = one["code"].removeprefix("http://hl7.org/fhirpath/System.")
    names = [target.rsplit("/", 1)[-1] for target in one.get("targetProfile", [])]
    read = [_read(folder, f"StructureDefinition-{target}") for target in names]
    targets = sorted({target["type"] for target in read if target})
    return {"code": name} | ({"targets": targets} if targets else {})


def _types(definition: Mapping[str, Any]) -> Iterator[str]:
    for element in definition["elements"]:
        for one in element["types"]:
            yield one["code"]


@cache
def _codes(folder: Path, url: str) -> frozenset[str] | None:
    """Return the codes of a value set, None where it names no closed list (units, languages)."""
    value_set = _by_url(folder).get(url)
    codes: set[str] = set()
    for part in (value_set or {}).get("compose", {}).get("include", []):
        listed = _included(folder, part)
        if listed is None:
            return None
        codes |= listed
    return frozenset(codes) or None


def _included(folder: Path, part: Mapping[str, Any]) -> set[str] | None:
    if "concept" in part:
        return {one["code"] for one in part["concept"]}
    if "filter" in part or "valueSet" in part:
        return None
    system = _by_url(folder).get(part.get("system", ""), {})
    return set(_all_codes(system.get("concept", []))) or None


def _all_codes(concepts: list[Mapping[str, Any]]) -> Iterator[str]:
    for one in concepts:
        yield one["code"]
        yield from _all_codes(one.get("concept", []))


@cache
def _by_url(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return value sets by their address, and code systems by theirs."""
    found: dict[str, Mapping[str, Any]] = {}
    for kind in ("ValueSet", "CodeSystem"):
        for file in sorted(folder.glob(f"{kind}-*.json")):
            read = json.loads(file.read_text(encoding="utf-8"))
            if "url" in read:
                found[read["url"]] = read
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
