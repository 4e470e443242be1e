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
from bumble.core import AdvertisingData
from bumble.device import Advertisement

from ingest.gateway.bumble_radio import Radio
from ingest.gateway.bumble_services import full_uuid

AD = AdvertisingData.Type


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
        address = advertisement.address.to_string(with_type_qualifier=False)
        known = self.seen_devices.get(address)
        name = data.local_name or (known[0].name if known else None)
        device = self.create_or_update_device(address, address, name, advertisement.address, data)
        self.call_detection_callbacks(device, data)


def advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    """Return an advertisement in bleak's terms; UUIDs are in full, in lower case."""
    data = advertisement.data
    return AdvertisementData(
        local_name=data.get(AD.COMPLETE_LOCAL_NAME) or data.get(AD.SHORTENED_LOCAL_NAME),
        manufacturer_data=dict(data.get_all(AD.MANUFACTURER_SPECIFIC_DATA)),
        service_data=_service_data(data),
        service_uuids=_service_uuids(data),
        tx_power=data.get(AD.TX_POWER_LEVEL),
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )


def _service_uuids(data: AdvertisingData) -> list[str]:
    lists = [
        *data.get_all(AD.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS),
        *data.get_all(AD.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS),
        *data.get_all(AD.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS),
        *data.get_all(AD.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS),
        *data.get_all(AD.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS),
        *data.get_all(AD.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS),
    ]
    # bumble's own controller repeats the advertisement as its scan response
    return list(dict.fromkeys(full_uuid(uuid) for uuids in lists for uuid in uuids))


def _service_data(data: AdvertisingData) -> dict[str, bytes]:
    pairs = [
        *data.get_all(AD.SERVICE_DATA_16_BIT_UUID),
        *data.get_all(AD.SERVICE_DATA_32_BIT_UUID),
        *data.get_all(AD.SERVICE_DATA_128_BIT_UUID),
    ]
    return {full_uuid(uuid): value for uuid, value in pairs}
