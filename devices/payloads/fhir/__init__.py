"""FHIR R4: Observations, Devices and Bundles of the HL7 PHD guide and the vital-signs profiles.

A resource says what it says: figures of what Balise measures become readings with their digits,
every other value and text a fact. Who a patient is (a name, a date of birth) is never a fact.
"""

from __future__ import annotations

from collections.abc import Callable

from balise.errors import PayloadError, Reason
from balise.model import Decoded, State
from devices.payloads.convention import Convention
from devices.payloads.document import Json, child, children, fact, invalid, parse
from devices.payloads.fhir import observation, resources

_KINDS: dict[str, Callable[[Json], Decoded]] = {
    "Observation": observation.read,
    "Device": resources.device,
    "DeviceMetric": resources.device_metric,
    "Patient": resources.patient,
}


def _read(text: str) -> tuple[Decoded, ...]:
    resource = parse(text)
    if resource.get("resourceType") == "Bundle":
        return _bundle(resource)
    return (_one(resource),)


def _bundle(bundle: Json) -> tuple[Decoded, ...]:
    found = [child(entry, "resource") for entry in children(bundle, "entry")]
    said = tuple(_one(resource) for resource in found if resource is not None)
    return said or (
        Decoded(readings=(), state=State.INFORMATION, facts=(fact("resource", "Bundle"),)),
    )


def _one(resource: Json) -> Decoded:
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        raise invalid("resourceType must be text")
    if kind not in _KINDS:
        raise PayloadError(
            f"a {kind} resource carries no measurement", reason=Reason.METRIC_UNKNOWN
        )
    return _KINDS[kind](resource)


CONVENTION = Convention(name="fhir", title="FHIR R4 (HL7 PHD guide)", read=_read)
