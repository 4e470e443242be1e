"""What goes wrong with one device's links, and what is done about it; a bond is never dropped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bleak.exc import BleakDBusError, BleakError


class BondLostError(BleakError):
    """The device has lost its half of the bond: it must be paired again."""


class LinkCutError(BleakError):
    """The device ended the link while we connected: it is there, and does not want us."""


class ServicesMissingError(BleakError):
    """The device's services, as the stack knows them, are not those of its model."""


class Cure(StrEnum):
    """What is done after failures that are all alike."""

    HANG_UP = "hang_up"
    FORGET_UNBONDED = "forget_unbonded"


_CUT = ("canceled", "key-missing", "AuthenticationFailed")
"""How BlueZ words it that a device which is there ends a link before it is encrypted (5.66: the
first; measured in tests/bluez). A device that sleeps gives a timeout or an abort instead."""

CURES: dict[int, Cure] = {3: Cure.HANG_UP, 6: Cure.FORGET_UNBONDED}
"""After how many failures of one kind in a row each is done."""


@dataclass(slots=True)
class Failures:
    """The failures of a device that were all of one kind."""

    kind: str = ""
    count: int = 0

    def note(self, error: Exception) -> Cure | None:
        """Count a failure and return the cure that is due, if one is."""
        kind = kind_of(error)
        self.count = self.count + 1 if kind == self.kind else 1
        self.kind = kind
        return CURES.get(self.count)

    def clear(self) -> None:
        """Start over: the device was served."""
        self.kind, self.count = "", 0


def cut(error: Exception) -> bool:
    """Say whether a link was refused by a device that is there."""
    if isinstance(error, BleakDBusError):
        return any(word in kind_of(error) for word in _CUT)
    return isinstance(error, LinkCutError)


def kind_of(error: Exception) -> str:
    """Return by what an error is known again: BlueZ names its own."""
    if isinstance(error, BleakDBusError):
        return f"{error.dbus_error} {error.dbus_error_details or ''}".strip()
    return type(error).__name__
