"""The one question asked of a broker, in MQTT 3.1.1: whether it lets an account in."""

from __future__ import annotations

import socket


def let_in(port: int, user: str, password: str) -> bool:
    """Connect to the broker on the loopback and read its answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=3) as link:
            link.sendall(_connect(user, password))
            accepted = link.recv(4) == b"\x20\x02\x00\x00"  # CONNACK, no session, code 0
            link.sendall(b"\xe0\x00")  # DISCONNECT
            return accepted
    except OSError:
        return False


def _connect(user: str, password: str) -> bytes:
    # Protocol level 4; user, password and clean session; keep-alive 10 s; a client id of the
    # broker's choice, so that nobody's session is taken over.
    body = _text("MQTT") + b"\x04\xc2\x00\x0a" + _text("") + _text(user) + _text(password)
    return b"\x10" + bytes([len(body)]) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()
