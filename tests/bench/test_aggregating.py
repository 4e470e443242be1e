"""The bench of the aggregate step on the real parts, small: every way makes the same."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from balise.stack import Stack
from bench.aggregate import Aggregating, fill
from bench.apart import apart
from bench.rebuilding import rebuild

pytestmark = pytest.mark.stack


def test_rollups_beside_sql_and_polars(
    stack: Stack, database: psycopg.Connection, database_url: str
):
    fill(database, subjects=3, each=5_000, per_message=50)
    with apart(database_url, rebuild) as step:
        found: dict[str, Any] = Aggregating(database, step, stack.pid("postgres")).measure(2)
    assert (found["readings"], found["windows"]) == (15_000, 3)
    assert list(found["ways"]) == ["sql", "rebuild", "touched", "polars"]
    assert list(found["ratios"]) == ["rebuild / sql", "rebuild / touched", "rebuild / polars"]
    assert found["checksums"].keys() == {"rebuild"}
    assert found["as_in_sql"] is True
    assert database.execute("SELECT count(*) FROM rollup WHERE n > 0").fetchone() == (24,)
