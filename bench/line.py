"""A whole line on servers and processes of its own, for measurements and for tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from balise.fleet import Fleet
from balise.settings import Settings
from balise.stack import Stack
from balise.up import gateway_settings, let_in, use
from ingest.gateway import devices
from ingest.mqtt import Broker, wait_for
from ingest.receive import ONLINE, STATUS
from sql import people
from sql.migrate import migrate
from sql.roles import Role

_START_SECONDS = 60.0
ROLES = {"receive": Role.RECEIVE, "flows": Role.FLOWS, "web": Role.WEB, "watch": Role.WATCH}
"""As what each process signs in at the database."""


@dataclass(frozen=True, slots=True)
class Line:
    """A running stack with its processes; `settings` are the services'."""

    stack: Stack
    fleet: Fleet
    settings: Settings

    def enrol(self, gateway: str, addresses: dict[str, str], pathway: str = "observation") -> int:
        """Enrol a patient of the gateway's name with a gateway and devices (address → name)."""
        since = datetime.now(UTC) - timedelta(days=400)
        with psycopg.connect(self.settings.database_url, autocommit=True) as connection:
            subject = people.add_subject(connection, gateway, pathway=pathway)
            people.set_identity(connection, subject, family="Test", given=gateway)
            people.add_gateway(connection, gateway)
            for address, name in addresses.items():
                people.give(connection, address, subject, since=since, name=name, gateway=gateway)
        known = [devices.KnownDevice(address=one, name=name) for one, name in addresses.items()]
        devices.write(devices.folder(self.settings.home, gateway) / "devices.json", known)
        return subject

    def of_gateway(self, name: str) -> Settings:
        """Return a gateway's settings, with its own account at the broker."""
        return gateway_settings(self.stack, self.settings, name)

    def add_gateway(self, name: str, ble: str) -> None:
        """Start the gateway process of an enrolled home."""
        self.of_gateway(name)
        self.fleet.add(
            name,
            "gateway",
            "run",
            BALISE_GATEWAY_NAME=name,
            BALISE_BLE=ble,
            BALISE_GATEWAY_CLOCK="trusted",  # one machine, one clock
            BALISE_RECEIPT_TIMEOUT="5",
        )

    def keep_running(self) -> list[str]:
        """Start again what has ended, as `balise up` does; return the names."""
        return [*self.stack.keep_running(), *self.fleet.keep_running()]

    def add(self, member: str, **variables: str) -> None:
        """Start a process, signed in at the database as it is in production."""
        name, *_ = words = member.split()
        own = {"BALISE_DATABASE_URL": let_in(self.stack, ROLES[name])} if name in ROLES else {}
        self.fleet.add(member, *words, **own, **variables)

    def wait_for_receiver(self) -> None:
        """Wait until the broker keeps what comes for the receiver."""
        wait_for(Broker(self.settings), f"{STATUS}/1", ONLINE, _START_SECONDS)


@contextmanager
def running(
    *, prefect: bool, members: tuple[str, ...] = ("receive",), home: Path | None = None
) -> Iterator[Line]:
    """Run a stack in a throw-away folder, with some of its processes."""
    home = home or new_folder()
    stack = Stack(home / "home", prefect=prefect)
    fleet = Fleet(home / "home" / "log")
    before = dict(os.environ)
    try:
        endpoints = stack.start()
        os.environ["BALISE_HOME"] = str(home / "home")
        settings = use(endpoints)
        migrate(endpoints.database_url)
        line = Line(stack, fleet, settings)
        for member in members:
            line.add(member)
        if "receive" in members:
            line.wait_for_receiver()
        stack.wait_prefect()
        yield line
    finally:
        fleet.stop()
        stack.stop()
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(home, ignore_errors=True)


def new_folder() -> Path:
    """Make a folder that root's unprivileged servers can reach too."""
    folder = Path(tempfile.mkdtemp(prefix="balise-line-", dir=_place()))
    folder.chmod(0o711)
    return folder


def _place() -> str:
    return "/var/tmp" if os.geteuid() == 0 else tempfile.gettempdir()  # noqa: S108 - mkdtemp in it
