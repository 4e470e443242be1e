"""What a device says of itself: Device Information 180A with its UDI, Battery 180F."""

from __future__ import annotations

from balise.errors import FrameError, Reason
from balise.model import Decoded
from devices.codec import Characteristic, Codec, Cursor, information, text
from devices.parts import word_of

SERVICE = "180A"

_STRINGS = {
    "2A29": "manufacturer_name",
    "2A24": "model_number",
    "2A25": "serial_number",
    "2A26": "firmware_revision",
    "2A27": "hardware_revision",
    "2A28": "software_revision",
}


def _string(characteristic: str, name: str) -> Codec:
    def read(data: bytes) -> tuple[Decoded, ...]:
        return information(SERVICE, characteristic, ((name, text(characteristic, data)),))

    return Codec(name=name, service=SERVICE, characteristic=characteristic, read=read)


def _system_id(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2A23", data)
    raw = cursor.take(8, "manufacturer and organisation")
    cursor.end()
    # Low byte first on the air; an EUI-64 is written high byte first (HL7 PHD, Device.identifier).
    return information(SERVICE, "2A23", (("system_id", raw[::-1].hex("-").upper()),))


def _pnp_id(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2A50", data)
    source = word_of({1: "Bluetooth SIG", 2: "USB"}, cursor.number(1, "source of the vendor"))
    facts = [("vendor_source", source)]
    names = ("vendor", "product", "product_version")
    facts += [(name, f"0x{cursor.number(2, name):04X}") for name in names]
    cursor.end()
    return information(SERVICE, "2A50", tuple(facts))


_UDI = ("udi_label", "udi_device_identifier", "udi_issuer", "udi_authority")


def _udi(data: bytes) -> tuple[Decoded, ...]:
    """Return the unique device identifier: flags, then strings that each end in a zero byte."""
    cursor = Cursor("2BFF", data)
    flags = cursor.number(1, "flags")
    facts: list[tuple[str, str]] = []
    for bit, name in enumerate(_UDI):
        if flags >> bit & 1:
            length = data.find(b"\0", cursor.at) - cursor.at
            size = length + 1 if length >= 0 else max(cursor.left, 1)
            facts.append((name, text("2BFF", cursor.take(size, name))))
    cursor.end()
    return information(SERVICE, "2BFF", tuple(facts))


def _regulatory(data: bytes) -> tuple[Decoded, ...]:
    return information(SERVICE, "2A2A", (("regulatory_certification", data.hex()),))


def _battery(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2A19", data)
    level = cursor.number(1, "battery level")
    cursor.end()
    if level > 100:
        raise FrameError(f"2A19: {level} is no percentage", reason=Reason.FRAME_NO_VALUE)
    return information("180F", "2A19", (("battery_level", f"{level} %"),))


CHARACTERISTICS: tuple[Characteristic, ...] = (
    *(_string(characteristic, name) for characteristic, name in _STRINGS.items()),
    Codec(name="system_id", service=SERVICE, characteristic="2A23", read=_system_id),
    Codec(name="pnp_id", service=SERVICE, characteristic="2A50", read=_pnp_id),
    Codec(
        name="regulatory_certification", service=SERVICE, characteristic="2A2A", read=_regulatory
    ),
    Codec(name="udi", service=SERVICE, characteristic="2BFF", read=_udi),
    Codec(name="battery_level", service="180F", characteristic="2A19", read=_battery),
)
