"""Who cares for a patient, and what the patient was told: CareTeam, Communication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from care.fhir.codes import TERMINOLOGY, concept
from care.fhir.resources import SYSTEM, patient_id, short


def care_team(members: Sequence[Mapping[str, Any]], code: str) -> dict[str, Any]:
    """Return a patient's team; each member by name and role, and since when."""
    return {
        "resourceType": "CareTeam",
        "id": short(f"balise-team-{code}"),
        "status": "active",
        "subject": {"reference": f"Patient/{patient_id(code)}"},
        "participant": [
            {
                "role": [{"text": one["role"]}],
                "member": {"display": one["name"]},
                "period": {"start": one["added_at"].isoformat(timespec="milliseconds")},
            }
            for one in members
        ],
    }


def communication(message: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Return a word to the patient: sent to the box at home, which says nothing of who read it."""
    patient = {"reference": f"Patient/{patient_id(code)}"}
    return {
        "resourceType": "Communication",
        "id": f"balise-message-{message['id']}",
        "identifier": [{"system": f"{SYSTEM}:message", "value": str(message["id"])}],
        "status": "completed",
        "category": [concept((f"{TERMINOLOGY}communication-category", "notification"))],
        "subject": patient,
        "recipient": [patient],
        "sent": message["at"].isoformat(timespec="milliseconds"),
        "sender": {"display": message["who"]},
        "payload": [{"contentString": message["text"]}],
    }
