"""What Prometheus is told: every figure is there and right, and is watched by somebody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import psycopg
import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from balise import vitals
from balise.doctor import CHECKS
from balise.settings import Settings
from balise.stack import Stack
from balise.stack.ports import free
from bench.line import running
from bench.waiting import PATIENCE_SECONDS
from devices.payloads import balise_v1
from flows import steps
from ingest.exposition import Line, names
from ingest.gateway import health
from ingest.gateway.health import Condition, Health, SpoolHealth
from ingest.measures import ASKED
from ingest.mqtt import KEEPALIVE, Broker
from ingest.receive import Delivery, land
from sql import enrolment, people

OPS = Path(__file__).resolve().parents[2] / "ops"
ALERTS = yaml.safe_load((OPS / "prometheus/alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((OPS / "grafana/dashboards/balise.json").read_text())
EXPRESSIONS = [
    *(rule["expr"] for rule in ALERTS),
    *(one["expr"] for panel in DASHBOARD["panels"] for one in panel["targets"]),
]
SIGN_IN_REFUSED = "balise_sign_in_refused_total"
"""Of the pages alone."""
OF_EVERY_PROCESS = {
    "up",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    vitals.IS_READY,
    SIGN_IN_REFUSED,
}
SCALE = "C0:00:00:00:00:02"
MARKS = ("p-watched", "Observée", "91.235", SCALE)

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def told(settings: Settings) -> tuple[str, Figures]:
    """Return the page, and its figures by name and labels."""
    registry = CollectorRegistry()
    registry.register(Line(settings))
    text = generate_latest(registry).decode()
    figures = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    return text, figures


@pytest.fixture
def settings(stack: Stack, database_url: str) -> Settings:
    where = stack.endpoints
    return Settings(database_url=database_url, mqtt_url=where.mqtt_url, **where.mqtt_files)


@pytest.mark.stack
def test_every_figure_is_there_and_right(settings: Settings, database: psycopg.Connection):
    now = datetime.now(UTC)
    subject = people.add_subject(database, MARKS[0], pathway="heart_failure")
    people.set_identity(database, subject, family=MARKS[1], given="Marie")
    people.add_gateway(database, "home-watched")
    people.give(database, SCALE, subject, since=now - timedelta(days=9), gateway="home-watched")
    frame = balise_v1.Item(
        device=SCALE, captured_at=now, service="181D", characteristic="2A9D", data="00" + "4747",
    )  # fmt: skip
    body = balise_v1.encode_message(uuid4(), [(1, balise_v1.encode_item(frame))])
    topic = "balise/v1/home-watched/frames"
    land(database, [Delivery(1, 1, topic, body), Delivery(1, 2, topic, b"<none>")], now)
    steps.run_line(settings.database_url, now)
    land(database, [Delivery(1, 3, topic, body)], now - timedelta(seconds=90))
    database.execute("INSERT INTO backup (made_at, bytes, readings) VALUES (now(), 1, 1)")
    database.execute(
        "INSERT INTO outbox (subject, thing, key, body) VALUES (%s, 't', 'k', '')", (subject,)
    )
    database.execute("INSERT INTO flow_done VALUES ('assess', now() - interval '2 minutes')")
    database.execute(
        "UPDATE dirty_subject SET assessed = 0, assess_since = now() - interval '9 minutes',"
        " assess_failed_at = now()"
    )
    with_box(settings)
    with a_copy(database):
        least = not_copied(database)
        text, figures = told(settings)
        most = not_copied(database)
    said = {name for name, _ in figures}
    assert said == {*names()}
    assert figures["balise_items_an_hour", (("outcome", "accepted"),)] == 1
    assert figures["balise_items_an_hour", (("outcome", "refused"),)] == 1
    assert figures["balise_unaccounted_items", ()] == 0
    assert figures["balise_waiting_messages", ()] == 1
    assert 89 < figures["balise_waiting_seconds", ()] < 600
    assert figures["balise_refused_items", (("reason", "payload_unreadable"),)] == 1
    assert figures["balise_outbox_bundles", (("state", "waiting"),)] == 1
    assert figures["balise_database_up", ()] == figures["balise_broker_up", ()] == 1
    assert figures["balise_spool_items", (("gateway", "home-watched"),)] == 7
    assert figures["balise_spool_share", (("gateway", "home-watched"),)] == 0.25
    for one in ("authority", "broker", "service"):
        assert figures["balise_certificate_seconds", (("certificate", one),)] > 86400
    assert 119 < figures["balise_flow_age_seconds", (("flow", "assess"),)] < 600
    assess, summarise = (("step", "assess"),), (("step", "summarise"),)
    assert figures["balise_patients_behind", assess] == 1
    assert figures["balise_patients_behind", summarise] == 0
    assert 539 < figures["balise_patients_behind_seconds", assess] < 1000
    assert figures["balise_patients_behind_seconds", summarise] == 0
    assert figures["balise_patients_failed", assess] == 1
    assert figures["balise_patients_failed", summarise] == 0
    assert figures["balise_figures_missing", ()] == 0
    assert 0 < least <= figures["balise_copy_waiting_bytes", ()] <= most
    assert not [mark for mark in MARKS if mark in text]


def not_copied(database: psycopg.Connection) -> float:
    """Return how much log the slots hold; other tests of this server may have left theirs."""
    row = database.execute(
        "SELECT max(pg_current_wal_lsn() - restart_lsn)::float8 FROM pg_replication_slots"
    ).fetchone()
    assert row
    return float(row[0])


@contextmanager
def a_copy(database: psycopg.Connection) -> Iterator[None]:
    """Keep the log for a copy that takes none of it."""
    slot = "balise_20260101_000000_000000"
    database.execute("SELECT pg_create_physical_replication_slot(%s, true)", (slot,))
    try:
        database.execute("SELECT pg_logical_emit_message(false, '', repeat('x', 10000))")
        yield
    finally:
        database.execute("SELECT pg_drop_replication_slot(%s)", (slot,))


def with_box(settings: Settings) -> None:
    """Let a box say how it is."""
    broker, now = Broker(settings), datetime.now(UTC)
    spool = SpoolHealth(waiting=7, oldest=now, share=0.25)
    box = Condition(spool=spool, certificate_until=now + timedelta(days=9), disk_free=1 << 30)
    said = msgspec.json.encode(Health(waiting=7, sent_at=now, box=box))
    client = broker.client("a-box", persistent=False)
    client.connect(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    for topic in (health.topic("home-watched"), health.report_topic("home-watched")):
        client.publish(topic, said, qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


@pytest.mark.stack
def test_what_does_not_answer_is_a_figure_and_takes_no_other_along(
    settings: Settings, tmp_path: Path
):
    away = f"postgresql://nobody:x@127.0.0.1:{free()}/balise"
    _, figures = told(settings.model_copy(update={"database_url": away}))
    assert figures["balise_database_up", ()] == 0
    assert figures["balise_broker_up", ()] == 1
    nowhere = {"mqtt_url": f"mqtts://localhost:{free()}"}
    _, figures = told(settings.model_copy(update=nowhere))
    assert (figures["balise_database_up", ()], figures["balise_broker_up", ()]) == (1, 0)
    assert ("balise_unaccounted_items", ()) in figures
    broken = tmp_path / "service.pem"
    broken.write_text("none")
    _, figures = told(settings.model_copy(update={"mqtt_cert_file": broken}))
    assert (figures["balise_database_up", ()], figures["balise_broker_up", ()]) == (1, 0)


@pytest.mark.stack
def test_a_question_that_is_held_up_takes_no_other_along(
    settings: Settings, database: psycopg.Connection
):
    for table, of_it in {"landing_batch": 6, "outbox": 2, "signal": 2}.items():
        with psycopg.connect(settings.database_url) as holder:
            holder.execute(f"LOCK TABLE {table}".encode())
            _, figures = told(settings)
        assert figures["balise_database_up", ()] == 1
        assert of_it <= figures["balise_figures_missing", ()] < len(ASKED)
    _, figures = told(settings)
    assert figures["balise_figures_missing", ()] == 0


@pytest.mark.stack
def test_who_never_sent_anything_is_missed_and_who_was_shut_out_is_not(
    settings: Settings, database: psycopg.Connection
):
    def silent() -> set[str]:
        _, figures = told(settings)
        name = "balise_gateway_silent_seconds"
        return {labels[0][1] for one, labels in figures if one == name}

    until = datetime.now(UTC) + timedelta(days=9)
    people.add_gateway(database, "home-added")
    people.add_gateway(database, "import")
    enrolment.invite(database, "home-let-in", code=b"1", token=b"1", until=until)
    enrolment.invite(database, "home-invited", code=b"2", token=b"2", until=until)
    database.execute("UPDATE invite SET used_at = now() WHERE gateway = 'home-let-in'")
    assert silent() == {"home-added", "home-let-in"}
    database.execute("UPDATE gateway SET last_contact_at = '2026-01-01' WHERE name = 'home-added'")
    enrolment.shut_out(database, "home-added")
    enrolment.shut_out(database, "home-misspelt")
    assert silent() == {"home-let-in"}
    enrolment.invite(database, "home-added", code=b"3", token=b"3", until=until)
    assert silent() == {"home-let-in"}  # it is not there yet
    database.execute("UPDATE invite SET used_at = now() WHERE gateway = 'home-added'")
    assert silent() == {"home-added", "home-let-in"}
    new = "SELECT since > now() - interval '1 hour' FROM contact WHERE name = 'home-added'"
    assert database.execute(new).fetchone() == (True,)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_alerts_and_dashboard_ask_for_what_there_is(expression: str):
    used = set(re.findall(r"\b(?:balise|process|up)[a-z_]*\b(?!\")", expression))
    assert used
    assert used <= {*names()} | OF_EVERY_PROCESS | {"balise"}


def test_every_figure_is_looked_at():
    used = {name for one in EXPRESSIONS for name in re.findall(r"balise_\w+", one)}
    assert used == {*names(), vitals.IS_READY, SIGN_IN_REFUSED}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do_next(rule: dict[str, dict[str, str]]):
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "next"}


@pytest.mark.stack
def test_every_process_tells_of_itself():
    ports = {name: free() for name in ("receive", "flows serve --no-schedules", "web", "watch")}
    with running(prefect=False, members=()) as line:
        for name, port in ports.items():
            more = {"BALISE_WEB_PORT": str(free())} if name == "web" else {}
            line.add(name, BALISE_METRICS_PORT=str(port), **more)
        for name, port in ports.items():
            text = told_by(port, "/metrics").text
            assert "process_resident_memory_bytes" in text, name
            assert vitals.IS_READY in text, name
            assert ("balise_database_up 1.0" in text) == (name == "watch"), name
            assert told_by(port, "/healthz").text == "ok\n"
            assert ready(port), name


@pytest.mark.stack
def test_a_process_says_what_keeps_it_and_lives_on(settings: Settings):
    away = settings.model_copy(
        update={"database_url": f"postgresql://nobody:hidden@127.0.0.1:{free()}/balise"}
    )
    with asked_of(away, "receive") as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "database\n")
        assert "balise_ready 0.0" in client.get("/metrics").text  # waits for nothing
        assert client.get("/healthz").text == "ok\n"
    with asked_of(settings, "watch") as client:
        assert client.get("/readyz").text == "ok\n"
        assert "balise_ready 1.0" in client.get("/metrics").text
    with asked_of(settings, "receive", lambda: False) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "not at work\n")


def test_a_fault_of_the_figures_is_told_by_its_kind(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise ValueError(MARKS[2])

    monkeypatch.setattr(vitals, "check", broken)
    with asked_of(settings, "watch") as client:
        assert client.get("/readyz").status_code == 500
    assert "ValueError" in caplog.text
    assert MARKS[2] not in caplog.text


def test_it_is_found_out_once_in_a_while(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    asked: list[object] = []
    monkeypatch.setattr(vitals, "check", lambda *said: asked.append(said) or [])
    with asked_of(settings, "watch") as client:
        for _ in range(20):
            assert client.get("/readyz").status_code == 200
    assert len(asked) == 1


def test_it_listens_at_an_address_of_the_newer_kind_too(settings: Settings):
    port = free()
    vitals.begin(
        "web",
        settings.model_copy(update={"metrics_host": "::1", "metrics_port": port}),
        lambda: True,
    )
    assert httpx.get(f"http://[::1]:{port}/healthz", timeout=10).text == "ok\n"


def asked_of(
    settings: Settings, process: str, at_work: Callable[[], bool] | None = None
) -> httpx.Client:
    ready = vitals.Readiness(settings, vitals.READY[process], at_work or (lambda: True))
    transport = httpx.WSGITransport(vitals.app(ready))
    return httpx.Client(transport=transport, base_url="http://balise")


def test_what_makes_a_process_ready_is_a_part_of_the_doctor():
    assert {part for parts in vitals.READY.values() for part in parts} <= CHECKS.keys()


def ready(port: int) -> bool:
    """Say whether a process is ready within a minute: it answers before it has begun."""
    last = datetime.now(UTC) + timedelta(seconds=PATIENCE_SECONDS)
    while datetime.now(UTC) < last:
        if told_by(port, "/readyz").status_code == 200:
            return True
    return False


def told_by(port: int, path: str) -> httpx.Response:
    """Return what a process tells, once it does."""
    last = datetime.now(UTC) + timedelta(seconds=PATIENCE_SECONDS)
    while datetime.now(UTC) < last:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10)
        except (httpx.ConnectError, httpx.ReadTimeout):
            continue
    raise TimeoutError(f"nobody answers at {port}")
