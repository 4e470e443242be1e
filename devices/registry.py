"""Find the frame of a characteristic, by service and characteristic, and decode its bytes."""

from __future__ import annotations

from balise.errors import FrameError, Reason
from balise.model import Decoded
from devices import FRAMES
from devices.frame import Frame

DECODER_VERSION = 1
"""Rises whenever the same bytes would give another reading; stored with every reading."""

_BY_KEY = {(frame.service, frame.characteristic): frame for frame in FRAMES}


def short_uuid(uuid: str) -> str:
    """Return the 4 hexadecimal digits of a Bluetooth SIG UUID, or any other as it is."""
    lower = uuid.lower()
    if lower.startswith("0000") and lower.endswith("-0000-1000-8000-00805f9b34fb"):
        lower = lower[4:8]
    return lower.upper()


def find(characteristic: str, service: str | None = None) -> Frame:
    """Return the frame declared for a characteristic; FrameError names those there are."""
    short = short_uuid(characteristic)
    matches = [
        frame
        for (of_service, of_characteristic), frame in _BY_KEY.items()
        if of_characteristic == short and (service is None or of_service == short_uuid(service))
    ]
    if len(matches) == 1:
        return matches[0]
    known = ", ".join(f"{one}/{other}" for one, other in sorted(_BY_KEY))
    raise FrameError(
        f"no decoder for characteristic {short} of service {service or 'any'}; known: {known}",
        reason=Reason.CHARACTERISTIC_UNKNOWN,
    )


def decode(characteristic: str, data: bytes, *, service: str | None = None) -> Decoded:
    """Return what the bytes of a characteristic say; raise FrameError where they say nothing."""
    return find(characteristic, service).decode(data)
