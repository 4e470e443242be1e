"""PostgreSQL with TimescaleDB on the loopback, with a database for Balise and one for Prefect."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psycopg
from psycopg import sql

from balise.errors import StackUnavailable
from balise.stack.cluster import LADDER, OWNER, Cluster
from balise.stack.home import Home
from balise.stack.process import Service
from balise.stack.programs import Finder
from balise.stack.progress import Progress

# Mending after a crash reads the log written since the last checkpoint, however much that is.
PATIENCE = 600.0

EXTENSIONS = {"balise": ("timescaledb", "btree_gist"), "prefect": ("pg_trgm",)}
ORPHANS = "pre-existing shared memory block"


class Postgres:
    """The database server of one home."""

    def __init__(self, home: Home, find: Finder, progress: Progress) -> None:
        self.service = Service(home, "postgres", LADDER)
        self.port = 0
        self._home = home
        self._find = find
        self._progress = progress
        self._cluster = Cluster(home, find)

    def url(self, database: str, *, role: str = OWNER, scheme: str = "postgresql") -> str:
        """Return the address of a database, password included."""
        password = self._home.secret("postgres" if role == OWNER else f"postgres-{role}")
        return f"{scheme}://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, on the port it had before, and wait for it and its databases."""
        self.service.stop()
        with self._progress.step("Preparing the database"):
            self._cluster.prepare()
        self.port = self._home.port("postgres", self.port)
        self._cluster.configure(self.port)
        with self._progress.step(f"Starting PostgreSQL on port {self.port}"):
            self._launch()
            self._make_databases()

    def _launch(self) -> None:
        """Start the server, as often as it takes for a killed one's children to be gone."""
        command = (str(self._find().postgres), "-D", str(self._cluster.data))
        deadline = time.monotonic() + 30
        while True:
            self._cluster.clear_lock()
            self.service.launch(command, self._find().environment(), served=True)
            try:
                return self.service.wait(self._answers, PATIENCE)
            except StackUnavailable:
                if ORPHANS not in self.service.first_words() or time.monotonic() > deadline:
                    raise
            time.sleep(0.3)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_databases(self) -> None:
        """Make what isn't there yet; Prefect's role owns its database and nothing of ours."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            _make_role(connection, "prefect", self._home.secret("postgres-prefect"))
            for name in EXTENSIONS:
                _make_database(connection, name)
        for name, extensions in EXTENSIONS.items():
            with psycopg.connect(self.url(name)) as connection:
                _add_extensions(connection, extensions)


def _make_role(connection: psycopg.Connection, name: str, password: str) -> None:
    if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    command = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    connection.execute(command.format(sql.Identifier(name), sql.Literal(password)))


def _make_database(connection: psycopg.Connection, name: str) -> None:
    if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
        # Both databases are owned by the role of the same name.
        command = sql.SQL("CREATE DATABASE {0} OWNER {0}")
        connection.execute(command.format(sql.Identifier(name)))


def _add_extensions(connection: psycopg.Connection, extensions: Iterable[str]) -> None:
    for extension in extensions:
        command = sql.SQL("CREATE EXTENSION IF NOT EXISTS {}")
        connection.execute(command.format(sql.Identifier(extension)))
