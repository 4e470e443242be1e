"""Whether nobody on the way to an address can read what is said: TLS, or no way at all."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

_TLS = frozenset({"https", "mqtts"})


def is_closed(url: str) -> bool:
    """Say whether an address is one of TLS, or of this very machine."""
    parts = urlsplit(url)
    return parts.scheme in _TLS or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Say whether a host is this very machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_beside(host: str) -> bool:
    """Say whether a host is this machine or a container beside us, whose name has no dot."""
    return not host or host.startswith("/") or is_loopback(host) or host.isidentifier()
