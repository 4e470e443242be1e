"""The commands of exchange: what leaves as FHIR, whether it arrived, whether a file is right."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cyclopts import App

from balise.options import Json

fhir_app = App(name="fhir", help="What leaves for other systems as FHIR R4.")


@fhir_app.command(name="status")
def fhir_status(*, json: Json = False) -> None:
    """Say how much waits, was delivered and was refused, with the last answer of each.

    Parameters
    ----------
    json
        One JSON object a line.

    """
    from balise import leaving

    leaving.status(as_json=json)


@fhir_app.command(name="again")
def fhir_again() -> None:
    """Send once more what the other system refused, after what it said was mended."""
    from balise import leaving

    leaving.again()


@fhir_app.command(name="export")
def fhir_export(
    patient: str,
    folder: Path,
    *,
    profile: Literal["phd", "mes"] = "phd",
    oid: str = "",
    person: str = "",
) -> None:
    """Write a patient's measurements as transaction Bundles, and send nothing.

    Parameters
    ----------
    patient
        The patient's code.
    folder
        Where the files go: health data, for your eyes only.
    profile
        The HL7 Personal Health Device guide, or Mon espace santé's feed, one measurement a file.
    oid
        The sender's object identifier, for mes.
    person
        The patient's number there, for mes.

    """
    from balise import leaving

    leaving.export(patient, folder, profile=profile, oid=oid, person=person)


@fhir_app.command(name="check")
def fhir_check(*files: Path) -> None:
    """Check FHIR files by R4's own definitions and the profiles that they claim.

    Parameters
    ----------
    files
        JSON files, a resource or a Bundle each.

    """
    from balise import leaving

    leaving.check(files)
