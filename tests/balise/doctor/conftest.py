"""Where faults are planted for the doctor: a line that is well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from balise.doctor import CHECKS, check
from balise.settings import Settings
from bench.line import Line, running
from care.web import accounts
from sql import audit

Plant = Callable[["Ground"], Settings]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where faults are planted: a line that is well, and what undoes them."""

    line: Line
    settings: Settings
    undo: ExitStack
    folder: Path

    def sql(self, statement: str, back: str = "") -> Settings:
        """Run a statement, and another at the end."""
        self._run(statement)
        if back:
            self.undo.callback(self._run, back)
        return self.settings

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.settings.database_url, autocommit=True) as database:
            database.execute(statement.encode())

    def copy(self, **changed: object) -> Settings:
        """Return the settings with something else in them."""
        return self.settings.model_copy(update=changed)


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with running(prefect=False, members=("receive",)) as started:
        url = started.settings.database_url
        with psycopg.connect(url, autocommit=True) as database:
            accounts.add(database, "head", "a long enough password", role="admin", panels=())
            accounts.add(database, "nurse", "a long enough password", role="clinician")
            audit.add(database, [1], who="nurse", action="view", what="a test")
            database.execute("INSERT INTO backup (made_at, bytes, readings) VALUES (now(), 1, 1)")
        yield started


@pytest.fixture
def ground(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with ExitStack() as undo:
        yield Ground(line, line.settings, undo, tmp_path)


def unwell(ground: Ground, plant: Plant) -> list[str]:
    """Return what the doctor says of the parts that aren't well once a fault is planted."""
    return [one.says for one in check(plant(ground), tuple(CHECKS)) if not one.ok]
