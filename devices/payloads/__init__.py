"""Payload conventions: what a document says, one file each."""

from __future__ import annotations

from devices.payloads import (
    apple_health,
    cgm_csv,
    clarity,
    fhir,
    fit,
    libreview,
    open_mhealth,
    senml,
    shipped,
    theengs,
)
from devices.payloads.convention import Convention

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (
        open_mhealth.CONVENTION,
        fhir.CONVENTION,
        senml.CONVENTION,
        theengs.CONVENTION,
        apple_health.CONVENTION,
        fit.CONVENTION,
        clarity.CONVENTION,
        libreview.CONVENTION,
        cgm_csv.CONVENTION,
        *shipped.CONVENTIONS,
    )
}
"""Every convention by the name it has in an envelope; the registry test walks it."""
