"""A TLS connection read and written in gulps, for a client that asks for a byte at a time.

paho reads a byte, then a byte, then the rest, and writes each acknowledgement for itself. Over
TLS each of these writes is a record and a call of the system, and every message read is two such
calls: half of what a receiver costs. Here a call fetches whatever has come, and `flush` sends
whatever was written as one record.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import cast

_GULP = 1 << 18


class Gulps:
    """What paho wants of a socket, over TLS; nothing leaves before `flush` or `close`."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._socket = plain
        self._arriving, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arriving, self._leaving, server_hostname=host)
        self._read, self._at = b"", 0
        self._written = bytearray()
        self._sealed = b""

    def do_handshake(self) -> None:
        """Greet the broker; ssl.SSLError where either side refuses, OSError where it goes away."""
        while not self._greeted():
            self._fetch()

    def recv(self, size: int) -> bytes:
        """Return at most so many bytes, none at the end; BlockingIOError where none are there."""
        if self._at == len(self._read):
            self._gulp()
        part = self._read[self._at : self._at + size]
        self._at += len(part)
        return part

    def send(self, data: bytes | bytearray) -> int:
        """Keep data for the next `flush`; all of it is taken."""
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Send as much as the system takes; a lost connection is the reader's to find."""
        with suppress(OSError):
            if self._written:
                self._tls.write(self._written)
                self._written.clear()
            self._push()

    @property
    def unsent(self) -> bool:
        """Whether the last `flush` left something, since the system took no more."""
        return bool(self._sealed)

    def pending(self) -> int:
        """Return how many bytes can be read without asking the system."""
        return len(self._read) - self._at

    def fileno(self) -> int:
        """Return what `select` waits for."""
        return self._socket.fileno()

    def settimeout(self, seconds: float | None) -> None:
        """Wait at most so long."""
        self._socket.settimeout(seconds)

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - paho's call
        """Wait, or don't."""
        self._socket.setblocking(flag)

    def close(self) -> None:
        """Send what is left, if it goes at once, and close."""
        self.flush()
        self._socket.close()

    def _greeted(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            # What it says last may be why it refuses.
            self._push()
        return True

    def _gulp(self) -> None:
        self._fetch()
        parts: list[bytes] = []
        with suppress(ssl.SSLWantReadError):
            while part := self._tls.read(_GULP):
                parts.append(part)
        self._read, self._at = b"".join(parts), 0
        if not parts and not self._arriving.eof:
            raise BlockingIOError

    def _fetch(self) -> None:
        if data := self._socket.recv(_GULP):
            self._arriving.write(data)
        else:
            self._arriving.write_eof()

    def _push(self) -> None:
        self._sealed += self._leaving.read()
        while self._sealed:
            self._sealed = self._sealed[self._socket.send(self._sealed) :]


class _Gulping:
    """What paho asks of an SSLContext: whether it checks names, and to wrap a socket."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.check_hostname = context.check_hostname

    def wrap_socket(self, plain: socket.socket, *, server_hostname: str, **_: object) -> Gulps:
        return Gulps(plain, self._context, server_hostname)


def gulping(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return what `Client.tls_set_context` takes for a context whose connections are `Gulps`."""
    return cast("ssl.SSLContext", _Gulping(context))
