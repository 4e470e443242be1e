"""Which addresses are one house's."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_interface


def house(address: str) -> str:
    """Return what is one house's: of IPv6 a network of 64 bits, which it has all to itself."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return address
    return str(known.ipv4_mapped or ip_interface(f"{known}/64").network)
