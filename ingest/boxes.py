"""Every gateway as the server sees it, read from the broker in one go: who needs care comes first.

A row has one reason, the first of NEEDS that holds, as a sentence that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from ingest.gateway import health
from ingest.gateway.health import FULL, LATE, LOW_BATTERY, LOW_DISK, Condition, Health
from ingest.gateway.watch import RadioState
from ingest.mqtt import Broker, leave, retained

TOPICS = (health.topic("+"), health.report_topic("+"))
_SOON = timedelta(days=7)


class Presence(StrEnum):
    """Whether a gateway is there."""

    ONLINE = "online"
    OFFLINE = "offline"
    NEVER = "never spoke"
    SHUT_OUT = "shut out"


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway: its presence, its own last word, and when the server last had data of it."""

    name: str
    presence: Presence
    said: Health | None
    data_at: datetime | None = None

    @property
    def condition(self) -> Condition:
        """How the box is beside its devices; empty where it never said."""
        return (self.said and self.said.box) or Condition()

    @property
    def since(self) -> datetime | None:
        """Since when it is there, or when it last said something."""
        if self.presence is Presence.ONLINE:
            return self.condition.connected_at
        return self.said.sent_at if self.said else None

    @property
    def waiting(self) -> int:
        """How many items waited in it by its last word."""
        return self.said.waiting if self.said else 0


def look(broker: Broker, seconds: float = 10.0) -> dict[str, bytes]:
    """Return what all gateways have said of themselves, by topic."""
    return retained(broker, TOPICS, seconds)


def forget_devices(broker: Broker, gateway: str, seconds: float = 10.0) -> None:
    """Leave of a box's last word that it said one: devices are a patient's, the rest is over."""
    topics = (health.topic(gateway), health.report_topic(gateway))
    for topic, payload in retained(broker, topics, seconds).items():
        last = health.read(payload)
        kept = health.write(msgspec.structs.replace(last, devices=(), box=None)) if last else b""
        leave(broker, topic, kept, seconds)


def boxes(
    said: Mapping[str, bytes],
    known: Mapping[str, datetime | None],
    shut_out: AbstractSet[str],
) -> list[Box]:
    """Return the gateways the broker or the database knows, with when data last came."""
    found = {topic: health.read(payload) for topic, payload in said.items()}
    names = {topic.split("/")[2] for topic in said} | known.keys()
    return [_box(name, found, known.get(name), shut_out=name in shut_out) for name in names]


def _box(
    name: str, found: Mapping[str, Health | None], data_at: datetime | None, *, shut_out: bool
) -> Box:
    status = found.get(health.topic(name))
    # A box of an older version says no report; its last will then hides what it said before.
    report = found.get(health.report_topic(name)) or status
    presence = Presence.OFFLINE
    if shut_out:
        presence = Presence.SHUT_OUT
    elif status is None and report is None:
        presence = Presence.NEVER
    elif status is not None and status.state == health.ONLINE:
        presence = Presence.ONLINE
    return Box(name=name, presence=presence, said=report, data_at=data_at)


def in_order(found: Iterable[Box], now: datetime) -> list[tuple[Box, str]]:
    """Return the gateways with what each needs, who needs care first; empty where it is well."""
    rows = [(box, *_need(box, now)) for box in found]
    rows.sort(key=lambda row: (row[1], -row[0].waiting, row[0].name))
    return [(box, says) for box, _, says in rows]


def _need(box: Box, now: datetime) -> tuple[int, str]:
    if box.presence is Presence.SHUT_OUT:
        return len(NEEDS) + 1, ""
    for rank, need in enumerate(NEEDS):
        if says := need(box, now):
            return rank, says
    return len(NEEDS), ""


def _offline_with_data(box: Box, _now: datetime) -> str:
    if box.presence is not Presence.OFFLINE or not box.waiting:
        return ""
    return f"offline with {box.waiting} items: is it plugged in, is its internet there?"


def _offline(box: Box, _now: datetime) -> str:
    away = box.presence is Presence.OFFLINE
    return "offline: is it plugged in, is its internet there?" if away else ""


def _full(box: Box, _now: datetime) -> str:
    spool = box.condition.spool
    if spool is None or (spool.share or 0) <= FULL:
        return ""
    return f"its spool is {spool.share or 0:.0%} full: see why it does not drain"


def _late(box: Box, now: datetime) -> str:
    spool = box.condition.spool
    if spool is None or spool.oldest is None or now - spool.oldest < LATE:
        return ""
    return f"{spool.waiting} items wait although it is online: is `balise receive` up?"


def _adapter(box: Box, _now: datetime) -> str:
    adapter = box.condition.adapter
    if adapter is None or adapter.state not in (RadioState.DOWN, RadioState.HUNG):
        return ""
    return f"its Bluetooth adapter is {adapter.state}: have it plugged in again, or restart the box"


def _certificate(box: Box, now: datetime) -> str:
    until = box.condition.certificate_until
    if until is None or until - now > _SOON:
        return ""
    return f"its certificate ends {until:%Y-%m-%d}: `balise gateway doctor` on it says why"


def _never(box: Box, _now: datetime) -> str:
    never = box.presence is Presence.NEVER
    return "never spoke: is it enrolled (`balise gateway invite`)?" if never else ""


def _disk(box: Box, _now: datetime) -> str:
    free = box.condition.disk_free
    return "its disk is full: free some" if free is not None and free < LOW_DISK else ""


def _clock(box: Box, _now: datetime) -> str:
    wrong = box.said is not None and box.said.clock == "unsynchronised"
    return "its clock follows no time server: timedatectl set-ntp true" if wrong else ""


def _settings(box: Box, _now: datetime) -> str:
    settings = box.condition.settings
    return f"settings refused: {settings.refused}" if settings and settings.refused else ""


def _battery(box: Box, _now: datetime) -> str:
    devices = box.said.devices if box.said else ()
    low = [one for one in devices if one.battery is not None and one.battery < LOW_BATTERY]
    said = ", ".join(f"{one.model or one.address} {one.battery} %" for one in low)
    return f"new batteries: {said}" if low else ""


NEEDS: tuple[Callable[[Box, datetime], str], ...] = (
    _offline_with_data,
    _offline,
    _full,
    _late,
    _adapter,
    _certificate,
    _never,
    _disk,
    _clock,
    _settings,
    _battery,
)
"""In the order in which somebody should act."""
