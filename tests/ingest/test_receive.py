"""Spool → mosquitto → receiver → PostgreSQL and the receipts back, all real."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import paho.mqtt.client as mqtt
import psycopg
import pytest
from structlog.testing import capture_logs

import sql
from balise.settings import Settings
from balise.stack import Stack
from balise.up import gateway_settings
from bench.waiting import until
from devices.payloads import balise_v1
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker, end_session, wait_for
from ingest.receive import ONLINE, STATUS, Delivery, Receiver, land

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(stack: Stack, database_url: str, tmp_path: Path) -> Settings:
    where = stack.endpoints
    return Settings(
        home=tmp_path, database_url=database_url, mqtt_url=where.mqtt_url, **where.mqtt_files
    )


@contextmanager
def receiving(settings: Settings) -> Iterator[Receiver]:
    name = uuid4().hex[:8]
    receiver = Receiver(Broker(settings), settings.database_url, name=name)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    wait_for(Broker(settings), f"{STATUS}/{name}", ONLINE, 180)
    try:
        yield receiver
    finally:
        receiver.stop()
        thread.join(timeout=180)
        assert not thread.is_alive()
        forget(settings, f"balise-receiver-{name}")


def forget(settings: Settings, client_id: str) -> None:
    """End a session at the broker: the next test's shared subscription is its own."""
    end_session(Broker(settings), client_id)


def items(count: int) -> list[bytes]:
    return [
        balise_v1.encode_item(balise_v1.Item(device="D", data=f"{n:08x}")) for n in range(count)
    ]


def landed(database_url: str) -> set[int]:
    """Return the numbers of every spooled item that landed."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT payload FROM landing").fetchall()
    return {item.seq for (payload,) in rows for item in balise_v1.read(payload).every()}


def test_a_spool_drains_and_every_item_has_its_receipt(
    stack: Stack, settings: Settings, tmp_path: Path
):
    name = f"home-{uuid4().hex[:8]}"
    spool = Spool(tmp_path / "spool.db")
    spool.put(*items(1234))
    with receiving(settings):
        publisher = Publisher(
            Broker(gateway_settings(stack, settings, name)), name, tmp_path / "spool.db", 60
        )
        publisher.start()
        until(lambda: spool.depth() == 0)
        publisher.stop()
    assert landed(settings.database_url) == set(range(1, 1235))
    spool.close()


def test_with_the_database_down_nothing_is_acknowledged_and_nothing_lost(
    stack: Stack, settings: Settings, tmp_path: Path, database: psycopg.Connection
):
    name = f"home-{uuid4().hex[:8]}"
    spool = Spool(tmp_path / "spool.db")
    with receiving(settings):
        database.execute("ALTER TABLE landing RENAME TO elsewhere")
        publisher = Publisher(
            Broker(gateway_settings(stack, settings, name)), name, tmp_path / "spool.db", 2
        )
        publisher.start()
        spool.put(*items(10))
        publisher.wake()
        time.sleep(1.5)
        assert spool.depth() == 10
        database.execute("ALTER TABLE elsewhere RENAME TO landing")
        until(lambda: spool.depth() == 0)
        publisher.stop()
    assert landed(settings.database_url) == set(range(1, 11))
    spool.close()


def test_poison_lands_like_any_other_and_its_neighbours_too(
    stack: Stack, settings: Settings, database: psycopg.Connection
):
    name = f"home-{uuid4().hex[:8]}"
    own = Broker(gateway_settings(stack, settings, name))
    poison = [b"", b"\x00\xff", b'{"epoch":1}', b"[" * 50_000, b'{"v":1,"items":[{"seq":-1}]}']
    good = balise_v1.encode_message(uuid4(), enumerate(items(2), 1))
    with receiving(settings), connected(own, f"poisoner-{name}") as client:
        for payload in (*poison, good):
            client.publish(f"balise/v1/{name}/frames", payload, qos=1).wait_for_publish(5)
        until(lambda: count(database) == len(poison) + 1)
    assert stored(database) == {*poison, good}


def test_what_waits_for_no_acknowledgement_gets_none_and_lands(
    stack: Stack, settings: Settings, database: psycopg.Connection
):
    """A broker shuts out whoever acknowledges a packet without a number."""
    name = f"home-{uuid4().hex[:8]}"
    own = Broker(gateway_settings(stack, settings, name))
    with capture_logs() as said, receiving(settings), connected(own, f"hasty-{name}") as client:
        for payload in (b"first", b"second"):
            client.publish(f"balise/v1/{name}/frames", payload, qos=0)
            until(lambda payload=payload: payload in stored(database))
    assert [line["event"] for line in said] == []
    assert stored(database) == {b"first", b"second"}


def test_what_nothing_was_promised_of_does_not_fill_the_memory(settings: Settings):
    """The broker holds back only what waits for an acknowledgement."""
    receiver = Receiver(Broker(settings), settings.database_url, name="crowded")
    for _ in range(20):
        receiver._hear([Delivery(1, 0, "t", b"")] * 100)
        receiver._hear([Delivery(1, 1, "t", b"")] * 100)
    mids = Counter(one.mid for one in receiver._queue)
    receiver.stop()
    receiver.run()
    assert mids[1] == 2000
    assert mids[0] <= 600


def stored(database: psycopg.Connection) -> set[bytes]:
    return {bytes(row[0]) for row in database.execute("SELECT payload FROM landing")}


@contextmanager
def connected(broker: Broker, client_id: str) -> Iterator[mqtt.Client]:
    client = broker.client(client_id, persistent=False)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def count(database: psycopg.Connection) -> int:
    row = database.execute("SELECT count(*) FROM landing").fetchone()
    return int(row[0]) if row else 0


def test_a_batch_lands_whole_with_its_receipts_as_ranges(database: psycopg.Connection):
    epoch = uuid4()
    payload = balise_v1.encode_message(epoch, [(seq, items(1)[0]) for seq in (1, 2, 3, 7, 9)])
    deliveries = [Delivery(1, 1, "balise/v1/home-9/frames", payload)]
    assert land(database, deliveries, datetime.now(UTC)) == {"home-9"}
    again = balise_v1.encode_message(epoch, [(4, items(1)[0]), (8, items(1)[0])])
    land(database, [Delivery(1, 2, "balise/v1/home-9/frames", again)], datetime.now(UTC))
    row = database.execute("SELECT stored::text FROM receipt").fetchone()
    assert row == ("{[1,5),[7,10)}",)


def test_a_topic_of_no_gateway_lands_without_one(database: psycopg.Connection):
    land(database, [Delivery(1, 1, "balise/v1/../frames", b"x")], datetime.now(UTC))
    assert database.execute("SELECT gateway, payload FROM landing").fetchone() == ("", b"x")


def test_nobody_waits_for_what_a_box_gone_mad_sends(database: psycopg.Connection):
    mad, calm = (f"balise/v1/home-{one}/frames" for one in ("mad", "calm"))
    bodies = [balise_v1.encode_message(uuid4(), enumerate(items(1), 1)) for _ in range(60)]
    batch = [Delivery(1, number, mad, body) for number, body in enumerate(bodies)]
    land(database, [*batch, Delivery(1, 99, calm, bodies[0])], datetime.now(UTC))
    rows = database.execute(
        "SELECT backlog, landing.gateway, count(*) FROM landing"
        " JOIN landing_batch ON landing_batch.id = batch GROUP BY 1, 2 ORDER BY 1"
    ).fetchall()
    assert rows == [(False, "home-calm", 1), (True, "home-mad", 60)]


def test_a_backlog_lands_in_a_batch_of_its_own(database: psycopg.Connection):
    topic = "balise/v1/home-9/frames"
    now, late = (
        balise_v1.encode_message(uuid4(), enumerate(items(2), 1), backlog=backlog)
        for backlog in (False, True)
    )
    land(database, [Delivery(1, 1, topic, late), Delivery(1, 2, topic, now)], datetime.now(UTC))
    rows = database.execute(
        "SELECT backlog, payload FROM landing JOIN landing_batch ON landing_batch.id = batch"
    ).fetchall()
    assert sorted(rows) == [(False, now), (True, late)]
    (first, *_) = database.execute(
        sql.get("landing.take_batches"), {"messages": 1, "bytes": 1}
    ).fetchall()
    payloads = database.execute("SELECT payload FROM landing WHERE batch = %s", (first[0],))
    assert payloads.fetchall() == [(now,)]


def test_a_step_takes_what_is_measured_now_and_nothing_of_what_waits_longer(
    database: psycopg.Connection,
):
    """However much of a backlog landed before it, and however much a step would take."""
    topic, hungry = "balise/v1/home-9/frames", {"messages": 10**6, "bytes": 10**9}
    for backlog in (True, True, False, True):
        body = balise_v1.encode_message(uuid4(), enumerate(items(2), 1), backlog=backlog)
        land(database, [Delivery(1, 1, topic, body)], datetime.now(UTC))
    taken: list[list[bool]] = []
    for _ in range(2):
        batches = database.execute(sql.get("landing.take_batches"), hungry).fetchall()
        numbers = [batch[0] for batch in batches]
        rows = database.execute("SELECT backlog FROM landing_batch WHERE id = ANY(%s)", (numbers,))
        taken.append([row[0] for row in rows])
        database.execute(
            "UPDATE landing_batch SET validated_at = now() WHERE id = ANY(%s)", (numbers,)
        )
    assert taken == [[False], [True] * 3]


@pytest.mark.parametrize(("telling", "wait"), [(0.001, 0.2), (0.1, 1.0), (2.0, 5.0)])
def test_telling_takes_a_tenth_of_the_time_and_is_late_by_five_seconds_at_most(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, telling: float, wait: float
):
    receiver = Receiver(Broker(settings), settings.database_url, name="teller")
    now, told = [100.0], list[set[str]]()

    def publish(_: psycopg.Connection) -> None:
        now[0] += telling
        told.append(set(receiver._owed))
        receiver._owed.clear()

    monkeypatch.setattr(receiver, "_publish_receipts", publish)
    monkeypatch.setattr("ingest.receive.time", SimpleNamespace(monotonic=lambda: now[0]))
    with psycopg.connect(settings.database_url) as connection:
        receiver._owed = {"home-1"}
        receiver._tell(connection)
        assert receiver._rest() == 1  # nobody is owed anything
        receiver._owed = {"home-2"}
        receiver._tell(connection)
        assert told == [{"home-1"}]
        assert receiver._rest() == pytest.approx(min(1, wait))
        now[0] += wait
        receiver._tell(connection)
        assert told == [{"home-1"}, {"home-2"}]
    for one in (receiver._network._woken, receiver._network._waker):  # it was never started
        one.close()
