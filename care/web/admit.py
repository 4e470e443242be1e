"""The page of whoever gives accounts: who has one, as what, and a link for somebody new."""

from __future__ import annotations

from typing import Annotated

import psycopg
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from care.web import accounts
from care.web.accounts import Account
from care.web.visit import Admin, Connection, link_to, page
from sql import rows

router = APIRouter(prefix="/accounts")
Name = Annotated[str, Form(pattern=r"^[a-z0-9][a-z0-9._-]{1,63}$")]


@router.get("")
def listed(request: Request, connection: Connection, account: Admin) -> HTMLResponse:
    """Show the accounts."""
    return _page(request, connection, account)


@router.post("")
def invite(
    request: Request,
    connection: Connection,
    account: Admin,
    name: Name,
    role: Annotated[accounts.Kind, Form()],
    panel: Annotated[str, Form(max_length=64)] = "",
) -> HTMLResponse:
    """Make an account, or a new link for one, and show the link: to be handed to its owner."""
    carer = role in accounts.CARERS
    token = accounts.invite_as_admin(connection, name, role=role, panel=panel if carer else "")
    if token is None:
        return _page(request, connection, account, trouble="refused")
    return _page(request, connection, account, link=link_to(request, token), invited=name)


@router.post("/{name}/shut")
def shut(connection: Connection, _account: Admin, name: str) -> RedirectResponse:
    """Take an account's password and sessions; its owner's name stays in what they did."""
    accounts.shut(connection, name)
    return RedirectResponse("/accounts", status_code=303)


def _page(
    request: Request,
    connection: psycopg.Connection,
    account: Account,
    *,
    link: str = "",
    invited: str = "",
    trouble: str = "",
) -> HTMLResponse:
    return page(
        request,
        "accounts.html",
        account.language,
        status=422 if trouble else 200,
        account=account,
        trouble=trouble,
        every=accounts.every(connection),
        panels=rows.named(connection, "panels.names"),
        roles=accounts.ROLES,
        link=link,
        invited=invited,
        days=accounts.LINK_LIFETIME.days,
    )
