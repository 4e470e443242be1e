"""Spool to broker: publish at QoS 1, forget only on the server's receipt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import structlog

from devices.payloads import balise_v1
from ingest.gateway import health
from ingest.gateway.spool import Spool
from ingest.mqtt import KEEPALIVE, Broker

_log = structlog.get_logger(__name__)

ITEMS_A_MESSAGE = 50
BYTES_A_MESSAGE = 48 * 1024  # well under the broker's max_packet_size
STATUS_SECONDS = 60.0
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
    ) -> None:
        self._gateway = gateway
        self._spool_path = spool
        self._receipt_timeout = receipt_timeout
        self._broker = broker
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._receipts: list[bytes] = []
        self._reconnected = False
        self._status = status
        self._status_due = 0.0
        self._client = broker.client(f"balise-gateway-{gateway}")
        if status is not None:
            self._client.will_set(health.topic(gateway), health.LAST_WILL, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
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

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            _log.warning("broker_refused", gateway=self._gateway, reason=str(code))
            return
        client.subscribe(f"balise/v1/{self._gateway}/receipt", qos=1)
        self._reconnected = True
        self._status_due = 0.0
        self._wake.set()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._receipts.append(bytes(message.payload))
        self._wake.set()

    def _run(self) -> None:
        spool = Spool(self._spool_path)
        try:
            while not self._stop.is_set():
                self._wake.wait(timeout=1)
                self._wake.clear()
                self._take_receipts(spool)
                if self._client.is_connected():
                    self._tell()
                    self._send(spool)
        finally:
            spool.close()

    def _tell(self) -> None:
        """Say how the gateway is, once a minute and at each connection."""
        if self._status is not None and time.monotonic() >= self._status_due:
            self._status_due = time.monotonic() + STATUS_SECONDS
            self._client.publish(health.topic(self._gateway), self._status(), qos=1, retain=True)

    def _take_receipts(self, spool: Spool) -> None:
        while self._receipts:
            receipt = balise_v1.read_receipt(self._receipts.pop(0))
            if receipt is None:
                _log.error("receipt_unreadable", gateway=self._gateway)
            else:
                now = datetime.now(UTC)
                spool.receipt(receipt.stored.get(str(spool.epoch), ()), now)
                spool.forget(now)

    def _send(self, spool: Spool) -> None:
        if self._reconnected:
            self._reconnected = False
            spool.unsent()
        self._in_flight = [info for info in self._in_flight if not info.is_published()]
        while len(self._in_flight) < MESSAGES_IN_FLIGHT:
            now = datetime.now(UTC)
            items = _fill(spool.waiting(now, self._receipt_timeout, ITEMS_A_MESSAGE))
            if not items:
                return
            topic = f"balise/v1/{self._gateway}/frames"
            payload = balise_v1.encode_message(spool.epoch, items)
            self._in_flight.append(self._client.publish(topic, payload, qos=1))
            spool.sent([seq for seq, _ in items], now)


def _fill(items: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return as many items as go into one message; the first goes whatever its size."""
    size = 0
    for count, (_, body) in enumerate(items):
        size += len(body)
        if size > BYTES_A_MESSAGE and count:
            return items[:count]
    return items
