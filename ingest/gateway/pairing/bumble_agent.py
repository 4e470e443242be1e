"""What BlueZ's agent is to BlueZ, for a radio that bumble drives: questions go to the desk."""

from __future__ import annotations

from bleak.backends.device import BLEDevice
from bumble.device import Connection
from bumble.pairing import PairingConfig, PairingDelegate

from ingest.gateway.bumble_backend import Radio, backends
from ingest.gateway.kit import Kit
from ingest.gateway.pairing.desk import Desk, RefusalError
from ingest.gateway.scan import Scan


class AtTheDesk(PairingDelegate):
    """Answers one link's questions."""

    def __init__(self, desk: Desk, link: Connection) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT)
        self._desk = desk
        self._address = link.peer_address.to_string(with_type_qualifier=False)

    async def accept(self) -> bool:
        """Accept a bond with the device that is being paired."""
        return self._desk.allows(self._address)

    async def confirm(self, auto: bool = False) -> bool:  # noqa: FBT001, FBT002 - bumble's signature
        """Agree to a bond without a code."""
        del auto
        return self._desk.allows(self._address)

    async def compare_numbers(self, number: int, digits: int) -> bool:
        """Ask whether the device shows the same number."""
        del digits
        try:
            return await self._desk.confirm(self._address, number)
        except RefusalError:
            return False

    async def get_number(self) -> int | None:
        """Ask for the digits that the device shows; None gives up."""
        try:
            return await self._desk.code(self._address)
        except RefusalError:
            return None


class RadioBonds:
    """The bonds of a bumble radio, in its key store."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio

    async def has(self, address: str) -> bool:
        """Whether the key store has the device."""
        return bool(await self._names(address))

    async def forget(self, address: str) -> None:
        """Delete its keys."""
        keys = self._radio.device.keystore
        for name in await self._names(address):
            if keys is not None:
                await keys.delete(name)
        await self._radio.device.refresh_resolving_list()

    async def holder(self, address: str) -> str:
        """Return this radio's address where it has one that lasts."""
        return self._radio.address if await self.has(address) else ""

    async def identity(self, device: BLEDevice) -> str:
        """Return the address that the device gave with its keys."""
        return self._radio.identity(device.details)

    async def _names(self, address: str) -> list[str]:
        keys = self._radio.device.keystore
        found = [] if keys is None else await keys.get_all()
        return [name for name, _ in found if name.upper().startswith(address.upper())]


def kit_of(radio: Radio, desk: Desk) -> Kit:
    """Send a radio's pairing questions to the desk, and return what it has for a gateway."""
    radio.device.pairing_config_factory = lambda link: PairingConfig(delegate=AtTheDesk(desk, link))
    scanner, client = backends(radio)
    return Kit(RadioBonds(radio), radio, Scan(scanner), client)
