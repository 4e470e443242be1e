"""How the rules do: whether they alarm in vain, and how soon somebody looks. Counts, of nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from care.rules import RULES
from care.web.visit import AsKeeper, Keeper, page
from sql import rows

router = APIRouter(prefix="/ops/rules")
DAYS = 90


@router.get("")
def shown(request: Request, connection: AsKeeper, account: Keeper) -> HTMLResponse:
    """Show each rule's figures of the last days; a rule that raised nothing is there too."""
    now = datetime.now(UTC)
    figures = rows.named(connection, "care.rule_figures", since=now - timedelta(days=DAYS))
    return page(
        request,
        "rules.html",
        account.language,
        account=account,
        days=DAYS,
        figures=figures,
        silent=sorted(RULES.keys() - {row["rule"] for row in figures}),
        rules=RULES,
    )
