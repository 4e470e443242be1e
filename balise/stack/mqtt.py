"""The one question asked of a broker, in MQTT 3.1.1: whether it lets a certificate in."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from balise.authority import Pair


def let_in(port: int, authority: Path, pair: Pair) -> bool:
    """Connect to the broker on the loopback and read its answer."""
    try:
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(pair.certificate, pair.key)
        with (
            socket.create_connection(("127.0.0.1", port), timeout=3) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as link,
        ):
            link.sendall(_CONNECT)
            accepted = link.recv(4) == b"\x20\x02\x00\x00"  # CONNACK, no session, code 0
            link.sendall(b"\xe0\x00")  # DISCONNECT
            return accepted
    except OSError:
        return False


# Protocol level 4; clean session; keep-alive 10 s; a client id of the broker's choice, so that
# nobody's session is taken over.
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
