"""What a gateway says of itself: one retained message, with a last will for when it is gone.

Nothing of a patient is in it: devices by model, never by value. A field is only ever added, with a
default, so that an older server reads a newer box and a newer server an older box.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import version

import msgspec

from balise import unreadable
from ingest.gateway.adapter import Adapter
from ingest.gateway.box import State

ONLINE, OFFLINE = "online", "offline"

FULL, LOW_BATTERY, LOW_DISK = 0.9, 20, 64 * 1024 * 1024
"""From where somebody must act: a spool's share, a battery's percents, a disk's free bytes."""
LATE = timedelta(hours=1)
"""How old what waits may be while the broker answers."""


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A device: its model, when it was last heard and last said something, its battery in percent.

    `bonded` is None where nobody has asked the radio yet; `trouble` is what a person must mend.
    """

    address: str
    model: str
    heard_at: datetime | None
    told_at: datetime | None
    battery: int | None = None
    battery_at: datetime | None = None
    bonded: bool | None = None
    trouble: str = ""


class RemoteState(StrEnum):
    """What became of the settings that the server set."""

    NONE = "none"
    APPLIED = "applied"
    PENDING = "pending"
    """They are kept, and take effect as soon as no device is connected."""


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that the server set: `own` are those of them that the box itself sets, and wins.

    `refused` says why the newest message was not taken, empty where it was.
    """

    state: RemoteState = RemoteState.NONE
    version: int = 0
    made_at: datetime | None = None
    own: tuple[str, ...] = ()
    refused: str = ""
    refused_kind: str = ""
    refused_at: datetime | None = None


class SpoolHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The spool: what waits for a receipt, since when, its part of the room, what was let go."""

    waiting: int = 0
    oldest: datetime | None = None
    share: float | None = None
    bytes: int = 0
    let_go: int = 0


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How the box is, beside its devices; times by its own clock, room in bytes."""

    started_at: datetime | None = None
    connected_at: datetime | None = None
    adapter: Adapter | None = None
    spool: SpoolHealth | None = None
    certificate_until: datetime | None = None
    page_port: int | None = None
    disk_free: int | None = None
    settings: Remote | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The message on `balise/v1/<gateway>/status`; `local` is how the broker at home is."""

    v: int = 1
    state: str = ONLINE
    version: str = ""
    clock: str = "unknown"
    radio: bool = False
    connected: bool = False
    local: str = ""
    waiting: int = 0
    sent_at: datetime | None = None
    devices: tuple[DeviceHealth, ...] = ()
    box: Condition | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Health)

LAST_WILL = _encoder.encode(Health(state=OFFLINE))
"""What the broker says once the gateway has said nothing for a while."""


def topic(gateway: str) -> str:
    """Return where a gateway's status stands."""
    return f"balise/v1/{gateway}/status"


def report_topic(gateway: str) -> str:
    """Return where its last word stands: the same message, which no last will takes the place of.

    How much waited in a box, and since when, is asked for most when it is gone.
    """
    return f"balise/v1/{gateway}/report"


def of(state: State, *, clock_known: bool, now: datetime, box: Condition | None = None) -> Health:
    """Return what there is to say of a gateway's state."""
    return Health(
        version=version("balise"),
        clock="synchronised" if clock_known else "unsynchronised",
        radio=state.radio,
        connected=state.connected,
        local=state.local,
        waiting=state.waiting,
        sent_at=now,
        devices=tuple(
            DeviceHealth(
                address=one.device.address,
                model=one.device.model,
                heard_at=one.heard_at,
                told_at=one.told_at,
                battery=one.battery,
                battery_at=one.battery_at,
                bonded=one.bonded,
                trouble=one.trouble or "",
            )
            for one in state.devices
        ),
        box=box,
    )


def encode(
    state: State, *, clock_known: bool, now: datetime, box: Condition | None = None
) -> bytes:
    """Return the message of a gateway's state."""
    return write(of(state, clock_known=clock_known, now=now, box=box))


def write(said: Health) -> bytes:
    """Return a status message."""
    return _encoder.encode(said)


def read(payload: bytes) -> Health | None:
    """Return what a status message says, None where it is none."""
    try:
        return _decoder.decode(payload)
    except unreadable.JSON:
        return None
