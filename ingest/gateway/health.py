"""What a gateway says of itself: one retained message, with a last will for when it is gone.

Nothing of a patient is in it: devices by model, never by value.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version

import msgspec

from ingest.gateway.box import State

ONLINE, OFFLINE = "online", "offline"


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A device: its model, and when it was last heard and last said something."""

    address: str
    model: str
    heard_at: datetime | None
    told_at: datetime | None


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


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Health)

LAST_WILL = _encoder.encode(Health(state=OFFLINE))
"""What the broker says once the gateway has said nothing for a while."""


def topic(gateway: str) -> str:
    """Return where a gateway's status stands."""
    return f"balise/v1/{gateway}/status"


def of(state: State, *, clock_known: bool, now: datetime) -> Health:
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
            )
            for one in state.devices
        ),
    )


def encode(state: State, *, clock_known: bool, now: datetime) -> bytes:
    """Return the message of a gateway's state."""
    return _encoder.encode(of(state, clock_known=clock_known, now=now))


def read(payload: bytes) -> Health | None:
    """Return what a status message says, None where it is none."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
