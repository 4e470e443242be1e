"""A producer that costs next to nothing: MQTT packets encoded before the clock runs."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self
from uuid import uuid4

from balise.errors import BrokerDown
from balise.settings import Settings
from ingest.mqtt import Broker

_BUFFER = 1 << 16
_PATIENCE = 60.0
_CONNACK, _PUBACK = bytes.fromhex("20020000"), 4


class Producer:
    """A connection to the broker that publishes at QoS 1 and counts what the broker took."""

    def __init__(self, settings: Settings) -> None:
        where = Broker(settings)
        plain = socket.create_connection((where.host, where.port), timeout=_PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link = _dressed(settings, plain, where.host)
        self._link.sendall(_connect(f"balise-bench-{uuid4().hex[:8]}"))
        if self._link.recv(4) != _CONNACK:
            raise BrokerDown("the broker does not let the producer in")
        self._owed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._link.close()

    def push(self, packets: Sequence[bytes]) -> None:
        """Send all of it at full speed and wait until the broker has taken it."""
        self._owed += len(packets)
        for buffer in _buffers(packets):
            self._link.sendall(buffer)
            self._count(0.0)
        until = time.monotonic() + _PATIENCE
        while self._owed > 0:
            if time.monotonic() > until:
                raise BrokerDown(f"the broker took all but {self._owed} messages")
            self._count(_PATIENCE)

    def _count(self, seconds: float) -> None:
        """Take the acknowledgements that are there; nothing else ever comes here."""
        self._link.settimeout(seconds)
        try:
            while self._owed > 0 and (some := self._link.recv(_BUFFER)):
                self._owed -= len(some) // _PUBACK
        except (BlockingIOError, ssl.SSLWantReadError, TimeoutError):
            pass
        finally:
            self._link.settimeout(_PATIENCE)


def packets(messages: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """Return topics and payloads as PUBLISH packets of QoS 1."""
    return [
        publish(topic, payload, number % 0xFFFF + 1)
        for number, (topic, payload) in enumerate(messages)
    ]


def publish(topic: str, payload: bytes, number: int) -> bytes:
    """Return a PUBLISH packet of QoS 1 (MQTT 3.1.1, 3.3)."""
    body = _text(topic) + number.to_bytes(2, "big") + payload
    return b"\x32" + _length(len(body)) + body


def _connect(client_id: str) -> bytes:
    """Return a CONNECT packet of a clean session without keep-alive (3.1)."""
    body = _text("MQTT") + b"\x04\x02\x00\x00" + _text(client_id)
    return b"\x10" + _length(len(body)) + body


def _text(text: str) -> bytes:
    return len(text.encode()).to_bytes(2, "big") + text.encode()


def _length(length: int) -> bytes:
    """Return a remaining length: seven bits a byte, the lowest first (2.2.3)."""
    found = bytearray()
    while length > 0x7F:
        found.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*found, length])


def _buffers(packets: Sequence[bytes]) -> Iterator[bytes]:
    some: list[bytes] = []
    size = 0
    for packet in packets:
        some.append(packet)
        size += len(packet)
        if size >= _BUFFER:
            yield b"".join(some)
            some, size = [], 0
    yield b"".join(some)


def _dressed(settings: Settings, plain: socket.socket, host: str) -> socket.socket:
    if not settings.mqtt_cert_file:
        return plain
    tls = ssl.create_default_context(cafile=settings.mqtt_ca_file)
    tls.load_cert_chain(settings.mqtt_cert_file, settings.mqtt_key_file)
    return tls.wrap_socket(plain, server_hostname=host)
