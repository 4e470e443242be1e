"""The pages of whoever keeps the line: what was refused, and what is done about it.

A payload is health data: it is on no page and in no log, and shown by a command on the server only.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from balise import next_steps
from balise.errors import Reason
from balise.whole import whole
from care.web import audit
from care.web.visit import AsKeeper, Connection, Keeper, page
from flows import workbench
from sql import asked, refused


def _noted(request: Request, connection: Connection, _account: Keeper) -> None:
    """Write down what a keeper looks at or decides, of whomever it may be."""
    audit.note(request, connection, [])


router = APIRouter(prefix="/ops/refused", dependencies=[Depends(_noted)])

PATIENCE = 10.0
"""Seconds for which a click waits for the flows; after that the page says that they come to it."""

STATES = ("new", "replayed", "discarded")
_LISTED = 50

Number = Annotated[int | None, Form()]
Named = Annotated[Reason | None, Form()]


def _which(
    landing: Number = None, item: Number = None, part: Number = None, reason: Named = None
) -> refused.Which:
    """Return one refusal, or those of a reason: a form that says neither means nothing."""
    which = refused.Which(
        landing=landing, item=item, part=part, reason=None if reason is None else str(reason)
    )
    one_place = None not in {landing, item, part} and reason is None
    one_reason = {landing, item, part} == {None} and reason is not None
    if not (one_place or one_reason) or not _in_range(which):
        raise HTTPException(404)
    return which


def _in_range(which: refused.Which) -> bool:
    return (
        0 <= (which.landing or 0) < 1 << 63
        and 0 <= (which.item or 0) < 1 << 15
        and 0 <= (which.part or 0) < 1 << 15
    )


Chosen = Annotated[refused.Which, Depends(_which)]
"""What a form is about."""


@router.get("")
def listed(
    request: Request,
    connection: AsKeeper,
    account: Keeper,
    reason: Reason | None = None,
    state: str = "new",
) -> HTMLResponse:
    """Show how much waits by reason, and the newest of it."""
    if state not in STATES:
        raise HTTPException(404)
    return page(
        request,
        "refused.html",
        account.language,
        account=account,
        counts=[row for row in refused.counts(connection) if row["state"] == state],
        rows=refused.listed(connection, state=state, reason=reason, limit=_LISTED),
        chosen=reason,
        state=state,
        states=STATES,
        step=next_steps.step,
        said=_said(request),
    )


@router.get("/{landing}/{item}/{part}")
def one(
    request: Request,
    connection: AsKeeper,
    account: Keeper,
    landing: int,
    item: int,
    part: int,
) -> HTMLResponse:
    """Show one refusal, without a value of it."""
    which = refused.Which(landing=landing, item=item, part=part)
    looks = workbench.look(connection, which) if _in_range(which) else []
    if not looks:
        raise HTTPException(404)
    return page(
        request,
        "refused_one.html",
        account.language,
        account=account,
        look=looks[0],
        step=next_steps.step,
        said=_said(request),
    )


@router.post("/replay")
def read_again(
    connection: AsKeeper,
    account: Keeper,
    which: Chosen,
) -> RedirectResponse:
    """Have the flows read one message again, or the first so many of a reason."""
    number = asked.ask(connection, which, who=account.name)
    answer = asked.answer(connection, number, PATIENCE)
    if answer is None:
        return _back(which, later=1)
    if answer["failed"]:
        return _back(which, failed=1)
    return _back(
        which,
        new=answer["found"],
        changed=answer["changed"],
        still=answer["still"],
        more=int(answer["more"]),
    )


@router.post("/discard")
def discard(
    connection: AsKeeper,
    account: Keeper,
    which: Chosen,
    note: Annotated[str, Form(max_length=500)] = "",
) -> RedirectResponse:
    """Decide, with a note, that something is no reading."""
    if not note.strip():
        return _back(which, note=0)
    count = refused.discard(connection, which, who=account.name, note=note.strip())
    return _back(which, moved=count)


@router.post("/reopen")
def reopen(
    connection: AsKeeper,
    account: Keeper,
    which: Chosen,
) -> RedirectResponse:
    """Take a decision back."""
    return _back(which, moved=refused.reopen(connection, which, who=account.name))


_SAID = ("later", "failed", "note", "new", "changed", "still", "more", "moved")
_MOST = 10**9


def _said(request: Request) -> dict[str, int | None]:
    """Return what a form's answer says: numbers only, None where it says nothing."""
    return {name: whole(request.query_params.get(name, ""), _MOST) for name in _SAID}


def _back(which: refused.Which, **said: int) -> RedirectResponse:
    """Go back to where the form was, with what became of it."""
    where = "" if which.landing is None else f"/{which.landing}/{which.item}/{which.part}"
    asked = {"reason": which.reason} if which.reason else {}
    return RedirectResponse(f"/ops/refused{where}?{urlencode({**asked, **said})}", status_code=303)
