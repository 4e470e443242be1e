"""Connections by role: whatever a process signs in as, it may do no more than its part needs.

The roles are made by a migration (0026). A login of the owner takes the role on at its first byte.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

import psycopg
from psycopg import sql as build

import sql


class Role(StrEnum):
    """The processes' roles."""

    RECEIVE = "balise_receive"
    FLOWS = "balise_flows"
    WEB = "balise_web"
    KEEP = "balise_keep"
    """The pages, for what they do past whom their visitor follows; no process signs in as it."""
    WATCH = "balise_watch"


_MORE = {Role.WEB: "-c search_path=followed,public -c lock_timeout=30s"}


def options(role: Role, session: str = "") -> str:
    """Return what a connection says at its first byte to be of a role and for a session."""
    said = f"-c role={role} {_MORE.get(role, '-c search_path=public')}"
    return f"{said} -c balise.session={digest(session).hex()}" if session else said


def connect(database_url: str, role: Role, *, session: str = "") -> psycopg.Connection:
    """Connect as a role; for the pages with a session's token, empty for nobody's."""
    return psycopg.connect(database_url, autocommit=True, options=options(role, session))


def enter(connection: psycopg.Connection, session: str) -> None:
    """Go on for whoever a session is of."""
    connection.execute(sql.get("accounts.enter"), {"session": digest(session).hex()})


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def let_in(connection: psycopg.Connection, role: Role, password: str) -> None:
    """Let a role sign in by itself, with a password that takes the place of the one before."""
    command = build.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    connection.execute(command.format(build.Identifier(role), build.Literal(password)))
