"""The receiver's network thread, with a broker that does what a good one never would."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from balise.settings import Settings
from bench.waiting import until
from ingest import network
from ingest.mqtt import Broker
from ingest.network import Network
from ingest.publishes import Delivery

PATIENCE = 10
LET_IN, REFUSED = bytes.fromhex("20020000"), bytes.fromhex("20020005")
PING, PING_ANSWERED = bytes.fromhex("c000"), bytes.fromhex("d000")
GOODBYE = bytes.fromhex("e000")


def message(mid: int) -> bytes:
    """Return a message of QoS 1, topic `t` (MQTT 3.1.1, section 3.3)."""
    return bytes.fromhex("32 05 0001 74") + mid.to_bytes(2, "big")


def acknowledged(*mids: int) -> bytes:
    return b"".join(bytes.fromhex("4002") + mid.to_bytes(2, "big") for mid in mids)


@dataclass
class Other:
    """The broker's end, and what the thread has heard."""

    server: socket.socket
    heard: list[Delivery] = field(default_factory=list[Delivery])
    refused: list[bool] = field(default_factory=list[bool])
    thread: Network | None = None

    def accept(self, answer: bytes = LET_IN) -> socket.socket:
        """Take the next connection and answer its CONNECT."""
        link, _ = self.server.accept()
        link.settimeout(PATIENCE)
        assert link.recv(4096)[0] == 0x10
        link.sendall(answer)
        return link

    def hears(self, *mids: int) -> list[Delivery]:
        """Wait until so many messages were heard since the last time; return them."""
        until(lambda: len(self.heard) >= len(mids))
        found, self.heard[:] = list(self.heard), []
        assert tuple(one.mid for one in found) == mids
        return found


def said(link: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = link.recv(count - len(found))
        assert part, f"closed after {found!r}"
        found += part
    return found


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Other]:
    monkeypatch.setattr(network, "RECONNECT_SECONDS", (0.05, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        found = Other(server)
        settings = Settings(home=tmp_path, mqtt_url=f"mqtt://127.0.0.1:{server.getsockname()[1]}")
        client = Broker(settings).client("r", in_gulps=True)
        client.on_connect = lambda *some: found.refused.append(some[3].is_failure)
        found.thread = Network(Broker(settings), client, found.heard.extend)
        found.thread.start()
        yield found
        found.thread.stop(PATIENCE)
        assert found.thread.ended


def test_a_message_and_its_acknowledgement(other: Other):
    assert other.thread
    with other.accept() as link:
        link.sendall(message(7) + message(8))
        other.thread.acknowledge(other.hears(7, 8))
        assert said(link, 8) == acknowledged(7, 8)


def test_half_a_message_of_a_lost_connection_is_not_the_head_of_the_next(other: Other):
    with other.accept() as link:
        link.sendall(message(7)[:5])
    with other.accept() as link:
        link.sendall(message(8))
        (one,) = other.hears(8)
    assert one.connection == 2


def test_what_a_lost_connection_brought_is_not_acknowledged_on_the_next(other: Other):
    assert other.thread
    with other.accept() as link:
        link.sendall(message(7))
        old = other.hears(7)
    with other.accept() as link:
        link.sendall(message(7) + message(8))
        new = other.hears(7, 8)
        other.thread.acknowledge(old)
        other.thread.acknowledge(new[1:])
        assert said(link, 4) == acknowledged(8)


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(bytes.fromhex("3200"), id="a message without a topic"),
        pytest.param(bytes.fromhex("40ffffffffff"), id="a packet without a length"),
        pytest.param(bytes.fromhex("d00100"), id="an answer that is too long"),
    ],
)
def test_a_broker_that_speaks_no_mqtt_is_left_at_once_and_met_again(other: Other, nonsense: bytes):
    with capture_logs() as logs:
        with other.accept() as link:
            link.sendall(nonsense)
            assert link.recv(1) == b""
        with other.accept() as link:
            link.sendall(message(1))
            other.hears(1)
    assert "connection_lost" in [line["event"] for line in logs]


def test_a_connection_that_the_broker_ends_is_said(other: Other):
    with capture_logs() as logs:
        other.accept().close()
        other.accept().close()
    assert logs[0] == {"event": "connection_lost", "log_level": "warning", "let_in": True}


def impatient(other: Other) -> None:
    """Have paho ask each second whether the broker is there, from the next connection on."""
    assert other.thread
    other.thread._client._keepalive = 1


def test_messages_are_a_sign_of_life(other: Other, monkeypatch: pytest.MonkeyPatch):
    """The answer to a ping comes behind all that is on its way, which may take too long for it."""
    other.accept().close()
    monkeypatch.setattr(network, "_ALIVE_SECONDS", 0.25)
    impatient(other)
    with other.accept() as link:
        link.settimeout(0.05)
        seen, end = b"", time.monotonic() + 4
        while time.monotonic() < end:
            link.sendall(message(1))
            with suppress(TimeoutError):
                part = link.recv(100)
                assert part, "it was left"
                seen += part
    assert PING in seen


def test_a_broker_that_says_nothing_any_more_is_left(other: Other, monkeypatch: pytest.MonkeyPatch):
    other.accept().close()
    impatient(other)
    monkeypatch.setattr(network, "_IDLE_SECONDS", 0.2)
    with other.accept() as link:
        assert said(link, 2) == PING
        assert link.recv(1) == b""


def test_who_is_refused_comes_again(other: Other):
    other.accept(REFUSED).close()
    with other.accept() as link:
        link.sendall(message(1))
        other.hears(1)
    assert other.refused == [True, False]


def test_a_stop_says_goodbye_after_the_last_acknowledgement(other: Other):
    assert other.thread
    with other.accept() as link:
        link.sendall(message(7))
        other.thread.acknowledge(other.hears(7))
        other.thread.stop(PATIENCE)
        assert said(link, 6) == acknowledged(7) + GOODBYE
        assert link.recv(1) == b""


def test_one_that_meets_nobody_stops_at_once(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    broker = Broker(Settings(home=tmp_path, mqtt_url=f"mqtt://127.0.0.1:{port}"))
    thread = Network(broker, broker.client("r", in_gulps=True), lambda _: None)
    thread.start()
    began = time.monotonic()
    thread.stop(PATIENCE)
    assert thread.ended
    assert time.monotonic() - began < PATIENCE
