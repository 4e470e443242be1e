"""What a patient agrees to is written, and taken back, by whoever cares for them."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import sql
from balise.errors import ConsentUnsafe
from care import consent
from care.consent import Consent
from care.web.accounts import Account
from care.web.visit import Carer, Connection, Fields, Patient, page, written_over
from sql import plans, rows
from sql.rows import Row

router = APIRouter(prefix="/patients/{code}/consent")


@router.get("")
def show(request: Request, connection: Connection, account: Carer, patient: Patient) -> Response:
    """Show what a patient agreed to, and the forms."""
    return _page(request, connection, account, patient, {})


@router.post("")
def write(
    request: Request, connection: Connection, account: Carer, patient: Patient, said: Fields
) -> Response:
    """Write what a patient agrees to from now on; what can't be used comes back."""
    try:
        agreed = consent.read(said)
        with connection.transaction():
            _write(connection, patient["id"], agreed, over=written_over(said), who=account.name)
            plans.judge_again(connection, patient["id"])
    except ConsentUnsafe as unsafe:
        return _page(request, connection, account, patient, said, unsafe.field)
    return RedirectResponse(f"/patients/{patient['code']}/consent", status_code=303)


def _write(
    connection: psycopg.Connection, subject: int, agreed: Consent, *, over: int, who: str
) -> None:
    """Write it over what was shown; ConsentUnsafe where something else was written since."""
    keys = {"subject": subject, "who": who, "over": over}
    said = {"sheet": consent.SHEET, "scope": list(agreed.scope), "way": agreed.way}
    connection.execute(sql.get("consent.lock"), {"subject": subject})
    if not connection.execute(sql.get("consent.write"), {**keys, **said}).rowcount:
        raise ConsentUnsafe("overtaken")


def _page(
    request: Request,
    connection: psycopg.Connection,
    account: Account,
    patient: Row,
    said: Mapping[str, str],
    unsafe: str = "",
) -> Response:
    return page(
        request,
        "consent.html",
        account.language,
        status=422 if unsafe else 200,
        account=account,
        patient=patient,
        said=said,
        unsafe=unsafe,
        history=rows.named(connection, "consent.history", subject=patient["id"]),
        sheet=consent.SHEET,
        ways=consent.WAYS,
    )
