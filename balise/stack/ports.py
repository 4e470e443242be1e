"""Ports of the loopback: which are free."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections import deque

from balise.errors import StackUnavailable

# Below the ports the kernel hands to outgoing connections, so that one of those can't sit on ours.
PORTS = range(20000, 32000)

_reserved: deque[int] = deque(maxlen=64)
"""Descriptors of the last ones given: those before are listened on by now, or no longer needed."""


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
    """Return some port that nobody listens on and nobody else was just given."""
    for _ in range(100):
        port = secrets.choice(PORTS)
        if _reserve(port) and is_free(port):
            return port
    raise StackUnavailable(f"No port is free between {PORTS.start} and {PORTS.stop}.")


def _reserve(port: int) -> bool:
    """Say whether a port is ours to give; by a name that the kernel takes back at our end.

    Between being given and being listened on seconds may pass, in which others look for one.
    """
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0balise port {port}")
    except OSError:
        name.close()
        return False
    if len(_reserved) == _reserved.maxlen:
        os.close(_reserved.popleft())
    _reserved.append(name.detach())  # nobody closes it: it ends with the process
    return True


def await_free(port: int, timeout: float = 15) -> None:
    """Wait until whoever was killed has let go of its port."""
    deadline = time.monotonic() + timeout
    while not is_free(port):
        if time.monotonic() > deadline:
            raise StackUnavailable(f"Port {port} is held by another program; end that one first.")
        time.sleep(0.05)
