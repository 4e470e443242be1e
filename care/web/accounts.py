"""Accounts and sessions: argon2id hashes, sessions that can be revoked, tokens kept as digests."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import BoundedSemaphore
from typing import Literal, get_args

import psycopg
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from prometheus_client import Counter

import sql
from balise.house import house
from care.web.fitted import Fitted
from sql import rows
from sql.roles import digest, enter
from sql.rows import Row

SESSION_LIFETIME = timedelta(hours=12)
ASKED = timedelta(minutes=1)
"""How long a session lasts that a program's password opened, for one answer."""
LINK_LIFETIME = timedelta(days=2)
FIRST_ACCOUNT = "clinicien"
FIRST_ADMIN = "admin"
Kind = Literal["clinician", "coordinator", "ops", "admin"]
ROLES: tuple[Kind, ...] = get_args(Kind)
HELPER = "helper"
"""Somebody of one patient's own; carers make such accounts, and nobody gives that role."""
HELPER_NAME = re.compile(r"h-[0-9]{8}")
"""What a helper's account is called: nobody's name, since the audit keeps it."""
CARERS = ("clinician", "coordinator")
KEEPERS = ("ops", "admin")
LEAST_PASSWORD = 12
WITHIN = timedelta(minutes=15)
MOST = (5, 20, 50)
"""Wrong passwords in that time: for a name from one address, for a name, from an address."""
REFUSED = Counter("balise_sign_in_refused", "Passwords that let nobody in, and why.", ["why"])
_log = structlog.get_logger(__name__)
_FITTED = Fitted()
_HASHING = BoundedSemaphore(max(2, os.cpu_count() or 2))
"""Hashes worked out at once: each takes 64 MiB."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in, the language they read, and what they are here for."""

    name: str
    language: str
    role: str

    @property
    def home(self) -> str:
        """Return the page they begin at."""
        if self.helps:
            return "/helped"
        if self.admits:
            return "/accounts"
        return "/ops/refused" if self.keeps_the_line else "/"

    @property
    def cares(self) -> bool:
        """Say whether they are here for patients."""
        return self.role in CARERS

    @property
    def signs(self) -> bool:
        """Say whether plans and pauses are theirs to sign."""
        return self.role == "clinician"

    @property
    def keeps_the_line(self) -> bool:
        """Say whether the pages of the line's keepers are theirs."""
        return self.role in KEEPERS

    @property
    def helps(self) -> bool:
        """Say whether they are of a patient's own."""
        return self.role == HELPER

    @property
    def admits(self) -> bool:
        """Say whether accounts are theirs to give."""
        return self.role == "admin"


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """Return a hash to compare with when the name is unknown, so that both answers take as long."""
    return _hasher().hash(secrets.token_urlsafe(16))


def add(
    connection: psycopg.Connection,
    name: str,
    password: str,
    *,
    role: str | None,
    panels: Sequence[str] = ("site",),
) -> None:
    """Make an account, or give it a new password; without a role it keeps the one it has."""
    keys = {"name": name, "password_hash": _hasher().hash(password), "role": role}
    connection.execute(sql.get("accounts.add"), keys)
    for panel in panels:
        connection.execute(sql.get("panels.add_account"), {"panel": panel, "account": name})


def ensure_first(connection: psycopg.Connection) -> str | None:
    """Make a clinician's account where there is none; return its password, told this once."""
    if rows.value(connection, "accounts.anybody_enters"):
        return None
    password = secrets.token_urlsafe(12)
    add(connection, FIRST_ACCOUNT, password, role="clinician")
    return password


def invite_first(connection: psycopg.Connection) -> str | None:
    """Return the token of the first admin's link, None where somebody can sign in already."""
    return _link(connection, "accounts.invite_first", name=FIRST_ADMIN)


def invite(
    connection: psycopg.Connection, name: str, *, role: str | None, panels: Sequence[str]
) -> str:
    """Return the token of a link by which an account's owner chooses a password, once."""
    token = secrets.token_urlsafe(32)
    with connection.transaction():
        connection.execute(sql.get("accounts.reserve"), {"name": name, "role": role})
        for panel in panels:
            connection.execute(sql.get("panels.add_account"), {"panel": panel, "account": name})
        keys = {"name": name, "digest": digest(token), "lifetime": LINK_LIFETIME}
        connection.execute(sql.get("accounts.invite"), keys)
    return token


def invite_as_admin(
    connection: psycopg.Connection, name: str, *, role: str, panel: str
) -> str | None:
    """Return the token of a link for an account, None where it isn't the visitor's to give."""
    if HELPER_NAME.fullmatch(name):
        return None
    return _link(connection, "accounts.invite_as_admin", name=name, role=role, panel=panel)


def invite_helper(
    connection: psycopg.Connection, subject: int, *, called: str = "", name: str = ""
) -> tuple[str, str] | None:
    """Return the name of a patient's helper and the token of their link.

    For somebody new it is said who they are, for another link of an account its name. None where
    that isn't the visitor's to give.
    """
    chosen = name or f"h-{secrets.randbelow(10**8):08}"
    token = _link(connection, "helpers.invite", name=chosen, subject=subject, called=called)
    return (chosen, token) if token else None


def _link(connection: psycopg.Connection, query: str, **keys: object) -> str | None:
    """Return the token of a link that a question makes; None where it makes none."""
    token = secrets.token_urlsafe(32)
    made = rows.value(connection, query, **keys, digest=digest(token), lifetime=LINK_LIFETIME)
    return token if made else None


def account_of_link(connection: psycopg.Connection, token: str) -> str | None:
    """Return whose password a link lets choose, None where it is used or too old."""
    account: str | None = rows.value(connection, "accounts.account_of_link", digest=digest(token))
    return account


def use_link(connection: psycopg.Connection, token: str, password: str) -> str | None:
    """Choose the password of a link's account; return the account."""
    if account_of_link(connection, token) is None:
        return None
    with _HASHING:
        hashed = _hasher().hash(password)
    keys = {"digest": digest(token), "password_hash": hashed}
    account: str | None = rows.value(connection, "accounts.use_link", **keys)
    return account


def sign_in(
    connection: psycopg.Connection,
    name: str,
    password: str,
    *,
    idle: timedelta,
    lifetime: timedelta = SESSION_LIFETIME,
) -> str | None:
    """Return a session's token, which the connection works for; None for a wrong password."""
    hashed = _fitting(connection, name, password)
    return _open(connection, name, idle=idle, lifetime=lifetime, hashed=hashed) if hashed else None


def _open(
    connection: psycopg.Connection,
    name: str,
    *,
    idle: timedelta,
    lifetime: timedelta,
    hashed: str | None = None,
) -> str | None:
    """Return a session's token; None where the account, or its password, is another by now."""
    token = secrets.token_urlsafe(32)
    keys = {"name": name, "lifetime": lifetime, "idle": idle, "hash": hashed}
    if not rows.value(connection, "accounts.open_session", digest=digest(token), **keys):
        return None
    enter(connection, token)
    return token


class Taken(Exception):  # noqa: N818 - a state of the visitor, not an error
    """Whoever signed in at the provider has another account already."""


def use_link_outside(connection: psycopg.Connection, token: str, identity: str) -> str | None:
    """Give a link's account to whom the provider says has come; return the account.

    Raises Taken where they have another one.
    """
    keys = {"link": digest(token), "digest": digest(identity)}
    try:
        account: str | None = rows.value(connection, "accounts.use_link_outside", **keys)
    except psycopg.errors.UniqueViolation:
        raise Taken from None
    return account


def sign_in_outside(
    connection: psycopg.Connection, identity: str, *, idle: timedelta
) -> str | None:
    """Return a session's token for whom the provider says has come; None without an account."""
    name = rows.value(connection, "accounts.outside", digest=digest(identity))
    return _open(connection, name, idle=idle, lifetime=SESSION_LIFETIME) if name else None


def sign_in_by_passkey(
    connection: psycopg.Connection, credential: bytes, sign_count: int, *, idle: timedelta
) -> str | None:
    """Return a session's token for whose passkey was used; None where its count did not rise."""
    keys = {"credential": credential, "sign_count": sign_count}
    with connection.transaction():  # whoever changes the way in meanwhile waits, and ends it
        name = rows.value(connection, "passkeys.used", **keys)
        return _open(connection, name, idle=idle, lifetime=SESSION_LIFETIME) if name else None


def _fitting(connection: psycopg.Connection, name: str, password: str) -> str | None:
    """Return the hash that a password fits, None for a wrong one; for no name it takes as long."""
    known: str | None = rows.value(connection, "accounts.find", name=name)
    if known and _FITTED.lately(known, password):
        return known
    try:
        with _HASHING:
            _hasher().verify(known or _nobodys_hash(), password)
    except Argon2Error:
        return None
    if known:
        _FITTED.note(known, password)
    return known or None


class Guessed(Exception):  # noqa: N818 - a state of the visitor, not an error
    """Too many wrong passwords came of late for this name, or from this address."""


def sign_in_from(
    connection: psycopg.Connection,
    name: str,
    password: str,
    *,
    address: str,
    idle: timedelta,
    lifetime: timedelta = SESSION_LIFETIME,
) -> str | None:
    """Sign somebody in who comes from an address. Raises Guessed."""
    hashed = _known(connection, name, password, address=address)
    return _open(connection, name, idle=idle, lifetime=lifetime, hashed=hashed) if hashed else None


def knows_password(
    connection: psycopg.Connection, name: str, password: str, *, address: str
) -> bool:
    """Say whether a password is somebody's. Raises Guessed for who must wait, whatever it is."""
    return _known(connection, name, password, address=address) is not None


def _known(connection: psycopg.Connection, name: str, password: str, *, address: str) -> str | None:
    """Return the hash that a password fits: each try counts as wrong until it does.

    Those of one name and house come in turn, so that a program with the right one may ask for
    several things at once. Raises Guessed.
    """
    whose = {"name": digest(name), "address": digest(house(address))}
    with _in_turn(connection, whose):
        together, of_name, of_address = MOST
        most = {"together": together, "of_name": of_name, "of_address": of_address}
        if not rows.value(connection, "accounts.may_guess", **whose, **most, within=WITHIN):
            _refused("held_off")
            raise Guessed
        hashed = _fitting(connection, name, password)
        if hashed is None:
            _refused("wrong")
        else:
            connection.execute(sql.get("accounts.forgive"), whose)
        return hashed


@contextmanager
def _in_turn(connection: psycopg.Connection, whose: Mapping[str, bytes]) -> Iterator[None]:
    connection.execute(sql.get("accounts.take_turn"), whose)
    try:
        yield
    finally:
        connection.execute(sql.get("accounts.end_turn"), whose)


def _refused(why: str) -> None:
    """Tell that somebody was not let in, and nothing of who."""
    _log.warning("sign_in_refused", why=why)
    REFUSED.labels(why).inc()


def visitor(connection: psycopg.Connection, idle: timedelta) -> Account | None:
    """Return whose the connection's session is, None once it is over; it goes on."""
    row = connection.execute(sql.get("accounts.visitor"), {"idle": idle}).fetchone()
    return Account(*row) if row else None


def sign_out(connection: psycopg.Connection, token: str) -> None:
    """End a session."""
    connection.execute(sql.get("accounts.close_session"), {"digest": digest(token)})


def set_language(connection: psycopg.Connection, name: str, language: str) -> None:
    """Keep the language an account reads in."""
    connection.execute(sql.get("accounts.set_language"), {"name": name, "language": language})


def every(connection: psycopg.Connection) -> list[Row]:
    """Return the accounts, for an admin; for anybody else there are none."""
    return rows.named(connection, "accounts.every")


def shut(connection: psycopg.Connection, name: str) -> None:
    """Take password, sessions and link from an account, as an admin; not from one's own."""
    connection.execute(sql.get("accounts.shut"), {"name": name})
