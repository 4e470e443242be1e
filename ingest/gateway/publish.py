"""Spool to broker: publish at QoS 1, forget only on the server's receipt."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import structlog

from balise import sealed
from devices.payloads import balise_v1
from ingest.gateway import health
from ingest.gateway.clock import Timekeeper
from ingest.gateway.flight import Flight
from ingest.gateway.spool import Spool
from ingest.mqtt import KEEPALIVE, Broker

_log = structlog.get_logger(__name__)

STATUS_SECONDS = 60.0
_RETRY_SECONDS, _TIDY_SECONDS = 1.0, 60.0
MESSAGES_IN_FLIGHT = 20  # paho's queue is memory, never the store: the rest waits in the spool


class Publisher:
    """Drains one spool, in a thread of its own, for as long as the process lives."""

    def __init__(
        self,
        broker: Broker,
        gateway: str,
        spool: Path,
        receipt_timeout: float,
        status: Callable[[], bytes] | None = None,
        timekeeper: Timekeeper | None = None,
    ) -> None:
        self._gateway = gateway
        self._spool_path = spool
        self._receipt_timeout = receipt_timeout
        self._broker = broker
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._receipts: deque[balise_v1.Receipt] = deque()
        self._reconnected = False
        self._status = status
        # What a spool of files holds was not captured by this machine's clock.
        self._timekeeper = timekeeper or Timekeeper(trusted=True)
        self.take_settings: Callable[[bytes], None] | None = None
        self._settings: deque[bytes] = deque()
        self._connected_at: datetime | None = None
        self._status_due = 0.0
        self._tidy_due = 0.0
        self._client = broker.client(f"balise-gateway-{gateway}")
        if status is not None:
            self._client.will_set(health.topic(gateway), health.LAST_WILL, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.message_callback_add(sealed.topic(gateway), self._on_settings)
        self._client.on_publish = lambda *_: self._wake.set()
        self._in_flight: list[mqtt.MQTTMessageInfo] = []
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Connect, now or as soon as the broker is there, and drain."""
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE)
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        """End; what has no receipt stays in the spool."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        if self._status is not None and self._client.is_connected():
            # An orderly end sends no last will.
            said = self._client.publish(
                health.topic(self._gateway), health.LAST_WILL, qos=1, retain=True
            )
            with suppress(RuntimeError, ValueError):
                said.wait_for_publish(timeout=2)
        self._client.disconnect()
        self._client.loop_stop()

    def renew(self) -> None:
        """Connect again with the certificate as it is now; what is in flight stays so."""
        self._client.disconnect()
        self._client.loop_stop()
        self._broker.reload()
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE)
        self._client.loop_start()

    def tell(self) -> None:
        """Say again how the gateway is: something changed."""
        self._status_due = 0.0
        self._wake.set()

    def wake(self) -> None:
        """Say that the spool has something new."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether the thread that drains the spool runs."""
        return self._thread.is_alive()

    @property
    def connected(self) -> bool:
        """Whether the broker answers."""
        return self._client.is_connected()

    @property
    def connected_at(self) -> datetime | None:
        """Since when the broker answers, None while it does not."""
        return self._connected_at if self.connected else None

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            _log.warning("broker_refused", gateway=self._gateway, reason=str(code))
            return
        topics = [f"balise/v1/{self._gateway}/receipt"]
        if self.take_settings is not None:
            topics.append(sealed.topic(self._gateway))
        client.subscribe([(topic, 1) for topic in topics])
        self._connected_at = datetime.now(UTC)
        self._reconnected = True
        self._status_due = 0.0
        self._wake.set()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        receipt = balise_v1.read_receipt(bytes(message.payload))
        if receipt is None:
            _log.error("receipt_unreadable", gateway=self._gateway)
            return
        self._receipts.append(receipt)
        self._wake.set()

    def _on_settings(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._settings.append(bytes(message.payload))
        self._wake.set()

    def _run(self) -> None:
        spool = self._opened()
        if spool is None:
            return
        flight = Flight(spool, self._receipt_timeout)
        try:
            while not self._stop.is_set():
                self._wake.wait(timeout=1)
                self._wake.clear()
                self._step(spool, flight)
        finally:
            spool.close()

    def _opened(self) -> Spool | None:
        """Open the spool, as often as it takes; None where we are stopped before."""
        while not self._stop.is_set():
            try:
                return Spool(self._spool_path)
            except sqlite3.Error as error:
                self._wait_for_spool(error)
        return None

    def _wait_for_spool(self, error: sqlite3.Error) -> None:
        """Let a full disk or a lock held for long pass: what is spooled stays."""
        _log.warning("spool_failed", gateway=self._gateway, error=str(error))
        self._stop.wait(_RETRY_SECONDS)

    def _step(self, spool: Spool, flight: Flight) -> None:
        try:
            self._take_receipt(spool, flight)
            self._hand_settings()
            self._tidy(spool)
            if self._client.is_connected():
                self._tell()
                if self._timekeeper.ready():
                    self._send(spool, flight)
        except sqlite3.Error as error:
            self._wait_for_spool(error)

    def _tell(self) -> None:
        """Say how the gateway is, once a minute and at each connection."""
        if self._status is not None and time.monotonic() >= self._status_due:
            self._status_due = time.monotonic() + STATUS_SECONDS
            said = self._status()
            for topic in (health.topic(self._gateway), health.report_topic(self._gateway)):
                self._client.publish(topic, said, qos=1, retain=True)

    def _hand_settings(self) -> None:
        """Hand on what the server sets, and say at once what became of it."""
        while self._settings and self.take_settings is not None:
            self.take_settings(self._settings.popleft())
            self._status_due = 0.0

    def _take_receipt(self, spool: Spool, flight: Flight) -> None:
        """Take the newest receipt, off the queue only once it is committed: each says it all."""
        if not self._receipts:
            return
        newest = self._receipts[-1]
        if spool.receipt(newest.stored.get(str(spool.epoch), ()), datetime.now(UTC)):
            flight.lost(time.monotonic())
        flight.landed(spool.missing())
        while self._receipts.popleft() is not newest:
            pass

    def _tidy(self, spool: Spool) -> None:
        """Delete what is kept no longer, a little at a time: a put must not wait for it."""
        if time.monotonic() >= self._tidy_due and not spool.forget(datetime.now(UTC)):
            self._tidy_due = time.monotonic() + _TIDY_SECONDS

    def _send(self, spool: Spool, flight: Flight) -> None:
        if self._reconnected:
            self._reconnected = False
            flight.start_over()
        spool.declare()
        self._in_flight = [info for info in self._in_flight if not info.is_published()]
        while len(self._in_flight) < MESSAGES_IN_FLIGHT:
            items = flight.next(time.monotonic())
            if not items:
                return
            topic = f"balise/v1/{self._gateway}/frames"
            settled = ((number, self._timekeeper.settled(body)) for number, body in items)
            payload = balise_v1.encode_message(
                spool.epoch, settled, backlog=items[-1][0] < flight.newest
            )
            self._in_flight.append(self._client.publish(topic, payload, qos=1))
