"""The consent that a shared scale wants before it tells a person's data (User Data Service 1.1)."""

from __future__ import annotations

import asyncio

from bleak import BleakClient
from bleak.exc import BleakError

from devices import user_data

_POINT = "00002a9f-0000-1000-8000-00805f9b34fb"
_SECONDS = 10.0
_SUCCESS = 1


def asked(client: BleakClient) -> bool:
    """Whether a connected device has the control point that takes consents."""
    return client.services.get_characteristic(_POINT) is not None


async def give(client: BleakClient, user: int, code: int) -> bool:
    """Open a user's data with its 4 digits; False where the device refuses.

    BleakError where it doesn't answer.
    """
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(_POINT, lambda _, data: answers.put_nowait(bytes(data)))
    try:
        await client.write_gatt_char(_POINT, user_data.consent(user, code), response=True)
        async with asyncio.timeout(_SECONDS):
            answer = await answers.get()
    except TimeoutError as error:
        raise BleakError("the scale says nothing to a consent") from error
    finally:
        await client.stop_notify(_POINT)
    return answer[:3] == bytes((user_data.ANSWER, user_data.CONSENT, _SUCCESS))
