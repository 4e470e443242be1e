"""A patient is enrolled, and who they are is corrected: by whoever cares for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

import sql
from balise.errors import IdentityUnsafe
from care import identity
from care.identity import Identity
from care.pathways import PATHWAYS
from care.web import audit
from care.web.accounts import Account
from care.web.visit import Carer, Connection, Fields, Patient, page, settings_of, written_over
from sql import people, plans, rows
from sql.rows import Row

router = APIRouter()
of_one = APIRouter(prefix="/patients/{code}/identity")
ENROLLED_ON = tuple(name for name in PATHWAYS if name != "observation")
_ORDER = (*ENROLLED_ON, "observation")


@router.get("/enrol")
def form(request: Request, connection: Connection, account: Carer) -> Response:
    """Show the form of a new patient."""
    return _page(request, connection, account, {})


@router.post("/enrol")
def enrol(request: Request, connection: Connection, account: Carer, said: Fields) -> Response:
    """Enrol a patient; what can't be used comes back with what may stand there."""
    time_zone = settings_of(request).time_zone
    try:
        pathway, found = _pathway(said), identity.read(said, _today(time_zone))
        with connection.transaction():
            subject, code = _enrolled(connection, pathway, time_zone, said.get("panel", ""))
            _correct(connection, subject, found, over=0)
    except IdentityUnsafe as unsafe:
        if unsafe.field == "twice":  # who tries numbers is seen, though what they tried is undone
            audit.note(request, connection, [], reason="a number that is enrolled already")
        return _page(request, connection, account, said, unsafe=unsafe)
    return RedirectResponse(f"/patients/{code}", status_code=303)


@of_one.get("")
def corrected(
    request: Request, connection: Connection, account: Carer, patient: Patient
) -> Response:
    """Show who a patient is, to be corrected."""
    (known,) = rows.named(connection, "people.identity", subject=patient["id"])
    said = {key: str(value) for key, value in known.items() if value is not None}
    said["pathway"] = patient["pathway"]
    return _page(request, connection, account, said, patient=patient)


@of_one.post("")
def correct(
    request: Request, connection: Connection, account: Carer, patient: Patient, said: Fields
) -> Response:
    """Correct who a patient is, and the pathway they are on."""
    try:
        pathway, found = _pathway(said), identity.read(said, _today(patient["time_zone"]))
        _may_change(pathway, patient, account)
        with connection.transaction():
            _correct(connection, patient["id"], found, over=written_over(said))
            keys = {"subject": patient["id"], "pathway": pathway}
            if connection.execute(sql.get("people.put_on_pathway"), keys).fetchone():
                plans.judge_again(connection, patient["id"])
    except IdentityUnsafe as unsafe:
        return _page(request, connection, account, said, patient=patient, unsafe=unsafe)
    return RedirectResponse(f"/patients/{patient['code']}", status_code=303)


def _enrolled(
    connection: psycopg.Connection, pathway: str, time_zone: str, panel: str
) -> tuple[int, str]:
    """Return a new patient's number and code; IdentityUnsafe where the panel is not theirs."""
    enrolled = people.enrol(connection, pathway=pathway, time_zone=time_zone, panel=panel)
    if enrolled is None:
        raise IdentityUnsafe("panel")
    return enrolled


def _correct(connection: psycopg.Connection, subject: int, found: Identity, *, over: int) -> None:
    """Write who a patient is over what was shown of them.

    IdentityUnsafe where the number is another patient's, or somebody else corrected it meanwhile.
    """
    keys = {"subject": subject, "over": over, **found.columns()}
    try:
        written = connection.execute(sql.get("people.correct"), keys).rowcount
    except psycopg.errors.UniqueViolation as error:
        raise IdentityUnsafe("twice") from error
    if written != 1:
        raise IdentityUnsafe("overtaken")


def _pathway(said: Mapping[str, str]) -> str:
    name = said.get("pathway", "")
    if name not in PATHWAYS:
        raise IdentityUnsafe("pathway")
    return name


def _may_change(pathway: str, patient: Row, account: Account) -> None:
    """Raise IdentityUnsafe where a pathway is another than now, and the visitor signs no plans."""
    if pathway != patient["pathway"] and not account.signs:
        raise IdentityUnsafe("unsigned")


def _today(time_zone: str) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(time_zone)).date()


def _page(
    request: Request,
    connection: psycopg.Connection,
    account: Account,
    said: Mapping[str, str],
    *,
    patient: Row | None = None,
    unsafe: IdentityUnsafe | None = None,
) -> Response:
    return page(
        request,
        "identity.html",
        account.language,
        status=422 if unsafe else 200,
        account=account,
        patient=patient,
        said=said,
        unsafe=unsafe.field if unsafe else "",
        pathways=_ORDER,
        before=rows.named(connection, "people.identities", subject=patient["id"])
        if patient
        else [],
        panels=[] if patient else rows.named(connection, "people.own_panels"),
        sexes=identity.SEXES,
        kinds=identity.KINDS,
        statuses=identity.STATUSES,
        today=datetime.now(UTC).date(),
    )
