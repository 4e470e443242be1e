"""Bonds: what a device refuses before one, and the six digits that it shows to make one."""

from __future__ import annotations

import secrets
from typing import Any, Protocol

from bumble.att import Attribute
from bumble.core import UUID
from bumble.device import Device
from bumble.hci import Address, HCI_LE_Set_Random_Address_Command
from bumble.pairing import PairingConfig, PairingDelegate

from devices.virtual.faults import Pairing

_CCCD = UUID.from_16_bits(0x2902)


class Display(Protocol):
    """What shows the six digits."""

    passkey: str | None


class ShowsPasskey(PairingDelegate):
    """Shows a new passkey at each pairing, and refuses to do without one."""

    def __init__(self, display: Display) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)
        self._display = display

    async def generate_passkey(self) -> int:
        """Return a passkey once it is shown; bumble fails on 0."""
        passkey = secrets.randbelow(999_999) + 1
        self._display.passkey = f"{passkey:06}"
        return passkey

    async def confirm(self, auto: bool = False) -> bool:  # noqa: FBT001, FBT002 - bumble's signature
        """Refuse Just Works, which is what a device with a display alone is asked to confirm."""
        del auto
        return False


def secure(device: Device, pairing: Pairing, display: Display) -> None:
    """Ask for a bond before a gateway may subscribe or write anything."""
    shows = pairing is Pairing.PASSKEY
    delegate = ShowsPasskey(display) if shows else PairingDelegate()
    device.pairing_config_factory = lambda _link: PairingConfig(
        mitm=shows,
        delegate=delegate,
        identity_address_type=PairingConfig.AddressType.RANDOM,
    )
    if pairing is not Pairing.NONE:
        for attribute in list[Attribute[Any]](device.gatt_server.attributes):
            if attribute.type == _CCCD or attribute.permissions & Attribute.WRITEABLE:
                attribute.permissions |= Attribute.WRITE_REQUIRES_ENCRYPTION


async def rotate(device: Device) -> None:
    """Take another private address, while not advertising; bumble's update_rpa sets the old one."""
    address = Address.generate_private_address(device.irk)
    await device.send_sync_command(HCI_LE_Set_Random_Address_Command(random_address=address))
    device.random_address = address
