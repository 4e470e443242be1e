"""docker-compose.yml run without an engine: each process with its own command and variables.

Hosts, ports and a container's folders are replaced by ours; nothing else is. Real are: what
ops/secrets makes, the databases' script and its roles, the broker's start and compose.conf over
TLS, the processes of Balise, and the health check of each.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psycopg
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from balise import certificates
from balise.authority import Authority
from balise.stack import Stack
from balise.stack.ports import free
from bench.waiting import PATIENCE_SECONDS, until
from ingest.gateway.certificate import BrokerAt
from ingest.gateway.enrol import enrol, read_uri

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROGRAMS = {name: [sys.executable, "-m", name] for name in ("balise", "prefect")}


Processes = dict[str, "subprocess.Popen[bytes]"]


class Container:
    """A container's folders as ours, and its neighbours as ports of this machine."""

    def __init__(self, root: Path, made: Path, database: int) -> None:
        self.ports = {8883: free(), 8884: free(), 4200: free(), 8080: free()}
        # Each has a machine of its own there, and a port of its own here.
        self.vitals = defaultdict[str, int](free)
        self.root = root
        self._words = dict(line.split("=", 1) for line in (made / ".env").read_text().splitlines())
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
            "//broker:": "//localhost:",
            "//prefect:4200": "//127.0.0.1:4200",
        }
        for place in ("mosquitto", "config", "data", "home"):
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
        image = re.findall(r"^ENV (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0]
        own = {key: self.here(text) for key, text in SERVICES[name].get("environment", {}).items()}
        common = {"PATH": os.environ["PATH"], "HOME": f"{self.root}/home"}
        told = {"BALISE_METRICS_HOST": "127.0.0.1", "BALISE_METRICS_PORT": str(self.vitals[name])}
        return common | dict(re.findall(r"(\w+)=(\S+)", image)) | own | told

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


def secrets(root: Path, *arguments: str) -> str:
    command = [sys.executable, str(root / "ops/secrets"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


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


def test_the_broker_lets_in_a_box_that_was_certified(broker: int, box: ssl.SSLContext):
    assert says(broker, box) == "Success"


def test_the_broker_lets_in_nobody_else(broker: int, tls: ssl.SSLContext):
    assert says(broker, tls) != "Success"


def test_the_brokers_health_check_has_what_it_asks_with(
    broker: int, tls: ssl.SSLContext, container: Container
):
    check = container.here(SERVICES["broker"]["healthcheck"]["test"][1])
    program, *words = shlex.split(check)
    asked = dict(zip(words[::2], words[1::2], strict=True))
    assert (program, asked["-h"]) == ("mosquitto_sub", "localhost")
    assert Path(asked["--cafile"]).is_file()
    tls.load_cert_chain(asked["--cert"], asked["--key"])
    message = says(int(asked["-p"]), tls, asked["-t"])
    assert re.fullmatch(r"\d+ seconds", message)


def test_nobody_else_can_read_the_brokers_key_and_rules(broker: int, container: Container):
    modes = {
        path.name: path.stat().st_mode & 0o777 for path in (container.root / "mosquitto").iterdir()
    }
    assert modes == dict.fromkeys(("broker.key", "acl"), 0o400)


def test_what_the_broker_reads_after_it_gave_up_root_is_open(site: Authority):
    for path in (site.file, site.broker.certificate, *site.lists.iterdir()):
        assert path.stat().st_mode & 0o777 == 0o644
    for folder in (site.file.parent, site.lists):
        assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["broker.example.org", "192.0.2.7", "broker", "localhost"])
def test_the_certificate_is_good_for_every_name(broker: int, tls: ssl.SSLContext, name: str):
    assert shakes_hands(broker, tls, name)


def test_the_certificate_is_good_for_nothing_else(broker: int, tls: ssl.SSLContext):
    for context, name in ((tls, "example.org"), (ssl.create_default_context(), "localhost")):
        with pytest.raises(ssl.SSLCertVerificationError):
            shakes_hands(broker, context, name)


def shakes_hands(port: int, context: ssl.SSLContext, name: str) -> bool:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.version() == "TLSv1.3"


@pytest.fixture(scope="module")
def databases(stack: Stack, made: Path) -> str:
    """The databases and roles as the image's first start makes them; returns our database."""
    words = dict(line.split("=", 1) for line in (made / ".env").read_text().splitlines())
    for name in ("databases.sql", "roles.sql"):
        run_sql(stack, name, words)
    return stack.endpoints.database_url


def run_sql(stack: Stack, name: str, words: dict[str, str]) -> None:
    """Run a script of ops/postgres as the superuser, with what .env says."""
    text = (ROOT / "ops/postgres" / name).read_text()
    text = re.sub(r"\b(balise|prefect)\b", r"compose_\1", text)
    programs, url = stack._find(), stack.endpoints.database_url
    command = [str(programs.bin / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"]
    env = programs.environment() | words
    subprocess.run(command, input=text, text=True, env=env, check=True)


def test_neither_role_is_more_than_its_databases_owner(databases: str):
    with psycopg.connect(databases) as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb,"
            " has_database_privilege(rolname, 'compose_balise', 'CONNECT'),"
            " has_database_privilege(rolname, 'compose_prefect', 'CONNECT')"
            " FROM pg_roles WHERE rolname LIKE 'compose_%' ORDER BY rolname"
        ).fetchall()
    assert rows == [
        ("compose_balise", False, True, False),
        ("compose_prefect", False, False, True),
    ]


@pytest.fixture(scope="module")
def processes(container: Container, broker: int, databases: str) -> Iterator[Processes]:
    """Every process of ours, each started once those it waits for are healthy."""
    with ExitStack() as running:
        made: Processes = {}
        for name in ("migrate", "prefect", "receive", "flows", "web"):
            made[name] = running.enter_context(
                subprocess.Popen(
                    container.command(name), env=container.environment(name), cwd=container.root
                )
            )
            running.callback(made[name].terminate)
            if name == "migrate":
                assert made[name].wait(PATIENCE_SECONDS) == 0
            else:
                until(partial(container.is_healthy, name), poll=0.1)
        yield made


@pytest.fixture
def line(container: Container, processes: Processes) -> Container:
    return container


@pytest.mark.parametrize("role", ["receive", "flows", "web", "watch", "copy"])
def test_a_password_of_a_role_is_changed_and_the_old_one_is_good_no_more(
    processes: Processes, stack: Stack, databases: str, made: Path, role: str
):
    name = f"{role.upper()}_DB_PASSWORD"
    words = dict(line.split("=", 1) for line in (made / ".env").read_text().splitlines())
    database = "compose_balise" if role != "copy" else "?replication=true"
    place = f"127.0.0.1:{urlsplit(databases).port}/{database}"

    def signs_in(password: str) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://balise_{role}:{password}@{place}").close()
            return True
        return False

    run_sql(stack, "roles.sql", words | {name: "another"})
    assert [signs_in(one) for one in (words[name], "another")] == [False, True]
    run_sql(stack, "roles.sql", words)
    assert [signs_in(one) for one in (words[name], "another")] == [True, False]


@pytest.mark.parametrize("name", ["prefect", "receive", "flows", "web"])
def test_every_process_starts_and_is_healthy(line: Container, name: str):
    assert line.is_healthy(name)


def test_a_box_is_invited_enrols_and_is_shut_out(line: Container, tmp_path: Path):
    def server(*words: str) -> str:
        command, env = [*PROGRAMS["balise"], "gateway", *words], line.environment("authority")
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    invited = json.loads(server("invite", "home-2", "--json"))
    assert "s=https%3A%2F%2Fbroker.example.org" in invited["address"]
    known = read_uri(invited["address"])
    found = enrol(tmp_path, replace(known, server=f"http://127.0.0.1:{line.ports[8080]}"))
    assert found.broker == BrokerAt(
        gateway="home-2",
        host="broker.example.org",
        port=8883,
        server=f"http://127.0.0.1:{line.ports[8080]}",
    )
    tls = ssl.create_default_context(cafile=found.authority_file)
    tls.load_cert_chain(found.certificate_file, found.key_file)
    assert says(line.ports[8883], tls) == "Success"
    server("revoke", "home-2")
    assert says(line.ports[8883], tls) != "Success"


def test_behind_a_proxy_that_ends_tls_a_form_is_no_other_sites(line: Container):
    url = f"http://127.0.0.1:{line.ports[8080]}/sign-in"
    headers = {"Host": "care.example.org", "Origin": "https://care.example.org"}
    form = b"name=nobody&password=none"
    for scheme, code in {"http": 403, "https": 401}.items():
        request = urllib.request.Request(url, form, {**headers, "X-Forwarded-Proto": scheme})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)  # noqa: S310 - our own server
        caught.value.close()
        assert caught.value.code == code


def test_the_dashboard_tells_its_browser_where_prefect_is(line: Container):
    url = f"http://127.0.0.1:{line.ports[4200]}/ui-settings"
    with urllib.request.urlopen(url) as answer:
        assert f'"http://127.0.0.1:{line.ports[4200]}/api"' in answer.read().decode()


def test_a_receiver_that_is_gone_is_not_healthy(line: Container, processes: Processes):
    processes["receive"].kill()
    until(lambda: not line.is_healthy("receive"), poll=0.1)
