"""Ports of the loopback: which are free."""

from __future__ import annotations

import secrets
import socket
import time

from balise.errors import StackUnavailable

# Below the ports the kernel hands to outgoing connections, so that one of those can't sit on ours.
PORTS = range(20000, 32000)


def is_free(port: int) -> bool:
    """Say whether nobody listens on this port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free() -> int:
    """Return some port nobody listens on."""
    for _ in range(100):
        port = secrets.choice(PORTS)
        if is_free(port):
            return port
    raise StackUnavailable(f"No port is free between {PORTS.start} and {PORTS.stop}.")


def await_free(port: int, timeout: float = 15) -> None:
    """Wait until whoever was killed has let go of its port."""
    deadline = time.monotonic() + timeout
    while not is_free(port):
        if time.monotonic() > deadline:
            raise StackUnavailable(f"Port {port} is held by another program; end that one first.")
        time.sleep(0.05)
