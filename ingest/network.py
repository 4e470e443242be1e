"""The receiver's network thread: paho's protocol over a loop of our own.

paho's loop asks the system before each message, makes a dozen objects of it, and writes each
acknowledgement alone. This one reads all that has come, cuts the messages out, lets paho read the
rest, then writes all there is to say.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import paho.mqtt.client as mqtt
import structlog

from balise.errors import UsageError
from ingest.gulps import Gulps
from ingest.mqtt import KEEPALIVE, RECONNECT_SECONDS, Broker
from ingest.publishes import Delivery, Incoming, acknowledgements

_log = structlog.get_logger(__name__)

_IDLE_SECONDS = 1.0
_GATHER_SECONDS = 0.002
"""After messages came: so that the next look finds some and not one. A first one never waits."""
_ALIVE, _ALIVE_SECONDS = bytes.fromhex("d000"), KEEPALIVE / 4
"""A PINGRESP, which paho is handed when messages come, of which it sees nothing: else it would
close a connection that is full of them, where the answer to its ping waits behind."""


class Network:
    """Keeps a client connected: the only thread that reads and writes, whoever publishes.

    `heard` is called with the messages of each gulp, which may be none, and when the thread ends.
    """

    def __init__(
        self, broker: Broker, client: mqtt.Client, heard: Callable[[list[Delivery]], None]
    ) -> None:
        self._broker = broker
        self._client = client
        self._heard = heard
        self._connection = 0
        self._alive_due = 0.0
        self._safe: deque[Sequence[Delivery]] = deque()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        client.on_socket_register_write = self._wake
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        self._client.connect_async(self._broker.host, self._broker.port, KEEPALIVE)
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Send what there is to send and disconnect, waiting at most so long."""
        self._stop.set()
        self._wake()
        self._thread.join(seconds)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Let the broker forget these: soon, and only over the connection they came by."""
        self._safe.append(deliveries)
        self._wake()

    @property
    def ended(self) -> bool:
        """Whether it is over, by `stop` or by itself."""
        return self._ended.is_set()

    def _wake(self, *_: Any) -> None:
        # Where it blocks, the thread is about to wake already; where it is closed, it is over.
        with suppress(OSError):
            self._waker.send(b"\0")

    def _run(self) -> None:
        least, most = RECONNECT_SECONDS
        wait = least
        try:
            while not self._stop.is_set():
                self._renew()
                with suppress(OSError):
                    self._client.reconnect()
                    if self._serve():
                        wait = least
                self._stop.wait(wait)
                wait = min(2 * wait, most)
        finally:
            self._ended.set()
            self._woken.close()
            self._waker.close()
            self._heard([])

    def _renew(self) -> None:
        """Come by the certificate that is there now: `balise authority` renews it on the disk."""
        try:
            self._broker.reload()
        except (OSError, UsageError) as error:
            _log.warning("certificate_unread", error=type(error).__name__)

    def _serve(self) -> bool:
        """Read and write until the connection is lost; return whether the broker had let us in."""
        self._connection += 1
        incoming, let_in = Incoming(self._connection), False
        while (link := self._client.socket()) is not None:
            # `Broker.client` makes it one, whatever paho's types say.
            if self._turn(cast("Gulps", link), incoming):
                break
            let_in = let_in or self._client.is_connected()
        if not self._stop.is_set():
            _log.warning("connection_lost", let_in=let_in)
        return let_in

    def _turn(self, link: Gulps, incoming: Incoming) -> bool:
        """Wait for something to do and do it; return whether the connection is over."""
        if self._stop.is_set():
            self._client.disconnect()
        idle = 0.0 if self._client.want_write() and not link.unsent else _IDLE_SECONDS
        waiting: list[Gulps | socket.socket] = [link, self._woken]
        ready, _, _ = select.select(waiting, [link] if link.unsent else [], [], idle)
        if self._woken in ready:
            self._woken.recv(4096)
        over = link in ready and self._read(link, incoming)
        while self._safe:
            link.send(acknowledgements(self._connection, self._safe.popleft()))
        over = over or bool(self._client.loop_write() or self._client.loop_misc())
        link.flush()
        return over

    def _read(self, link: Gulps, incoming: Incoming) -> bool:
        """Read what has come; return whether the connection is over."""
        messages, over = list[Delivery](), False
        try:
            messages, others = incoming.cut(link.gulp())
            link.hand(self._alive(messages) + others)
        except BlockingIOError:
            return False
        except OSError as error:
            _log.warning("connection_broken", error=str(error))
            link.end()
        # First, since it may be that we are let in: what came before that is of no use.
        while not over and link.handed:
            over = bool(self._client.loop_read())
        self._heard(messages)
        if messages:
            time.sleep(_GATHER_SECONDS)
        return over

    def _alive(self, messages: Sequence[Delivery]) -> bytes:
        now = time.monotonic()
        if not messages or now < self._alive_due:
            return b""
        self._alive_due = now + _ALIVE_SECONDS
        return _ALIVE
