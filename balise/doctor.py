"""`balise doctor`: each part, whether it is well, and what to do where it isn't."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

from balise.checkup import database, line, trust
from balise.errors import BaliseError
from balise.finding import Finding
from balise.settings import Settings


def check(settings: Settings, parts: Sequence[str]) -> list[Finding]:
    """Return how each of these parts is."""
    return [_try(part, CHECKS[part], settings) for part in parts]


def _try(part: str, one: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(part, ok=True, says=one(settings))
    except psycopg.errors.InsufficientPrivilege:
        says = "this address of the database may not look: ask with its owner's"
        return Finding(part, ok=False, says=says)
    except (psycopg.Error, OSError, BaliseError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        return Finding(part, ok=False, says=said[0])


CHECKS: dict[str, Callable[[Settings], str]] = {
    "disk": trust.disk,
    "database": database.database,
    "clock": database.clock,
    "rights": database.rights,
    "certificates": trust.certificates,
    "keys": trust.keys,
    "transport": trust.transport,
    "broker": line.broker,
    "receiver": line.receiver,
    "flows": line.flows,
    "figures": line.figures,
    "prefect": line.prefect,
    "refused": line.refused,
    "gateways": line.gateways,
    "outbox": line.outbox,
    "pages": trust.pages,
    "accounts": trust.accounts,
    "provider": trust.provider,
    "audit": trust.audit,
    "backup": trust.backup,
    "copies": trust.copies,
}
"""The parts, in the order in which a mend makes sense."""
