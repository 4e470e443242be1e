"""Every process of docker-compose.yml: signs in, is healthy, and does what it is there for."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from balise.stack import Stack
from bench.waiting import PATIENCE_SECONDS, until
from ingest.gateway.certificate import BrokerAt
from ingest.gateway.enrol import enrol, read_uri

from .conftest import PROGRAMS, ROOT, Container, run_sql, run_text, says, secrets, words

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Processes = dict[str, "subprocess.Popen[bytes]"]
Start = Callable[[str], "subprocess.Popen[bytes]"]
SERVED = ["prefect", "receive", "flows", "web", "watch", "copy"]


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
def start(container: Container, broker: int, databases: str) -> Iterator[Start]:
    """Start a service."""
    with ExitStack() as running:

        def start(name: str) -> subprocess.Popen[bytes]:
            command, env = container.command(name), container.environment(name)
            log = running.enter_context((container.root / f"{name}.log").open("wb"))
            popen = subprocess.Popen(
                command, env=env, cwd=container.root, stdout=log, stderr=subprocess.STDOUT
            )
            process = running.enter_context(popen)
            running.callback(process.terminate)
            return process

        yield start
    with psycopg.connect(databases, autocommit=True) as connection:  # it keeps its log for nobody
        connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


@pytest.fixture(scope="module")
def processes(container: Container, start: Start) -> Processes:
    """Every process of ours, each started once those it waits for are healthy."""
    return all_started(container, start)


def all_started(container: Container, start: Start) -> Processes:
    assert start("migrate").wait(PATIENCE_SECONDS) == 0
    made: Processes = {}
    for name in SERVED:
        made[name] = start(name)
        if name == "prefect":
            becomes_healthy(container, name, made[name])
    for name in SERVED:
        becomes_healthy(container, name, made[name])
    return made


def becomes_healthy(container: Container, name: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for a process, and tell its last words where it won't be."""
    with suppress(TimeoutError):
        until(lambda: process.poll() is not None or container.is_healthy(name), poll=0.1)
    said = (container.root / f"{name}.log").read_text(errors="replace")[-2000:]
    assert process.poll() is None, f"{name} ended: {said}"
    assert container.is_healthy(name), f"{name} is not healthy: {said}"


@pytest.fixture
def line(container: Container, processes: Processes) -> Container:
    return container


@pytest.mark.parametrize("role", ["receive", "flows", "web", "watch", "copy"])
def test_a_password_of_a_role_is_changed_and_the_old_one_is_good_no_more(
    processes: Processes, stack: Stack, databases: str, made: Path, role: str
):
    name = f"{role.upper()}_DB_PASSWORD"
    said = words(made)
    database = "compose_balise" if role != "copy" else "?replication=true"
    place = f"127.0.0.1:{urlsplit(databases).port}/{database}"

    def signs_in(password: str) -> bool:
        try:
            psycopg.connect(f"postgresql://balise_{role}:{password}@{place}").close()
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error)  # noqa: PT017 - nothing else
            return False
        return True

    run_sql(stack, "roles.sql", said | {name: "another"})
    assert [signs_in(one) for one in (said[name], "another")] == [False, True]
    run_sql(stack, "roles.sql", said)
    assert [signs_in(one) for one in (said[name], "another")] == [True, False]


@pytest.mark.parametrize("name", SERVED)
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


def test_every_password_is_changed_as_the_run_book_says(
    container: Container,
    processes: Processes,
    start: Start,
    stack: Stack,
    databases: str,
    made: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """But for the superuser's, which is of the stack at hand and none of the compose file's."""
    old = words(made)
    names = [name for name in old if name.endswith("_DB_PASSWORD")]
    lines = (made / ".env").read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.partition("=")[0] not in names]
    (made / ".env").write_text("".join(kept))
    secrets(made)
    new = words(made)
    assert len(names) == 7
    assert all(new[name] != old[name] for name in names)
    assert {name: new[name] for name in old if name not in names}.items() <= old.items()
    run_sql(stack, "roles.sql", new)
    run_text(stack, of_run_book(r"\getenv owner BALISE_DB_PASSWORD"), new)
    for name in SERVED:
        processes[name].terminate()
    for name in SERVED:
        processes[name].wait(PATIENCE_SECONDS)
    assert start("migrate").wait(PATIENCE_SECONDS) != 0  # by the old one
    monkeypatch.setattr(container, "_words", new)
    processes |= all_started(container, start)


def of_run_book(begins: str) -> str:
    """Return the statements of the run-books that begin so, but for the superuser's."""
    text = (ROOT / "docs/runbooks.md").read_text()
    block = text[text.index(begins) :].partition("\nEND\n")[0]
    return "\n".join(line for line in block.splitlines() if "superuser" not in line)


def test_a_receiver_that_is_gone_is_not_healthy(line: Container, processes: Processes):
    processes["receive"].kill()
    until(lambda: not line.is_healthy("receive"), poll=0.1)
