"""Scanning through bleak's API, on bumble."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.exc import BleakError
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement

from ingest.gateway.bumble_radio import Radio
from ingest.gateway.bumble_services import full_uuid

AD = AdvertisingData.Type
NAMES = (AD.COMPLETE_LOCAL_NAME, AD.SHORTENED_LOCAL_NAME)
UUID_LISTS: dict[int, int] = {
    AD.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    AD.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    AD.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    AD.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    AD.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    AD.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}
SERVICE_DATA: dict[int, int] = {
    AD.SERVICE_DATA_16_BIT_UUID: 2,
    AD.SERVICE_DATA_32_BIT_UUID: 4,
    AD.SERVICE_DATA_128_BIT_UUID: 16,
}
"""How many bytes of a UUID are in an element of an advertisement."""


class BumbleScanner(BaseBleakScanner):
    """What stands behind a BleakScanner; `backends` binds it to a radio."""

    radio: ClassVar[Radio]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,  # noqa: ARG002 - bumble scans actively, which hears all there is
        **_others: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._listening: AbstractAsyncContextManager[None] | None = None

    async def start(self) -> None:
        """Start to scan; BleakError where it does already or the radio is lost."""
        if self._listening is not None:
            raise BleakError("The scanner is started already")
        self.seen_devices.clear()
        listening = self.radio.listening(self._heard)
        await listening.__aenter__()
        self._listening = listening

    async def stop(self) -> None:
        """Stop to scan; nothing happens where it has not started."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.__aexit__(None, None, None)

    def _heard(self, advertisement: Advertisement) -> None:
        data = advertisement_data(advertisement)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        address = self.radio.identity(advertisement.address)
        known = self.seen_devices.get(address)
        name = data.local_name or (known[0].name if known else None)
        device = self.create_or_update_device(address, address, name, advertisement.address, data)
        device.details = advertisement.address  # a private one is another each quarter of an hour
        self.call_detection_callbacks(device, data)


def advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    """Return an advertisement in bleak's terms; UUIDs are in full, in lower case.

    What is malformed is left out, for it may be a stranger's: bumble's own objects raise there,
    and take the power for unsigned.
    """
    parts = [(int(kind), data) for kind, data in advertisement.data.ad_structures]
    names = {kind: data.decode(errors="replace") for kind, data in parts if kind in NAMES}
    powers = [data for kind, data in parts if kind == AD.TX_POWER_LEVEL and len(data) == 1]
    return AdvertisementData(
        local_name=next((names[kind] for kind in NAMES if kind in names), None),
        manufacturer_data={
            int.from_bytes(data[:2], "little"): data[2:]
            for kind, data in parts
            if kind == AD.MANUFACTURER_SPECIFIC_DATA and len(data) >= 2
        },
        service_data=_service_data(parts),
        service_uuids=_service_uuids(parts),
        tx_power=int.from_bytes(powers[0], signed=True) if powers else None,
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )


def _service_uuids(parts: list[tuple[int, bytes]]) -> list[str]:
    uuids = [
        full_uuid(UUID.from_bytes(data[start : start + UUID_LISTS[kind]]))
        for kind, data in parts
        if kind in UUID_LISTS
        for start in range(0, len(data) - UUID_LISTS[kind] + 1, UUID_LISTS[kind])
    ]
    # once each: bumble's emulated controller repeats the advertisement as its scan response
    return list(dict.fromkeys(uuids))


def _service_data(parts: list[tuple[int, bytes]]) -> dict[str, bytes]:
    return {
        full_uuid(UUID.from_bytes(data[: SERVICE_DATA[kind]])): data[SERVICE_DATA[kind] :]
        for kind, data in parts
        if kind in SERVICE_DATA and len(data) >= SERVICE_DATA[kind]
    }
