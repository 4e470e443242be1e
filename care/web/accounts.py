"""Accounts and sessions: argon2id hashes, sessions that can be revoked, tokens kept as digests."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import psycopg
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

import sql

SESSION_LIFETIME = timedelta(hours=12)
FIRST_ACCOUNT = "clinicien"
KEEPERS = ("ops", "admin")


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in, the language they read, and what they are here for."""

    name: str
    language: str
    role: str

    @property
    def signs(self) -> bool:
        """Say whether plans and pauses are theirs to sign."""
        return self.role == "clinician"

    @property
    def keeps_the_line(self) -> bool:
        """Say whether the pages of the line's keepers are theirs."""
        return self.role in KEEPERS


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Return a hash to compare with when the name is unknown, so that both answers take as long."""
    return _hasher().hash(secrets.token_urlsafe(16))


def add(connection: psycopg.Connection, name: str, password: str, *, role: str | None) -> None:
    """Make an account, or give it a new password; without a role it keeps the one it has."""
    connection.execute(
        sql.get("accounts.add"),
        {"name": name, "password_hash": _hasher().hash(password), "role": role},
    )


def ensure_first(connection: psycopg.Connection) -> str | None:
    """Make the first account where there is none; return its password, told this once."""
    row = connection.execute(sql.get("accounts.any")).fetchone()
    if row is not None and row[0]:
        return None
    password = secrets.token_urlsafe(12)
    add(connection, FIRST_ACCOUNT, password, role="clinician")
    return password


def sign_in(connection: psycopg.Connection, name: str, password: str) -> str | None:
    """Return a session's token, or None where name and password don't go together."""
    if not _fits(connection, name, password):
        return None
    token = secrets.token_urlsafe(32)
    connection.execute(
        sql.get("accounts.open_session"),
        {"digest": _digest(token), "name": name, "lifetime": SESSION_LIFETIME},
    )
    return token


def of_password(connection: psycopg.Connection, name: str, password: str) -> Account | None:
    """Return whose name and password these are, without a session: for a program that asks."""
    if not _fits(connection, name, password):
        return None
    row = connection.execute(sql.get("accounts.account"), {"name": name}).fetchone()
    return Account(*row) if row else None


def _fits(connection: psycopg.Connection, name: str, password: str) -> bool:
    """Say whether a name and a password go together; for no name it takes as long."""
    row = connection.execute(sql.get("accounts.find"), {"name": name}).fetchone()
    try:
        _hasher().verify(row[0] if row else _nobodys_hash(), password)
    except Argon2Error:
        return False
    return row is not None


def of_session(connection: psycopg.Connection, token: str) -> Account | None:
    """Return whose a session is, None once it is over."""
    row = connection.execute(sql.get("accounts.session"), {"digest": _digest(token)}).fetchone()
    return Account(*row) if row else None


def sign_out(connection: psycopg.Connection, token: str) -> None:
    """End a session."""
    connection.execute(sql.get("accounts.close_session"), {"digest": _digest(token)})


def set_language(connection: psycopg.Connection, name: str, language: str) -> None:
    """Keep the language an account reads in."""
    connection.execute(sql.get("accounts.set_language"), {"name": name, "language": language})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
