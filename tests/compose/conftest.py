"""docker-compose.yml run without an engine: each process with its own command and variables.

Hosts, ports and a container's folders are replaced by ours; nothing else is. Real are: what
ops/secrets makes, the databases' script and its roles, the broker's start and compose.conf over
TLS, the processes of Balise, and the health check of each.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from balise import certificates
from balise.authority import Authority
from balise.sealed_archive import new_key
from balise.stack import Stack
from balise.stack.ports import free
from bench.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# What docs/runbooks.md has an operator write into docker-compose.override.yml.
OVERRIDE = {"copy": {"BALISE_BACKUP_RECIPIENT": new_key()[1]}}
PROGRAMS = {name: [sys.executable, "-m", name] for name in ("balise", "prefect")}


class Container:
    """A container's folders as ours, and its neighbours as ports of this machine."""

    def __init__(self, root: Path, made: Path, database: int) -> None:
        self.ports = {8883: free(), 8884: free(), 4200: free(), 8080: free()}
        # Each has a machine of its own there, and a port of its own here.
        self.vitals = defaultdict[str, int](free)
        self.root = root
        self._words = words(made)
        self._places = {
            "/run/tls": f"{root}/home/tls",
            "/run/mosquitto": f"{root}/mosquitto",
            "/mosquitto/config": f"{root}/config",
            "/mosquitto/data": f"{root}/data",
            "/var/lib/balise": f"{root}/home",
            # The stack at hand has databases and roles of these names already.
            "//balise:": "//compose_balise:",
            "//prefect:": "//compose_prefect:",
            "@database:5432/": f"@127.0.0.1:{database}/compose_",
            "@database:5432/postgres": f"@127.0.0.1:{database}/postgres",
            "/out/": f"{root}/out/",
            "//broker:": "//localhost:",
            "//prefect:4200": "//127.0.0.1:4200",
        }
        for place in ("mosquitto", "config", "data", "home", "out"):
            (root / place).mkdir()

    def here(self, text: str) -> str:
        """Return a word of the compose file as it is outside a container."""
        text = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: self._words[match[1]], text)
        for place in sorted(self._places, key=len, reverse=True):
            text = text.replace(place, self._places[place])
        for port, ours in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(ours), text)
        return text.replace("$$", "$")

    def environment(self, name: str) -> dict[str, str]:
        """Return a service's variables; nothing of the caller's but where programs are."""
        [line] = re.findall(r"^ENV (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        own = {key: self.here(text) for key, text in SERVICES[name].get("environment", {}).items()}
        common = {"PATH": os.environ["PATH"], "HOME": f"{self.root}/home"}
        told = {"BALISE_METRICS_HOST": "127.0.0.1", "BALISE_METRICS_PORT": str(self.vitals[name])}
        image = dict(re.findall(r"(\w+)=(\S+)", line))
        return common | image | own | OVERRIDE.get(name, {}) | told

    def command(self, name: str) -> list[str]:
        """Return what a service of ours runs."""
        program, *words = [
            *SERVICES[name].get("entrypoint", ["balise"]),
            *SERVICES[name]["command"],
        ]
        return [*PROGRAMS[program], *map(self.here, words)]

    def is_healthy(self, name: str) -> bool:
        """Run a service's own health check."""
        check = SERVICES[name]["healthcheck"]
        program, *words = check["test"][1:]
        asked = [self.here(word).replace(":9464/", f":{self.vitals[name]}/") for word in words]
        command = [*PROGRAMS.get(program, [sys.executable]), *asked]
        env, seconds = self.environment(name), int(check["timeout"].removesuffix("s"))
        with suppress(subprocess.TimeoutExpired):
            done = subprocess.run(command, env=env, cwd=self.root, timeout=seconds, check=False)
            return done.returncode == 0
        return False


def secrets(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "ops/secrets"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def words(root: Path) -> dict[str, str]:
    """Return what .env says."""
    return dict(line.split("=", 1) for line in (root / ".env").read_text().splitlines())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ops/secrets makes, in a checkout that has nothing else."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "ops").mkdir()
    (root / "ops/secrets").write_bytes((ROOT / "ops/secrets").read_bytes())
    secrets(root, "broker.example.org", "192.0.2.7")
    return root


@pytest.fixture(scope="module")
def container(stack: Stack, made: Path, tmp_path_factory: pytest.TempPathFactory) -> Container:
    port = urlsplit(stack.endpoints.database_url).port
    return Container(tmp_path_factory.mktemp("container"), made, port or 0)


@pytest.fixture(scope="module")
def site(container: Container) -> Authority:
    """What the service `authority` makes."""
    command, env = container.command("authority"), container.environment("authority")
    subprocess.run(command, env=env, cwd=container.root, check=True)
    return Authority(container.root / "home")


@pytest.fixture(scope="module")
def broker(stack: Stack, container: Container, site: Authority) -> Iterator[int]:
    """mosquitto as the compose file starts it."""
    config, port = container.root / "config", container.ports[8883]
    text = container.here((ROOT / "ops/mosquitto/compose.conf").read_text())
    text = re.sub(r"^(listener \d+)$", r"\1 127.0.0.1", text, flags=re.MULTILINE)
    # Started by root it would become somebody who may not enter pytest's folders.
    (config / "compose.conf").write_text(f"user root\n{text}")
    for name in ("acl", "openssl.cnf"):
        (config / name).symlink_to(ROOT / "ops/mosquitto" / name)
    script = container.here(SERVICES["broker"]["command"][0])
    assert " -o mosquitto -g mosquitto " in script
    script = script.replace(" -o mosquitto -g mosquitto ", " ")
    programs = stack._find()
    env = programs.environment()
    env["PATH"] = f"{programs.mosquitto.parent}:{env['PATH']}"
    with subprocess.Popen([*SERVICES["broker"]["entrypoint"], script], env=env) as process:
        until(lambda: is_open(port))
        yield port
        process.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def tls(site: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=site.file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default since Python 3.13
    return context


@pytest.fixture
def box(site: Authority, tls: ssl.SSLContext, tmp_path: Path) -> ssl.SSLContext:
    """A box that was let in, as `web` does it."""
    key = certificates.new_key()
    (tmp_path / "key").write_bytes(certificates.key_text(key))
    (tmp_path / "pem").write_bytes(certificates.text(site.admit("home-1", key.public_key())))
    tls.load_cert_chain(tmp_path / "pem", tmp_path / "key")
    return tls


def says(port: int, context: ssl.SSLContext, topic: str = "") -> str:
    """Return the topic's message, or else what the broker says."""
    answers: list[str] = []
    done = threading.Event()

    def answer(text: str) -> None:
        answers.append(text)
        done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.tls_set_context(context)
    client.on_connect = lambda _c, _d, _f, code, _p: (
        client.subscribe(topic) if topic and not code.is_failure else answer(str(code))
    )
    client.on_message = lambda _c, _d, message: answer(message.payload.decode())
    client.on_disconnect = lambda _c, _d, _f, code, _p: answer(str(code))
    client.connect("localhost", port)
    client.loop_start()
    done.wait(PATIENCE_SECONDS)
    client.disconnect()
    client.loop_stop()
    return answers[0]


@pytest.fixture(scope="module")
def databases(stack: Stack, made: Path) -> str:
    """The databases and roles as the image's first start makes them; returns our database."""
    for name in ("databases.sql", "roles.sql"):
        run_sql(stack, name, words(made))
    return stack.endpoints.database_url


def run_sql(stack: Stack, name: str, said: dict[str, str]) -> None:
    """Run a script of ops/postgres as the superuser, with what .env says."""
    run_text(stack, (ROOT / "ops/postgres" / name).read_text(), said)


def run_text(stack: Stack, text: str, said: dict[str, str]) -> None:
    """Run statements as the superuser, with what .env says."""
    text = re.sub(r"\b(balise|prefect)\b", r"compose_\1", text)
    programs, url = stack._find(), stack.endpoints.database_url
    command = [str(programs.bin / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"]
    env = programs.environment() | said
    subprocess.run(command, input=text, text=True, env=env, check=True)
