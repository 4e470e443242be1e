"""What is seen, changed or taken away of patients is written down before it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import psycopg
from fastapi import Request

import sql

Action = Literal["sign_in", "list", "view", "change", "export", "emergency"]


def note(
    request: Request,
    connection: psycopg.Connection,
    patients: Iterable[int],
    *,
    action: Action | None = None,
    reason: str = "",
) -> None:
    """Add a row of whoever is signed in: the route, as it is written down, and the patients.

    Without an action it is what route and method say: a paper is a copy, a form that was sent a
    change.
    """
    route = getattr(request.scope.get("route"), "path", "")
    looks: Action = "export" if route.endswith(".pdf") else "view"
    keys = {
        "action": action or (looks if request.method in {"GET", "HEAD"} else "change"),
        "what": f"{request.method} {route}",
        "patients": sorted(set(patients)),
        "reason": reason,
    }
    connection.execute(sql.get("audit.acting"), keys)
