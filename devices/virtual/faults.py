"""What goes wrong with a virtual device, as one declaration; by default nothing does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum


class Pairing(Enum):
    """What a device asks for before it tells anything."""

    NONE = "nothing"
    JUST_WORKS = "a bond, without a number"
    PASSKEY = "a bond, with the six digits that it shows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The habits and accidents of one device; each is seen in real ones."""

    power_off_after: int | None = None
    """The frame, counted from the device's first, after which its power fails; once."""
    dark: float = 0.3
    """Seconds that it stays off the air then; its memory and its bonds are kept."""

    replays: bool = False
    """Tells its whole memory at each connection, where others erase what was confirmed."""

    pairing: Pairing = Pairing.NONE
    private_address: bool = False
    """Advertises under addresses that only its bonded gateways recognise."""

    clock_off: timedelta = timedelta()
    clock_unset: bool = False
    """Stamps zeros until somebody sets its clock."""
    clock_default: datetime | None = None
    """The date at which its clock started when the battery went in."""

    late: float = 0.0
    """Seconds before it obeys a request for records."""
    end_first: bool = False
    """Says that all records are told before it tells the last one."""
    stops_after: int | None = None
    """Records after which it gives up: procedure not completed."""
    no_ranges: bool = False
    """Knows no operator that takes a sequence number."""


NONE = Faults()
