"""A backend of bleak over bumble: Bluetooth with no BlueZ, on a dongle or on the virtual air.

async with Radio("usb:0") as radio:
    scanner, client = backends(radio)
    device = await BleakScanner.find_device_by_name("Balise cuff 1", backend=scanner)
    async with BleakClient(device, backend=client) as cuff: ...
"""

from __future__ import annotations

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner

from ingest.gateway.bumble_client import BumbleClient
from ingest.gateway.bumble_radio import Radio
from ingest.gateway.bumble_scanner import BumbleScanner

__all__ = ["Radio", "backends"]


def backends(radio: Radio) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
    """Return the classes that bleak makes its scanners and clients from, bound to a radio."""
    bound = radio

    class Scanner(BumbleScanner):
        radio = bound

    class Client(BumbleClient):
        radio = bound

    return Scanner, Client
