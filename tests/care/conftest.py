from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from care.readings import frame
from care.rules.rule import Asked

SHARED = Path(__file__).parents[2].parent / "shared"
ZONE = "Europe/Paris"
Table = Callable[[str], pl.DataFrame]
Ask = Callable[..., Asked]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a module's `test_case` each clinical case of the rules that its CHECKS names."""
    if "clinical_case" in metafunc.fixturenames:
        file = SHARED / "cases/clinical.json"
        cases = json.loads(file.read_text())["cases"] if file.exists() else []
        chosen = [one for one in cases if one["rule"] in metafunc.module.CHECKS]
        metafunc.parametrize("clinical_case", chosen, ids=[one["id"] for one in chosen])


@pytest.fixture
def table() -> Table:
    """Readings from a picture: `2026-02-01 07:00 | body_weight | 75.0`, times local."""

    def read(picture: str) -> pl.DataFrame:
        rows = []
        for number, line in enumerate(filter(None, map(str.strip, picture.splitlines()))):
            when, metric, value = (cell.strip() for cell in line.split("|"))
            local = datetime.fromisoformat(when)
            at = (local if local.tzinfo else local.replace(tzinfo=ZoneInfo(ZONE))).astimezone(UTC)
            rows.append((metric, at, Decimal(value), 0, 1, at, number))
        return frame(rows, ZONE)

    return read


@pytest.fixture
def ask() -> Ask:
    def at(
        when: str,
        *,
        expected: dict[str, timedelta] | None = None,
        instead: dict[str, tuple[str, ...]] | None = None,
        **plan: Any,
    ) -> Asked:
        local = datetime.fromisoformat(when)
        if local.tzinfo is None:
            local = local.replace(tzinfo=ZoneInfo(ZONE))
        return Asked(
            as_of=local.astimezone(UTC),
            today=local.astimezone(ZoneInfo(ZONE)).date(),
            time_zone=ZONE,
            expected=expected or {},
            enrolled_at=datetime(2026, 1, 1, tzinfo=UTC),
            instead=instead or {},
            **plan,
        )

    return at
