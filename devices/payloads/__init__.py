"""Payload conventions: what a document says, one file each."""

from __future__ import annotations

from devices.payloads import cgm_csv, fhir, open_mhealth
from devices.payloads.convention import Convention

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (open_mhealth.CONVENTION, fhir.CONVENTION, cgm_csv.CONVENTION)
}
"""Every convention by the name it has in an envelope; the registry test walks it."""
