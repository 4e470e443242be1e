"""A patient of another panel, opened for a while: for an emergency, with a reason that stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

import sql
from care.web.accounts import Account
from care.web.visit import Clinician, Connection, page

router = APIRouter(prefix="/emergency")
OPEN = timedelta(hours=4)


@router.get("")
def form(request: Request, account: Clinician, code: str = "") -> HTMLResponse:
    """Show the form."""
    return _page(request, account, code)


@router.post("")
def open_patient(
    request: Request,
    connection: Connection,
    account: Clinician,
    code: Annotated[str, Form(max_length=64)],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Open a patient for some hours; who asked, and why, is in the patient's own list."""
    said = reason.strip()
    if not said:
        return _page(request, account, code, trouble="reason")
    keys = {"code": code.strip(), "reason": said, "lifetime": OPEN}
    row = connection.execute(sql.get("panels.open"), keys).fetchone()
    if row is None or row[0] is None:
        raise HTTPException(404)
    return RedirectResponse(f"/patients/{code.strip()}", status_code=303)


def _page(request: Request, account: Account, code: str, *, trouble: str = "") -> HTMLResponse:
    return page(
        request,
        "emergency.html",
        account.language,
        status=422 if trouble else 200,
        account=account,
        code=code,
        trouble=trouble,
        hours=OPEN // timedelta(hours=1),
    )
