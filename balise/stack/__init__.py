"""The local stack: PostgreSQL with TimescaleDB, mosquitto and a Prefect server under one folder."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

import psycopg

from balise.authority import Authority
from balise.errors import StackUnavailable
from balise.stack.broker import Broker
from balise.stack.home import Home
from balise.stack.postgres import Postgres
from balise.stack.prefect_server import PrefectServer
from balise.stack.process import Service
from balise.stack.programs import find
from balise.stack.progress import Progress, Silent, Terminal

__all__ = ["Endpoints", "Part", "Progress", "Silent", "Stack", "Terminal"]

Part = Literal["postgres", "broker", "prefect"]

logger = logging.getLogger(__name__)
# Who wants our log lines says so; nothing is printed by itself.
logger.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the servers of a stack answer; the first holds a password."""

    database_url: str = field(repr=False)
    mqtt_url: str
    boxes_url: str
    mqtt_files: dict[str, Path]
    """The settings that go with `mqtt_url`: authority, certificate and key of a service."""
    prefect_api_url: str
    prefect_ui_url: str


class Server(Protocol):
    """One part of the stack."""

    service: Service

    def start(self) -> None:
        """Start it, or start it again."""
        ...


class Stack:
    """A PostgreSQL + TimescaleDB, a mosquitto and a Prefect server of our own under one folder."""

    def __init__(
        self,
        home: Path,
        *,
        progress: Progress | None = None,
        prefect: bool = True,
        names: Sequence[str] = (),
        listen: str = "127.0.0.1",
        run_days: int = 14,
    ) -> None:
        tell = progress or Silent()
        self._home = Home(home)
        self._find = functools.cache(lambda: find(self._home, tell))
        self._postgres = Postgres(self._home, self._find, tell)
        self._broker = Broker(self._home, self._find, tell, names=names, listen=listen)
        self._prefect = PrefectServer(self._home, self._postgres, tell, days=run_days)
        self._parts: dict[Part, Server] = {"postgres": self._postgres, "broker": self._broker}
        if prefect:
            self._parts["prefect"] = self._prefect
        self._running = ExitStack()

    def start(self) -> Endpoints:
        """Start everything; database and broker answer when this returns, Prefect soon after."""
        self._home.open()
        with ExitStack() as undo:
            undo.enter_context(self._home.lock())
            services = [part.service for part in (self._postgres, self._broker, self._prefect)]
            for service in services:
                undo.callback(service.stop)
            # What a run that was killed left behind goes first, all of it.
            for service in reversed(services):
                service.stop()
            self._find()
            for server in self._parts.values():
                server.start()
            self._running = undo.pop_all()
        return self.endpoints

    def as_role(self, role: str) -> tuple[str, str]:
        """Return what a role signs in with at the database: its address, and the password in it."""
        return self._postgres.url("balise", role=role), self._home.secret(f"postgres-{role}")

    @property
    def endpoints(self) -> Endpoints:
        """Where the servers answer, once started; Prefect's are empty when it is left out."""
        prefect = f"http://127.0.0.1:{self._prefect.port}" if "prefect" in self._parts else ""
        return Endpoints(
            database_url=self._postgres.url("balise"),
            mqtt_url=self._broker.url,
            boxes_url=self._broker.boxes_url,
            mqtt_files={
                "mqtt_ca_file": self.authority.file,
                "mqtt_cert_file": self.authority.service.certificate,
                "mqtt_key_file": self.authority.service.key,
            },
            prefect_api_url=prefect and f"{prefect}/api",
            prefect_ui_url=prefect,
        )

    def wait_prefect(self, timeout: float = 120) -> None:
        """Wait until Prefect answers."""
        if "prefect" in self._parts:
            self._prefect.wait(timeout)

    def prefect_answers(self) -> bool:
        """Say whether Prefect answers now."""
        return self._prefect.answers()

    def stop(self) -> None:
        """Stop everything in reverse order, each with its data written; a second call is free."""
        self._running.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def authority(self) -> Authority:
        """Who signs the certificates of this home's broker, services and gateways."""
        return self._broker.authority

    def restart(self, part: Part) -> None:
        """Start again what was killed, or stop and start it, on the port it had."""
        self._parts[part].start()

    def keep_running(self) -> list[Part]:
        """Start again what has ended; return the names.

        What can't start now, on a full disk for one, is told to the log and left to the next call.
        """
        parts = self._parts.items()
        ended: list[Part] = [name for name, server in parts if not server.service.pid]
        return [name for name in ended if self._runs_again(name)]

    def _runs_again(self, part: Part) -> bool:
        try:
            self.restart(part)
        except (StackUnavailable, OSError, psycopg.OperationalError) as error:
            logger.warning("%s can't start again yet: %s", part, error)
            return False
        return True

    def pid(self, part: Part) -> int:
        """Return the main process id of a part; 0 when it doesn't run."""
        return self._parts[part].service.pid
