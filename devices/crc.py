"""E2E-CRC of the continuous glucose and other services: CRC-16/MCRF4XX, low byte first."""

from __future__ import annotations

from balise.errors import FrameError, Reason


def e2e_crc(data: bytes) -> int:
    """Return the checksum: polynomial 0x1021 reflected, start 0xFFFF, no final xor."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc


def checked(characteristic: str, data: bytes, size: int) -> bytes:
    """Return data without the checksum that follows `size` bytes; raise FrameError if it is wrong.

    A device adds the checksum where its feature characteristic says so: two bytes more than the
    layout asks for are one.
    """
    if len(data) != size + 2:
        return data
    body, sent = data[:size], int.from_bytes(data[size:], "little")
    if e2e_crc(body) != sent:
        raise FrameError(
            f"{characteristic}: the checksum at byte {size} is 0x{sent:04X}, the bytes before it"
            f" give 0x{e2e_crc(body):04X}",
            reason=Reason.FRAME_CHECKSUM,
        )
    return body
