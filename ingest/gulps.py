"""A connection read and written in gulps, for a client that asks for a byte at a time.

paho reads a byte, then a byte, then the rest, and writes each acknowledgement for itself. Over
TLS each of these writes is a record and a call of the system, and every message read is two such
calls. Here a call fetches whatever has come, and `flush` sends whatever was written as one record.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import cast

_GULP = 1 << 18


class Gulps:
    """What paho wants of a socket, over TLS or in the clear.

    It reads what it is handed, nothing else; and nothing leaves before `flush` or `close`.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext | None, host: str) -> None:
        self._socket = plain
        self._arriving, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = (
            None
            if context is None
            else context.wrap_bio(self._arriving, self._leaving, server_hostname=host)
        )
        self._handed, self._at = b"", 0
        self._written = bytearray()
        self._sealed = b""

    def do_handshake(self) -> None:
        """Greet the broker; ssl.SSLError where either side refuses, OSError where it goes away."""
        while self._tls is not None and not self._greeted(self._tls):
            self._fetch()

    def gulp(self) -> bytes:
        """Return what has come since, as it was before TLS; nothing where no record is whole.

        BlockingIOError where nothing has come, OSError where the connection is cut.
        """
        self._fetch()
        if self._tls is None:
            return self._arriving.read()
        parts: list[bytes] = []
        with suppress(ssl.SSLWantReadError):
            while part := self._tls.read(_GULP):
                parts.append(part)
        return b"".join(parts)

    def hand(self, data: bytes) -> None:
        """Let `recv` return this next."""
        self._handed, self._at = self._handed[self._at :] + data, 0

    def end(self) -> None:
        """Let `recv` say, after what it was handed, that there will be no more."""
        self._arriving.read()  # what TLS could make nothing of
        self._arriving.write_eof()

    @property
    def handed(self) -> bool:
        """Whether `recv` has something to say, be it that the other end said goodbye."""
        return self._at < len(self._handed) or self._arriving.eof

    def recv(self, size: int) -> bytes:
        """Return at most so many bytes, none at the end; BlockingIOError where none are there."""
        if not self.handed:
            raise BlockingIOError
        part = self._handed[self._at : self._at + size]
        self._at += len(part)
        return part

    def send(self, data: bytes | bytearray) -> int:
        """Keep data for the next `flush`; all of it is taken."""
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Send as much as the system takes; a lost connection is the reader's to find."""
        with suppress(OSError):
            if self._written and self._tls is not None:
                self._tls.write(self._written)
            elif self._written:
                self._leaving.write(self._written)
            self._written.clear()
            self._push()

    @property
    def unsent(self) -> bool:
        """Whether the last `flush` left something, since the system took no more."""
        return bool(self._sealed)

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

    def _greeted(self, tls: ssl.SSLObject) -> bool:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            # What it says last may be why it refuses.
            self._push()
        return True

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

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        # Else paho would ask the socket for a certificate; in the clear there is none.
        self.check_hostname = context is None or context.check_hostname

    def wrap_socket(self, plain: socket.socket, *, server_hostname: str, **_: object) -> Gulps:
        return Gulps(plain, self._context, server_hostname)


def gulping(context: ssl.SSLContext | None) -> ssl.SSLContext:
    """Return what `Client.tls_set_context` takes, so that its connections are `Gulps`."""
    return cast("ssl.SSLContext", _Gulping(context))
