"""A virtual body composition scale: weight 0x2A9D, then body 0x2A9C, behind a consent if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Unpack

from devices import body_composition, user_data, weight_scale
from devices.virtual import encode, gatt
from devices.virtual.gateway import Item, Settings
from devices.virtual.peripheral import Peripheral
from devices.virtual.weight_scale import STAMPS

WEIGHT, BODY, CONTROL_POINT, INDEX, INCREMENT = 0x2A9D, 0x2A9C, 0x2A9F, 0x2A9A, 0x2A99
SUCCESS, OP_UNSUPPORTED, INVALID_PARAMETER, UNAUTHORIZED = 1, 2, 3, 5
NOBODY = 0xFF
POUNDS = 0x01


class BodyCompositionScale(Peripheral):
    """A scale shared by several users.

    With `consents`, a code of 4 digits by user, it tells nothing before a gateway has given one.
    """

    SERVICE = 0x181B
    STORED = WEIGHT
    GATT: ClassVar[gatt.Gatt] = {
        0x181B: {BODY: gatt.INDICATE, 0x2A9B: b"\x01\x00\x00\x00"},
        0x181D: {WEIGHT: gatt.INDICATE, 0x2A9E: STAMPS},
        0x181C: {
            CONTROL_POINT: gatt.WRITE | gatt.INDICATE,
            INDEX: gatt.READ,
            INCREMENT: gatt.READ | gatt.WRITE,
        },
    }

    def __init__(
        self, *, consents: Mapping[int, int] | None = None, **settings: Unpack[Settings]
    ) -> None:
        super().__init__(**settings)
        self.consents = dict(consents or {})
        self._consented: int | None = None

    def measure(
        self,
        *,
        weight: Decimal | None,
        fat: Decimal | None,
        pounds: bool = False,
        user: int | None = None,
        at: datetime | None = None,
        **body: Decimal,
    ) -> tuple[bytes, bytes]:
        """Keep a weighing in kg, or lb, and its body composition, and return both frames.

        `fat` is in %; `body` holds more figures by metric: muscle_percentage, body_water_mass.
        Time and user stand in the weighing alone. None is what was not measured.
        """
        flags = POUNDS if pounds else 0
        rest = encode.given(user=user) | self.stamp(at)
        one = encode.frame(weight_scale.MEASUREMENT, flags=flags, body_weight=weight, **rest)
        other = encode.frame(
            body_composition.MEASUREMENT, flags=flags, body_fat_percentage=fat, **body
        )
        return self.keep(one, WEIGHT), self.keep(other, BODY)

    def connected(self) -> None:
        """Begin with a gateway: consents are given anew."""
        super().connected()
        self._consented = None

    def ready(self) -> bool:
        """Whether a consent was given, or none is needed."""
        return not self.consents or self._consented is not None

    def read(self, uuid: int) -> bytes:
        """Return the user whose data are open, or the increment of the data base."""
        if uuid == INDEX:
            return bytes((NOBODY if self._consented is None else self._consented,))
        return bytes(4) if uuid == INCREMENT else super().read(uuid)

    def write(self, uuid: int, data: bytes) -> None:
        """Take a request of the User Control Point; personal data written here is a misdeed."""
        if uuid == INCREMENT:
            self.misdeeds.append(data)
        elif uuid == CONTROL_POINT:
            operation = data[0] if data else 0
            answer = bytes((user_data.ANSWER, operation, self._obey(operation, data[1:])))
            self.answers.put_nowait(Item(CONTROL_POINT, answer))
            self.wake()
        else:
            super().write(uuid, data)

    def _obey(self, operation: int, parameter: bytes) -> int:
        """Return the code that answers a request."""
        if operation in (user_data.DELETE, user_data.DELETE_USERS):
            self.misdeeds.append(bytes((operation,)) + parameter)
        if operation != user_data.CONSENT:
            return OP_UNSUPPORTED
        if len(parameter) != 3:
            return INVALID_PARAMETER
        user, code = parameter[0], int.from_bytes(parameter[1:], "little")
        if self.consents.get(user) != code:
            return UNAUTHORIZED
        self._consented = user
        return SUCCESS
