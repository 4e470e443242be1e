"""What guides ask of resources over R4: HL7's Personal Health Device guide, the ANS's measures.

Each rule is one of the guide's own, on an element by its id; none of these guides is a package that
can be fetched, so that they stand here and not in `definitions.json`. Left out are value sets that
are France's own, and what hl7.fhir.fr.core lays between R4 and the ANS.

Sources: HL7/phd, input/fsh/StructureDefinition.Phd*.fsh, in R4's form, and its 29 examples;
ansforge/IG-fhir-mesures-de-sante 3.1, input/fsh/Mes*.fsh and the differentials in main/ig. Where a
guide and its examples disagree on a code, its system is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PHD = "http://hl7.org/fhir/uv/phd/StructureDefinition/"
PHD_CATEGORIES = "http://hl7.org/fhir/uv/phd/CodeSystem/PhdObservationCategories"
MEASURES = "https://interop.esante.gouv.fr/ig/fhir/mesures/StructureDefinition/"
_MDC, _UCUM = "urn:iso:std:iso:11073:10101", "http://unitsofmeasure.org"
EUI64 = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
_R4 = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a profile asks of an element, such as `category:PHD-Observation.coding.system`.

    How often it is there, of which types or of what it refers to, what it has among its own, what
    it may be, and by which of its parts its slices are told.
    """

    element: str
    least: int | None = None
    most: str | None = None
    only: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    has: Any = None
    one_of: tuple[str, ...] = ()
    sliced_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Rules over a parent: another of these, or a definition of R4's."""

    url: str
    parent: str
    rules: tuple[Rule, ...]


def _quantity(where: str) -> tuple[Rule, ...]:
    """Return that a quantity has its value and the code of its unit."""
    parts = ("value", "system", "code")
    return (
        Rule(element=where, only=("Quantity",)),
        *(Rule(element=f"{where}.{part}", least=1) for part in parts),
    )


def _mdc(where: str, name: str = "MDCType", code: str | None = None) -> tuple[Rule, ...]:
    """Return that one of the codes is of MDC."""
    return (
        Rule(element=f"{where}.coding", least=1, sliced_by=("system",)),
        Rule(element=f"{where}.coding:{name}", least=1, most="1"),
        Rule(element=f"{where}.coding:{name}.system", least=1, has=_MDC),
        Rule(element=f"{where}.coding:{name}.code", least=1, has=code),
    )


PHD_OBSERVATION = Profile(
    url=f"{PHD}PhdBaseObservation",
    parent="Observation",
    rules=(
        Rule(element="meta", least=1),
        Rule(element="category", sliced_by=("coding.system",)),
        Rule(element="category:PHD-Observation", least=1, most="1"),
        Rule(element="category:PHD-Observation.coding", least=1),
        Rule(element="category:PHD-Observation.coding.system", least=1, has=PHD_CATEGORIES),
        Rule(element="category:PHD-Observation.coding.code", least=1),
        *_mdc("code"),
        Rule(element="subject", least=1),
        Rule(element="subject.reference", least=1),
        Rule(element="effective[x]", least=1, only=("dateTime", "Period")),
        Rule(element="device", least=1, refers_to=("Device",)),
        Rule(element="device.reference", least=1),
    ),
)
PHD_NUMERIC = Profile(
    url=f"{PHD}PhdNumericObservation",
    parent=PHD_OBSERVATION.url,
    rules=_quantity("value[x]"),
)
PHD_COMPOUND = Profile(
    url=f"{PHD}PhdCompoundNumericObservation",
    parent=PHD_OBSERVATION.url,
    rules=(
        Rule(element="value[x]", most="0"),
        *_mdc("component.code", "MdcType"),
        # Of what a component adds, a supplementary type is a code.
        *_quantity("component.value[x]:valueQuantity"),
    ),
)
PHD_DEVICE = Profile(
    url=f"{PHD}PhdDevice",
    parent="Device",
    rules=(
        Rule(element="identifier", sliced_by=("type.coding.code",)),
        Rule(element="identifier:systemIdIdentifier", least=1, most="1"),
        Rule(element="identifier:systemIdIdentifier.type", least=1),
        Rule(element="identifier:systemIdIdentifier.type.coding", least=1, most="1"),
        Rule(element="identifier:systemIdIdentifier.type.coding.system", least=1),
        Rule(element="identifier:systemIdIdentifier.type.coding.code", least=1, has="SYSID"),
        Rule(element="identifier:systemIdIdentifier.system", least=1, has=EUI64),
        Rule(element="identifier:systemIdIdentifier.value", least=1),
        Rule(element="manufacturer", least=1),
        Rule(element="modelNumber", least=1),
        Rule(element="type", least=1),
        *_mdc("type", code="65573"),
        Rule(element="specialization", least=1),
        *_mdc("specialization.systemType"),
        Rule(element="specialization.version", least=1),
    ),
)

_SENT = (
    Rule(element="meta", least=1),
    Rule(element="device", refers_to=("Device",)),
    Rule(element="dataAbsentReason.coding.system", least=1),
    Rule(element="dataAbsentReason.coding.code", least=1),
    Rule(element="method.coding.system", least=1),
    Rule(element="method.coding.code", least=1),
)
"""What the ANS asks of most measures."""


def _in(unit: str) -> tuple[Rule, ...]:
    """Return that a quantity is in one unit."""
    return (*_quantity("value[x]"), Rule(element="value[x]", has={"system": _UCUM, "code": unit}))


def _measure(name: str, parent: str, *rules: Rule) -> Profile:
    return Profile(url=f"{MEASURES}{name}", parent=parent, rules=(*_SENT, *rules))


_VITAL = Rule(element="category:VSCat.coding.display", has="vital-signs")
MEASURED = (
    _measure(
        "mesures-fr-observation-bp",
        f"{_R4}bp",
        _VITAL,
        Rule(element="subject", least=1),
        Rule(element="effective[x]", only=("dateTime",)),
        Rule(element="bodySite.coding.system", least=1),
        Rule(element="bodySite.coding.code", least=1),
    ),
    _measure("mesures-fr-observation-heartrate", f"{_R4}heartrate", *_quantity("value[x]")),
    _measure("mesures-fr-observation-body-weight", f"{_R4}bodyweight", *_in("kg")),
    _measure("mesures-fr-observation-body-temperature", f"{_R4}bodytemp", *_in("Cel")),
    _measure(
        "mesures-fr-observation-oxygen-sat",
        f"{_R4}oxygensat",
        _VITAL,
        Rule(element="code.coding", least=1),
        Rule(element="partOf", most="1"),
    ),
    _measure(
        "mesures-observation-steps-by-day",
        f"{_R4}vitalsigns",
        *_in("1/(24.h)"),
        Rule(element="value[x].unit", least=1, has="steps/day"),
        Rule(element="code.coding", has={"system": "http://loinc.org", "code": "41950-7"}),
    ),
)


def _posted(name: str, to: str, *profiles: Profile) -> tuple[Rule, ...]:
    return (
        Rule(element=f"entry:{name}.resource", only=(to,)),
        Rule(element=f"entry:{name}.resource.meta", least=1),
        Rule(
            element=f"entry:{name}.resource.meta.profile",
            least=1,
            one_of=tuple(one.url for one in profiles),
        ),
        Rule(element=f"entry:{name}.request", least=1),
        Rule(element=f"entry:{name}.request.method", has="POST"),
        Rule(element=f"entry:{name}.request.url", has=to),
    )


FEED = Profile(
    url=f"{MEASURES}mesures-bundle-flux-alimentation",
    parent="Bundle",
    rules=(
        Rule(element="type", has="transaction"),
        Rule(element="entry", least=1, sliced_by=("request.url",)),
        Rule(element="entry:mes-observation", least=1, most="1"),
        Rule(element="entry:mes-device", most="1"),
        *_posted("mes-observation", "Observation", *MEASURED),
        *_posted("mes-device", "Device", PHD_DEVICE),
    ),
)

PROFILES = {
    one.url: one
    for one in (PHD_OBSERVATION, PHD_NUMERIC, PHD_COMPOUND, PHD_DEVICE, *MEASURED, FEED)
}
