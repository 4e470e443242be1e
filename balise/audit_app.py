"""The commands of the audit: whether it is whole, and a patient's list of who looked."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from balise.options import Json

audit_app = App(name="audit", help="Who saw, changed and took away what is a patient's.")


@audit_app.command(name="verify")
def audit_verify(
    *, head: Annotated[str | None, Parameter(negative="")] = None, json: Json = False
) -> None:
    """Check that no row was changed, taken out or cut off; exit 1 where one was.

    Parameters
    ----------
    head
        What an earlier check gave as its head, kept elsewhere: the chain must pass through it.
    json
        One JSON object.

    """
    from balise import auditing

    auditing.verify(head, as_json=json)


@audit_app.command(name="list")
def audit_list(patient: str, *, limit: int = 100, json: Json = False) -> None:
    """Say who saw, changed or took away what is a patient's: the patient may have this list.

    Parameters
    ----------
    patient
        The patient's code.
    limit
        How many, the newest first.
    json
        One JSON object a line.

    """
    from balise import auditing

    auditing.of_patient(patient, limit=limit, as_json=json)
