"""Broker to landing: a message is acknowledged only after its COPY has committed.

The network thread only appends to a queue; the writer commits whatever is there at once, so that
an idle line has no waiting. On a busy one it lets a batch grow a little: a commit costs as much as
hundreds of messages. The broker's `max_inflight_messages` and `max_inflight_bytes` bound the queue,
since nothing is acknowledged before the commit.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID

import paho.mqtt.client as mqtt
import psycopg
import structlog
from psycopg.types.multirange import Multirange

import sql
from balise import telemetry
from balise.errors import BrokerDown
from devices.payloads import balise_v1
from ingest.database_state import why
from ingest.mqtt import Broker
from ingest.network import Network
from ingest.publishes import Delivery
from sql.roles import Role, connect

_log = structlog.get_logger(__name__)

TOPIC = "$share/receivers/balise/v1/+/frames"
_GATEWAY = re.compile(r"^balise/v1/([a-z0-9-]{2,64})/frames$")
_RETRY_SECONDS = 1.0
_GOODBYE_SECONDS = 5.0
_RECEIPT_SECONDS, _RECEIPT_SHARE, _RECEIPT_LATEST = 0.2, 0.1, 5.0
"""How often gateways are told, at most; the share of the time that telling may take, which of
thousands costs as much as what they sent; and how late that may make it, since a gateway
sends again after ten."""
_BATCH_BYTES = 1 << 20
_LIVE = 50
"""Messages of one gateway in a batch above which they are no home's that measures now."""
_CROWDED = 500
"""Messages that wait above which one that was sent without asking for an acknowledgement is not
taken: nothing was promised of it. No gateway of ours sends any."""
_BUSY, _GATHER_SECONDS = 100, 0.03
"""Messages of a batch after which the next may wait for more, and how long."""
STATUS = "balise/receiver"
ONLINE, OFFLINE = b"online", b"offline"
_Row = tuple[str, str, bytes]
Epochs = dict[tuple[str, UUID], list[tuple[int, int]]]


class Receiver:
    """One receiver; several share the work by MQTT shared subscription, each with its name."""

    def __init__(
        self, broker: Broker, database_url: str, *, name: str = "1", batch_size: int = 1000
    ) -> None:
        self._database_url = database_url
        self._batch_size = batch_size
        self._queue: deque[Delivery] = deque()
        self._arrived = threading.Event()
        self._stop = threading.Event()
        self._met = self._heard = False
        self._owed: set[str] = set()
        self._receipts_due = 0.0
        self._client = broker.client(f"balise-receiver-{name}", in_gulps=True)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._status = f"{STATUS}/{name}"
        self._state = ONLINE
        self._client.will_set(self._status, OFFLINE, qos=1, retain=True)
        self._network = Network(broker, self._client, self._hear)

    def run(self) -> None:
        """Receive until stopped; raise BrokerDown if the network thread ever ends by itself."""
        self._network.start()
        try:
            while not self._stop.is_set():
                self._write_until_the_database_fails()
        finally:
            self._client.publish(self._status, OFFLINE, qos=1, retain=True)
            self._network.stop(_GOODBYE_SECONDS)

    @property
    def at_work(self) -> bool:
        """Whether it is at the broker, hears what comes, and could land what came last."""
        return self._heard and self._client.is_connected() and self._state == ONLINE

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stop.set()
        self._arrived.set()

    def _on_connect(self, client: mqtt.Client, _data: Any, flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            _log.error("broker_refused", reason=str(code))
            return
        if self._met and not flags.session_present:
            _log.warning("session_lost", hint="what the broker kept for us comes from gateways")
        self._met = True
        # What an older connection delivered is delivered again by this one.
        self._heard = False
        self._queue.clear()
        client.subscribe(TOPIC, qos=1)

    def _on_subscribe(
        self, client: mqtt.Client, _data: Any, _mid: int, codes: Sequence[Any], _p: Any
    ) -> None:
        if any(code.is_failure for code in codes):
            _log.error("broker_refused", reason=str(codes[0]))
            return
        # From here on the broker keeps what comes for us, whether we are there or not.
        self._heard = True
        client.publish(self._status, self._state, qos=1, retain=True)

    def _say(self, state: bytes, error: psycopg.Error | None = None) -> None:
        """Say what keeps us, or nothing any more, where that is new: at the broker and in the log.

        Once, since a full disk lasts for hours: what stands at the broker is how it is.
        """
        if state == self._state:
            return
        self._state = state
        self._client.publish(self._status, state, qos=1, retain=True)
        if error is None:
            _log.info("database_takes_again")
        else:
            _log.warning("database_refused", why=state.decode(), error=type(error).__name__)

    def _hear(self, messages: list[Delivery]) -> None:
        # The broker holds back what waits for an acknowledgement; of the rest there is no end.
        if len(self._queue) > _CROWDED:
            messages = [one for one in messages if one.mid]
        self._queue.extend(messages)
        self._arrived.set()

    def _write_until_the_database_fails(self) -> None:
        try:
            with connect(self._database_url, Role.RECEIVE) as connection:
                self._owed = self._all_gateways(connection)
                while not self._stop.is_set():
                    self._write_next(connection)
        except psycopg.Error as error:
            # Nothing in hand was acknowledged, so the broker still owes it to us. A schema that
            # is not there yet is waited for like a server that isn't.
            self._say(why(error).encode(), error)
            self._stop.wait(_RETRY_SECONDS)

    def _write_next(self, connection: psycopg.Connection) -> None:
        self._arrived.wait(self._rest())
        self._arrived.clear()
        if self._network.ended and not self._stop.is_set():
            raise BrokerDown("the network thread ended; start the receiver again")
        while batch := self._take():
            try:
                with telemetry.span("land", deliveries=len(batch)):
                    gateways = land(connection, batch, datetime.now(UTC))
            except psycopg.Error:
                # Not acknowledged, so not given up: the next database connection lands it.
                self._queue.extendleft(reversed(batch))
                raise
            self._network.acknowledge(batch)
            self._owed |= gateways
            self._tell(connection)
            if _BUSY <= len(batch) < self._batch_size > len(self._queue):
                self._stop.wait(_GATHER_SECONDS)
        self._tell(connection)
        self._say(ONLINE)

    def _rest(self) -> float:
        """Return for how long to wait for messages: until a receipt is due, a second at most."""
        due = self._receipts_due - time.monotonic() if self._owed else 1.0
        return min(1.0, max(0.0, due))

    def _tell(self, connection: psycopg.Connection) -> None:
        """Tell gateways what is stored of them, when that is due again."""
        began = time.monotonic()
        if self._owed and began >= self._receipts_due:
            self._publish_receipts(connection)
            ended = time.monotonic()
            wait = max(_RECEIPT_SECONDS, (ended - began) / _RECEIPT_SHARE)
            self._receipts_due = ended + min(wait, _RECEIPT_LATEST)

    def _take(self) -> list[Delivery]:
        batch: list[Delivery] = []
        size = 0
        # Only this thread takes, but a reconnection may empty the queue at any moment.
        with suppress(IndexError):
            while len(batch) < self._batch_size and size < _BATCH_BYTES:
                batch.append(self._queue.popleft())
                size += len(batch[-1].payload)
        return batch

    def _all_gateways(self, connection: psycopg.Connection) -> set[str]:
        rows = connection.execute(sql.get("landing.gateways_with_receipts")).fetchall()
        return {str(row[0]) for row in rows}

    def _publish_receipts(self, connection: psycopg.Connection) -> None:
        """Tell each gateway that is owed it all that is stored of it."""
        rows = connection.execute(sql.get("landing.receipts"), {"gateways": list(self._owed)})
        for gateway, some in groupby(rows, key=lambda row: str(row[0])):
            stored = {str(epoch): _closed(ranges) for _, epoch, ranges in some}
            self._client.publish(
                f"balise/v1/{gateway}/receipt",
                balise_v1.encode_receipt(stored),
                qos=1,
                retain=True,
            )
        self._owed.clear()


def land(
    connection: psycopg.Connection, batch: Sequence[Delivery], received_at: datetime
) -> set[str]:
    """Commit a batch with its receipts; return the gateways that have one to read."""
    epochs: Epochs = {}
    rows: dict[bool, list[_Row]] = {False: [], True: []}
    sent = Counter(delivery.topic for delivery in batch)
    for delivery in batch:
        gateway = _gateway(delivery.topic)
        numbers = balise_v1.numbers(delivery.payload)
        # Of a box that floods us nobody else's readings are to wait for.
        backlog = sent[delivery.topic] > _LIVE or (numbers is not None and numbers.backlog)
        rows[backlog].append((gateway, delivery.topic, delivery.payload))
        if gateway and numbers is not None:
            epochs.setdefault((gateway, numbers.epoch), []).extend(numbers.spans)
    with connection.transaction():
        for backlog, some in rows.items():
            if some:
                _copy(connection, some, received_at, backlog=backlog)
        _give_receipts(connection, epochs)
        gateways = {gateway for some in rows.values() for gateway, _, _ in some if gateway}
        connection.execute(
            sql.get("landing.seen_gateways"),
            {"received_at": received_at, "gateways": sorted(gateways)},
        )
        connection.execute(sql.get("landing.notify"))
    return {gateway for gateway, _ in epochs}


@lru_cache(4096)
def _gateway(topic: str) -> str:
    """Return who sent it, by the topic that the broker lets nobody else use; empty for none."""
    match = _GATEWAY.match(topic)
    return match[1] if match else ""


def _copy(
    connection: psycopg.Connection, rows: Sequence[_Row], received_at: datetime, *, backlog: bool
) -> None:
    opened = connection.execute(
        sql.get("landing.open_batch"),
        {
            "received_at": received_at,
            "messages": len(rows),
            "bytes": sum(len(payload) for _, _, payload in rows),
            "backlog": backlog,
        },
    ).fetchone()
    if opened is None:
        raise psycopg.OperationalError("no batch number")
    with connection.cursor().copy(sql.get("landing.copy")) as copy:
        copy.set_types(["int8", "timestamptz", "text", "text", "bytea"])
        for gateway, topic, payload in rows:
            copy.write_row((opened[0], received_at, gateway, topic, payload))


def _give_receipts(connection: psycopg.Connection, epochs: Epochs) -> None:
    connection.execute(
        sql.get("landing.give_receipts"),
        {
            "gateways": [gateway for gateway, _ in epochs],
            "epochs": [epoch for _, epoch in epochs],
            "stored": [_half_open(spans) for spans in epochs.values()],
        },
    )


def _half_open(spans: list[tuple[int, int]]) -> str:
    """Return closed ranges as a multirange of the fewest half-open ones, in PostgreSQL's words."""
    joined: list[list[int]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], high + 1)
        else:
            joined.append([low, high + 1])
    return "{" + ",".join(f"[{low},{end})" for low, end in joined) + "}"


def _closed(ranges: Multirange[int]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (one.lower, one.upper - 1)
        for one in ranges
        if one.lower is not None and one.upper is not None
    )
