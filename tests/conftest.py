from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright

from balise.stack import Endpoints, Stack
from sql.migrate import migrate

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
INSTALL = ("install", "-qy", "--no-install-recommends")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Leave out what is slow where nobody asked for it: no path, no marker, no name."""
    if _everywhere(config) and not (config.option.markexpr or config.option.keyword):
        config.option.markexpr = "not slow"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run everything in two processes, half of the time being waits; what was chosen in one."""
    return 2 if _everywhere(config) and not config.option.collectonly else 0


def _everywhere(config: pytest.Config) -> bool:
    """Say whether no path was asked for: `./run test`, and `.ci/run`."""
    return config.args_source is not pytest.Config.ArgsSource.ARGS


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


@pytest.fixture(scope="module")
def new_database(endpoints: Endpoints) -> Iterator[Callable[[], str]]:
    """Make empty, migrated databases; they are dropped after the module.

    Not copies of a template: TimescaleDB's workers sit in every database, and a template must be
    empty of sessions.
    """
    made: list[str] = []

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        made.append(name)
        url = _create(endpoints.database_url, name)
        migrate(url)
        return url

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


_NUMBERS = count(1)


def _create(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    base, _, _ = url.rpartition("/")
    return f"{base}/{name}"


@pytest.fixture(scope="session")
def distribution() -> Callable[..., None]:
    """Return what installs packages of Debian where root runs the tests; one process at a time."""

    def install(*packages: str) -> None:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return
        with (Path(tempfile.gettempdir()) / "balise-tests-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for command in (["update", "-q"], [*INSTALL, *packages]):
                subprocess.run(
                    ["apt-get", *command],
                    stdout=subprocess.DEVNULL,
                    env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                    check=False,
                )

    return install


@pytest.fixture(scope="module")
def browser(distribution: Callable[..., None]) -> Iterator[Browser]:
    """A real Chromium; in CI its absence is a failure."""
    chromium = os.environ.get("BALISE_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        distribution("chromium")
        chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no chromium, and it could not be installed")
        pytest.skip("no chromium here: apt-get install chromium, or set BALISE_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()
