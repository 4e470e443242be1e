"""A broker that is up to no good: the rest of the gateway does not notice."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from balise.settings import Settings
from ingest.gateway.box import State
from ingest.gateway.clock import Timekeeper
from ingest.gateway.devices import folder
from ingest.gateway.local import link
from ingest.gateway.local.home import LocalHome

from .conftest import Box, HomeBroker, Neighbour, until
from .test_bridge import PACK, living, pack, ready

TIMEKEEPER = Timekeeper(trusted=True)
ACCEPTED = b"\x20\x03\x00\x00\x00"  # CONNACK of MQTT 5: no session, success, no properties


@contextmanager
def liar(then: bytes, times: int = 1) -> Iterator[tuple[int, list[int]]]:
    """Accept whoever connects and send them bytes; give the port and who came."""
    came: list[int] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                one, _ = server.accept()
                came.append(1)
                threading.Thread(target=speak, args=(one,), daemon=True).start()

    def speak(one: socket.socket) -> None:
        with suppress(OSError), one:
            one.recv(1000)
            one.sendall(ACCEPTED)
            for _ in range(times):
                one.sendall(then)
            while one.recv(1000):
                pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1], came
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@contextmanager
def facing(place: Path, port: int) -> Iterator[LocalHome]:
    settings = Settings(
        home=place, gateway_name="home-1", local_mqtt_url=f"mqtt://127.0.0.1:{port}"
    )
    here = folder(place, "home-1")
    here.mkdir(parents=True)
    (here / "local.toml").write_text(PACK)
    home = LocalHome(
        settings, here, lambda: State("home-1", (), 0, connected=True, radio=True), TIMEKEEPER
    )
    home.start()
    try:
        yield home
    finally:
        home.stop()


def test_a_packet_of_256_megabytes_is_not_taken_in(tmp_path: Path):
    # PUBLISH, remaining length 268,435,455, and a megabyte of it after the other.
    with liar(b"\x30\xff\xff\xff\x7f" + b"\x00" * 1_000_000, 200) as (port, came):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with facing(tmp_path, port) as home:
            until(lambda: len(came) >= 2)
            assert home.health().local in {"unreachable", "connected", "connecting"}
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 50_000  # kB


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x30\x06\x00\x02\xff\xfe\x00x",  # a topic that is no UTF-8
        b"\x30\x05\x00\x09ab\x00",  # a topic longer than its packet
        b"\x30\x08\x00\x01a\x03\x01\xff\x03\xff",  # properties of no known kind
        b"\x90\x02\x00\x01",  # SUBACK of nothing
        b"\xf0\x00" * 50,
        b"\x00" * 100,
    ],
    ids=["utf-8", "short", "properties", "suback", "auth", "zeros"],
)
def test_nonsense_ends_a_connection_and_never_the_bridge(
    tmp_path: Path, nonsense: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(link, "_REVIVE_SECONDS", 0.1)
    with liar(nonsense) as (port, came), facing(tmp_path, port) as home:
        until(lambda: len(came) >= 2)
        assert home.health().local != "ended"


def test_a_broker_that_accepts_and_says_nothing_is_left_when_we_stop(tmp_path: Path):
    server = socket.create_server(("127.0.0.1", 0))
    with server, facing(tmp_path, server.getsockname()[1]) as home:
        assert home.health().local == "connecting"


def test_a_disk_without_room_holds_messages_at_the_broker_not_in_memory(
    box: Box, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
):
    import sqlite3  # noqa: PLC0415 - of this test alone

    from ingest.gateway.local import bridge  # noqa: PLC0415 - same
    from ingest.gateway.spool import Spool  # noqa: PLC0415 - same

    full = threading.Event()
    put = Spool.put

    def refuse(self: Spool, *bodies: bytes) -> None:
        if full.is_set():
            raise sqlite3.OperationalError("database or disk is full")
        put(self, *bodies)

    monkeypatch.setattr(Spool, "put", refuse)
    monkeypatch.setattr(bridge, "_RETRY_SECONDS", 0.05)
    box.declare(PACK)
    home = LocalHome(
        box.settings,
        box.folder,
        lambda: State("home-1", (), 0, connected=True, radio=True),
        TIMEKEEPER,
    )
    home.start()
    assert home._bridge is not None
    until(lambda: home._bridge is not None and home._bridge.ready)
    full.set()
    for number in range(500):
        neighbour.says("tele/pack", pack(number))
    assert home._bridge._link._queue.qsize() <= link._QUEUED
    assert not box.items()
    full.clear()
    until(lambda: len(box.items()) == 500)
    home.stop()
    assert box.documents() == [pack(number) for number in range(500)]


def test_a_device_that_floods_is_cut_short_and_what_is_let_go_is_declared(
    box: Box, neighbour: Neighbour
):
    box.declare(PACK + '[[device]]\naddress = "calm"\ntopic = "calm"\nconvention = "senml"\n')
    with living(box) as home:
        ready(home)
        for number in range(1000):
            neighbour.says("tele/pack", pack(number), qos=0)
        neighbour.says("calm", pack(1))
        until(lambda: any(one.device == "CALM" for one in box.items()))
    items = box.items()
    kept = [one.document for one in items if one.device == "PACK"]
    assert kept[:600] == [pack(number) for number in range(600)]
    (gap,) = [one.gap for one in items if one.gap is not None]
    assert gap.reason == "local_flood"
    assert gap.devices == {"PACK": 1000 - len(kept)}


def test_a_stop_does_not_wait_for_a_full_queue(box: Box, broker: HomeBroker):
    made = link.Link(  # nobody takes from it
        link.Broker(Settings(mqtt_url=broker.url)), "test", ("balise/home/x/availability", b"x")
    )
    made.start()
    until(lambda: made.connected)
    made.subscribe(["tele/pack"])
    one = broker.client()
    for number in range(400):
        one.says("tele/pack", pack(number), qos=0)
    until(made._queue.full)
    made.stop()
    one.leave()
    assert not made._thread.is_alive()
