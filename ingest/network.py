"""The receiver's network thread: paho's protocol over a loop of our own.

paho's loop asks the system before each message and writes each acknowledgement alone. This one
reads all that has come, then writes all there is to say.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import paho.mqtt.client as mqtt

from ingest.gulps import Gulps
from ingest.mqtt import KEEPALIVE, RECONNECT_SECONDS, Broker

_IDLE_SECONDS = 1.0


class Network:
    """Keeps a client connected: the only thread that reads and writes, whoever publishes.

    `heard` is called after each gulp of messages, and when the thread ends.
    """

    def __init__(self, broker: Broker, client: mqtt.Client, heard: Callable[[], None]) -> None:
        self._broker = broker
        self._client = client
        self._heard = heard
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
            self._heard()

    def _serve(self) -> bool:
        """Read and write until the connection is lost; return whether the broker had let us in."""
        let_in = False
        while (link := self._client.socket()) is not None and not self._turn(link):
            let_in = let_in or self._client.is_connected()
        return let_in

    def _turn(self, link: Any) -> bool:
        """Wait for something to do and do it; return whether the connection is over."""
        if self._stop.is_set():
            self._client.disconnect()
        held_up = link.unsent if isinstance(link, Gulps) else self._client.want_write()
        idle = 0.0 if self._client.want_write() and not held_up else _IDLE_SECONDS
        ready, _, _ = select.select([link, self._woken], [link] if held_up else [], [], idle)
        if self._woken in ready:
            self._woken.recv(4096)
        over = link in ready and self._read(link)
        over = over or bool(self._client.loop_write() or self._client.loop_misc())
        if isinstance(link, Gulps):
            link.flush()
        return over

    def _read(self, link: Any) -> bool:
        over = bool(self._client.loop_read())
        while not over and isinstance(link, Gulps) and link.pending():
            over = bool(self._client.loop_read())
        self._heard()
        return over
