"""What the commands of accounts and panels do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import psycopg
from rich.console import Console
from rich.table import Table

import sql
from balise.database import needed
from balise.errors import UsageError
from balise.hand import who
from balise.run import read_settings
from care.web import accounts
from sql import audit, people, rows
from sql.rows import Row

_PANEL = re.compile(r"[a-z0-9-]{1,64}")
_SITE = "site"


def account(name: str, *, role: str | None, panels: Sequence[str], sign_out: bool) -> None:
    """Make a link for an account, or end its sessions."""
    settings = read_settings("database_url")
    with needed(), psycopg.connect(settings.database_url, autocommit=True) as connection:
        told = f"balise account {name}: {role or 'as before'} {' '.join(panels)}".rstrip()
        if sign_out:
            _note(connection, f"balise account {name}: sessions ended")
            ended = connection.execute(sql.get("accounts.sign_out"), {"name": name}).rowcount
            Console().print(f"{ended} sessions of {name} ended", highlight=False)
            return
        asked = _new_role(connection, name, role)
        chosen = panels or _first_panel(connection, asked)
        _known_panels(connection, chosen)
        with connection.transaction():
            token = accounts.invite(connection, name, role=asked, panels=chosen)
            _note(connection, told)
    link = f"{settings.server_url or 'http://127.0.0.1:8080'}/welcome/{token}"
    days = accounts.LINK_LIFETIME.days
    Console().print(f"{name}: {link}", highlight=False, soft_wrap=True)
    Console(stderr=True).print(f"for its owner alone; it works once, for {days} days")


def _note(connection: psycopg.Connection, what: str, patients: Sequence[str] = ()) -> None:
    numbers = [one.id for code in patients if (one := people.find(connection, code))]
    audit.add(connection, numbers, who=who(), action="access", what=what)


def _new_role(connection: psycopg.Connection, name: str, role: str | None) -> str | None:
    """Return the role that an account gets; None for one that keeps what it has."""
    held = connection.execute(sql.get("accounts.role"), {"name": name}).fetchone()
    if role is None and held is None:
        raise UsageError(f"{name} is new: say --role, one of {', '.join(accounts.ROLES)}")
    if accounts.HELPER_NAME.fullmatch(name):
        raise UsageError(f"{name} is a helper's name: their link is made on the patient's page")
    return role


def _first_panel(connection: psycopg.Connection, role: str | None) -> Sequence[str]:
    """Return the panel of everyone for a carer's account, while a site has no other."""
    if role not in accounts.CARERS:
        return ()
    names = _names(connection)
    if names != [_SITE]:
        raise UsageError(f"say which panel it follows: --panel, one of {', '.join(names)}")
    return (_SITE,)


def _known_panels(connection: psycopg.Connection, asked: Sequence[str]) -> None:
    if unknown := sorted(set(asked) - set(_names(connection))):
        raise UsageError(f"no panel {', '.join(unknown)}; `balise panel put` makes one")


def panels(*, as_json: bool) -> None:
    """Print the panels, and whom nobody follows."""
    with needed(), psycopg.connect(read_settings("database_url").database_url) as connection:
        found = rows.named(connection, "panels.every")
        alone = [row["code"] for row in rows.named(connection, "panels.unfollowed")]
    if as_json:
        for row in found:
            print(json.dumps(row))  # noqa: T201 - the answer
    else:
        _print(found)
    if alone:
        Console(stderr=True).print(f"nobody follows: {', '.join(alone)}", highlight=False)


def _print(found: Sequence[Row]) -> None:
    table = Table("panel", "patients", "followed by")
    for row in found:
        patients = "everyone" if row["everyone"] else str(row["patients"])
        table.add_row(row["name"], patients, ", ".join(row["accounts"]))
    Console().print(table)


def put_panel(
    name: str, *, accounts: Sequence[str], patients: Sequence[str], everyone: bool
) -> None:
    """Make a panel, or add to one."""
    if not _PANEL.fullmatch(name):
        raise UsageError("a panel's name has lower-case letters, digits and hyphens")

    def work(connection: psycopg.Connection) -> None:
        if everyone or name not in _names(connection):
            connection.execute(sql.get("panels.put"), {"name": name, "everyone": everyone})
        for one in accounts:
            connection.execute(sql.get("panels.add_account"), {"panel": name, "account": one})
        _known_patients(connection, patients)
        connection.execute(sql.get("panels.add_patients"), {"panel": name, "codes": list(patients)})
        whose = "everyone, " if everyone else ""
        _note(connection, f"balise panel put {name}: {whose}{_told(accounts)}", patients)

    _change(work)


def remove_from_panel(name: str, *, accounts: Sequence[str], patients: Sequence[str]) -> None:
    """Take accounts or patients out of a panel."""

    def work(connection: psycopg.Connection) -> None:
        _known_panels(connection, [name])
        _known_patients(connection, patients)
        for one in accounts:
            connection.execute(sql.get("panels.remove_account"), {"panel": name, "account": one})
        gone = {"panel": name, "codes": list(patients)}
        connection.execute(sql.get("panels.remove_patients"), gone)
        _note(connection, f"balise panel remove {name}: {_told(accounts)}", patients)

    _change(work)


def _told(accounts: Sequence[str]) -> str:
    return f"accounts {' '.join(accounts) or 'none'}"


def _names(connection: psycopg.Connection) -> list[str]:
    return [row["name"] for row in rows.named(connection, "panels.names")]


def _known_patients(connection: psycopg.Connection, codes: Sequence[str]) -> None:
    unknown = rows.named(connection, "panels.unknown", codes=list(codes))
    if unknown:
        said = ", ".join(row["code"] for row in unknown)
        raise UsageError(f"no patient {said} is enrolled; nothing was changed")


def _change(work: Callable[[psycopg.Connection], None]) -> None:
    with needed(), psycopg.connect(read_settings("database_url").database_url) as connection:
        try:
            work(connection)
        except psycopg.errors.ForeignKeyViolation as error:
            raise UsageError("there is no such account; `balise account` makes one") from error
    panels(as_json=False)
