"""The Prefect server of this Python environment, on its database of the stack's PostgreSQL."""

from __future__ import annotations

import http.client
import importlib.util
import os
import sys

from balise.stack.home import Home
from balise.stack.postgres import Postgres
from balise.stack.process import Service
from balise.stack.progress import Progress
from balise.stack.refusal import unavailable

_DAY = 24 * 3600


class PrefectServer:
    """The Prefect server of one home; it runs as the caller."""

    def __init__(
        self, home: Home, postgres: Postgres, progress: Progress, *, days: int = 14
    ) -> None:
        self.service = Service(home, "prefect")
        self._days = days
        self.port = 0
        self._home = home
        self._postgres = postgres
        self._progress = progress

    def start(self) -> None:
        """Start it and return at once: it takes seconds, and nothing we store waits for it."""
        self.service.stop()
        if importlib.util.find_spec("prefect") is None:
            raise unavailable("Prefect is not installed here: install balise[server]")
        self.port = self._home.port("prefect", self.port)
        command = ("server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        self.service.launch(
            (sys.executable, "-m", "prefect", *command), self._environment(), served=False
        )

    def wait(self, timeout: float) -> None:
        """Wait until its interface answers."""
        with self._progress.step(f"Waiting for Prefect on port {self.port}"):
            self.service.wait(self.answers, timeout)

    def _environment(self) -> dict[str, str]:
        # The caller's own Prefect settings may point at another server.
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PREFECT_")}
        database = self._postgres.url("prefect", role="prefect", scheme="postgresql+asyncpg")
        return kept | {
            "PREFECT_HOME": str(self._home.folder("prefect")),
            "PREFECT_API_DATABASE_CONNECTION_URL": database,
            "PREFECT_SERVER_UI_ENABLED": "true",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # Prefect keeps what it knows of runs for ever, unless told otherwise.
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(self._days * _DAY),
            "DO_NOT_TRACK": "1",
        }

    def answers(self) -> bool:
        """Say whether its interface answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()
