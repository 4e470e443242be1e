"""A server that invites boxes: its pages, its receiver, its commands."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from balise.errors import Exit
from balise.settings import Settings
from balise.stack import Stack
from balise.stack.ports import free
from bench.waiting import until
from care.web.app import create_app
from ingest.gateway.publish import Publisher
from ingest.mqtt import Broker, end_session, wait_for
from ingest.receive import ONLINE, STATUS, Receiver

_FIELDS = (
    "broker_names",
    "home",
    "database_url",
    "mqtt_url",
    "server_url",
    "broker_port",
    "gateway_phone",
)
_FILES = ("mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file")


@dataclass(frozen=True)
class Site:
    """The server of these settings; its pages answer at `server_url` while it serves."""

    settings: Settings

    def name(self) -> str:
        """A name that no box has had."""
        return f"box-{secrets.token_hex(4)}"

    def balise(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the server's about boxes."""
        return self.command("gateway", *arguments)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the server's."""
        own = {
            f"BALISE_{name.upper()}": str(getattr(self.settings, name))
            for name in (*_FIELDS, *_FILES)
        }
        return subprocess.run(
            [sys.executable, "-m", "balise", *arguments],
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def invite(self, name: str, *more: str) -> dict[str, str]:
        """Invite a box by the command."""
        done = self.balise("invite", name, "--json", *more)
        assert done.returncode == Exit.OK, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def serving(self, certificate_days: float | None = None) -> Iterator[None]:
        """Serve the pages, with certificates that last so many days."""
        days = certificate_days or self.settings.certificate_days
        settings = self.settings.model_copy(update={"certificate_days": days})
        config = uvicorn.Config(create_app(settings), port=settings.web_port, log_level="error")
        web = uvicorn.Server(config)
        thread = threading.Thread(target=web.run)
        thread.start()
        until(lambda: web.started)
        try:
            yield
        finally:
            web.should_exit = True
            thread.join(timeout=180)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Land what boxes send."""
        name = secrets.token_hex(4)
        receiver = Receiver(Broker(self.settings), self.settings.database_url, name=name)
        thread = threading.Thread(target=receiver.run)
        thread.start()
        wait_for(Broker(self.settings), f"{STATUS}/{name}", ONLINE, 180)
        try:
            yield
        finally:
            receiver.stop()
            thread.join(timeout=180)
            # The next test's shared subscription is its own.
            end_session(Broker(self.settings), f"balise-receiver-{name}")

    @contextmanager
    def publishing(self, own: Settings, spool: Path) -> Iterator[Publisher]:
        """Publish a box's spool."""
        publisher = Publisher(Broker(own), own.gateway_name, spool, 5)
        publisher.start()
        try:
            yield publisher
        finally:
            publisher.stop()


@pytest.fixture
def site(stack: Stack, database_url: str) -> Site:
    return _site(stack, database_url)


@pytest.fixture
def own_site(database_url: str) -> Iterator[tuple[Site, Stack]]:
    """A site whose authority and broker are this test's alone; the database is everybody's."""
    place = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="balise-site-", dir=place))
    folder.chmod(0o711)
    with Stack(folder / "home", prefect=False) as running:
        yield _site(running, database_url), running
    shutil.rmtree(folder)


def _site(stack: Stack, database_url: str) -> Site:
    port = free()
    where = stack.endpoints
    return Site(
        Settings(
            home=stack.authority.file.parent.parent,
            database_url=database_url,
            mqtt_url=where.mqtt_url,
            web_port=port,
            server_url=f"http://127.0.0.1:{port}",
            broker_names="localhost",
            broker_port=int(where.boxes_url.rpartition(":")[2]),
            gateway_phone="01 23 45 67 89",
            **where.mqtt_files,
        )
    )
