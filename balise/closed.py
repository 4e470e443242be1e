"""Whether nobody on the way to an address can read what is said: TLS, or no way at all."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

_TLS = frozenset({"https", "mqtts"})
_CONTAINERS = frozenset({"database", "broker"})


def is_closed(url: str) -> bool:
    """Say whether an address is one of TLS, or of this machine; what is no address is neither."""
    host = host_of(url)
    return bool(host) and (urlsplit(url).scheme in _TLS or is_loopback(host))


def host_of(url: str) -> str:
    """Return an address's host; empty for what is no address."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Say whether a host is this very machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_beside(host: str) -> bool:
    """Say whether a host is this machine, by a socket too, or a container of docker-compose.yml."""
    return not host or host.startswith("/") or is_loopback(host) or host in _CONTAINERS


def place(url: str) -> str:
    """Return an address as it may be told, without an account; empty where that is unclear."""
    if not (host := host_of(url)):
        return ""
    parts = urlsplit(url)
    clear = "@" not in f"{parts.path}{parts.query}{parts.fragment}"
    return f"{parts.scheme}://{host}" if clear else ""
