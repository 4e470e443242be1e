"""Traces reach a collector, of each process, and hold no value, no name and no patient."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import httpx
import psycopg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from balise import telemetry
from balise.stack.ports import free
from bench.line import Line, running
from bench.waiting import until
from care.web import accounts
from devices.payloads import balise_v1
from ingest.mqtt import Broker

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HOME, SCALE, CANARY = "home-canary", "C0:00:00:00:0C:02", 81.235
PASSWORD = "a long enough password"


class Collector:
    """Whatever is sent to it by OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_said: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def each(self) -> list[Span]:
        return [
            span
            for body in self.bodies
            for one in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in one.scope_spans
            for span in scope.spans
        ]

    def spans(self) -> dict[str, set[str]]:
        """The names of the spans of each service."""
        found: dict[str, set[str]] = {}
        for body in self.bodies:
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {a.key: a.value.string_value for a in one.resource.attributes}
                spans = {span.name for scope in one.scope_spans for span in scope.spans}
                found.setdefault(names["service.name"], set()).update(spans)
        return found


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def port() -> int:
    return free()


@pytest.fixture(scope="module")
def line(collector: Collector, port: int) -> Iterator[Line]:
    members = ("receive", "flows serve --no-schedules", "web")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(telemetry.COLLECTOR, collector.url)
        patch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        patch.setenv("BALISE_WEB_PORT", str(port))
        with running(prefect=True, members=members) as started:
            started.enrol(HOME, {SCALE: "Scale"}, pathway="heart_failure")
            with psycopg.connect(started.settings.database_url, autocommit=True) as database:
                accounts.add(database, "nurse", PASSWORD, role="clinician")
            yield started


def send(line: Line) -> None:
    raw = round(CANARY / 0.005).to_bytes(2, "little")
    item = balise_v1.Item(
        device=SCALE,
        captured_at=datetime.now(UTC),
        service="181D",
        characteristic="2A9D",
        data="00" + raw.hex(),
    )
    payload = balise_v1.encode_message(uuid4(), [(1, balise_v1.encode_item(item))])
    broker = Broker(line.of_gateway(HOME))
    client = broker.client(f"balise-gateway-{HOME}")
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish(f"balise/v1/{HOME}/frames", payload, qos=1).wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def test_each_process_is_traced_and_no_trace_says_whose_or_how_much(
    line: Line, collector: Collector, port: int
):
    send(line)
    until(lambda: "batches to readings" in names(collector, "flows"))
    until(lambda: "land" in names(collector, "receive"))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as nurse:
        until(lambda: is_up(nurse))
        nurse.post("/sign-in", data={"name": "nurse", "password": PASSWORD})
        page = nurse.get(f"/patients/{HOME}")
        assert (page.status_code, "Test" in page.text) == (200, True)
        assert nurse.get("/patients/nobody").status_code == 404
    until(lambda: "GET /patients/{code}" in names(collector, "web"))
    assert "POST /sign-in" in names(collector, "web")
    fail(line)
    until(lambda: any(status(collector, "batches to readings")))
    time.sleep(1)  # Prefect's own spans of it would come with the next batch
    assert status(collector, "batches to readings") >= {"NotNullViolation"}
    assert all(name[0].islower() or name.startswith(("GET", "POST")) for name in every(collector))
    for body in collector.bodies:
        for canary in (HOME, SCALE, str(CANARY), "Test", "nurse", PASSWORD, "nobody"):
            assert canary.encode() not in body


def fail(line: Line) -> None:
    """Have validate fail with an error whose text holds a value."""
    with psycopg.connect(line.settings.database_url, autocommit=True) as database:
        database.execute(FAILING.encode())
    send(line)


FAILING = f"""
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE not_null_violation USING MESSAGE = 'weight {CANARY} of {HOME}';
END $$;
CREATE TRIGGER fail BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION fail();
"""


def status(collector: Collector, name: str) -> set[str]:
    """What is said of the spans of this name that failed."""
    return {span.status.message for span in collector.each() if span.name == name} - {""}


def every(collector: Collector) -> set[str]:
    return {span.name for span in collector.each()}


def names(collector: Collector, service: str) -> set[str]:
    return collector.spans().get(f"balise-{service}", set())


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_of_what_fails_the_kind_is_told_and_not_the_text(monkeypatch: pytest.MonkeyPatch):
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(telemetry, "_TRACER", provider.get_tracer("balise"))
    with pytest.raises(ValueError, match="81"), telemetry.span("land", deliveries=3):
        raise ValueError("81.235 kg of Test")
    (span,) = kept.get_finished_spans()
    assert (span.status.description, span.events) == ("ValueError", ())
    assert "81.235" not in span.to_json()
    assert dict(span.attributes or {}) == {"deliveries": 3}
