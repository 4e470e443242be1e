from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from balise.stack import Endpoints, Stack
from sql.migrate import migrate

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name what reads ../shared where it isn't there; in CI its absence is a failure."""
    if SHARED.is_dir() or os.environ.get("CI") == "true":
        return
    absent = pytest.mark.skip(reason="reads ../shared, which is not beside this clone")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(absent)


@pytest.fixture(scope="session")
def shared() -> Path:
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def one_prefix() -> Iterator[None]:
    """One prefix for every throw-away home; root's must be open to unprivileged servers."""
    place = Path("/var/tmp") if os.geteuid() == 0 else Path.home() / ".cache"  # noqa: S108
    with pytest.MonkeyPatch.context() as patch:
        if "BALISE_PREFIX" not in os.environ:
            patch.setenv("BALISE_PREFIX", str(place / "balise-test-prefix"))
        yield


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A real PostgreSQL with TimescaleDB and a real mosquitto, for the whole session."""
    place = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="balise-test-", dir=place))
    folder.chmod(0o711)
    with Stack(folder / "home", prefect=False) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def endpoints(stack: Stack) -> Endpoints:
    return stack.endpoints


@pytest.fixture(scope="session")
def _template(endpoints: Endpoints) -> str:
    """A migrated database to copy from: a copy takes a tenth of a migration."""
    url = _create(endpoints.database_url, "template_balise", "template0")
    migrate(url)
    return "template_balise"


@pytest.fixture
def new_database(endpoints: Endpoints, _template: str) -> Iterator[Callable[[], str]]:
    """Make empty, migrated databases; they are dropped after the test."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{os.getpid()}_{_Counter.next()}"
        made.append(name)
        return _create(endpoints.database_url, name, _template)

    yield make
    with psycopg.connect(endpoints.database_url, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


class _Counter:
    count = 0

    @classmethod
    def next(cls) -> int:
        cls.count += 1
        return cls.count


def _create(url: str, name: str, template: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    base, _, _ = url.rpartition("/")
    return f"{base}/{name}"
