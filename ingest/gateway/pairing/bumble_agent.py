"""What BlueZ's agent is to BlueZ, for a radio that bumble drives: questions go to the desk."""

from __future__ import annotations

from bumble.device import Connection
from bumble.keys import KeyStore
from bumble.pairing import PairingConfig, PairingDelegate

from ingest.gateway.bumble_radio import Radio
from ingest.gateway.pairing.bonds import KeyStoreBonds
from ingest.gateway.pairing.desk import Desk, RefusalError


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


def attach(radio: Radio, desk: Desk) -> KeyStoreBonds:
    """Send a radio's pairing questions to the desk, and return the bonds it keeps."""
    radio.device.pairing_config_factory = lambda link: PairingConfig(delegate=AtTheDesk(desk, link))

    async def names() -> list[str]:
        keys = radio.device.keystore
        return [] if keys is None else [name for name, _ in await keys.get_all()]

    async def delete(name: str) -> None:
        keys: KeyStore | None = radio.device.keystore
        if keys is not None:
            await keys.delete(name)

    return KeyStoreBonds(names, delete)
