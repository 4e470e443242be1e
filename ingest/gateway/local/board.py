"""What the gateway shows on the broker at home: how it is, and readings only where asked for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from balise.errors import NotUnderstood
from balise.model import Decoded, Quality, State
from devices import plausibility, validation
from devices.payloads.balise_v1 import Item, read_item
from ingest.gateway import health
from ingest.gateway.health import Health
from ingest.gateway.local import homeassistant, topics
from ingest.gateway.local.homeassistant import KINDS, Figure, Messages, Place
from ingest.gateway.local.link import Arrived, Link

_SECONDS = 60.0
_REMEMBERED = 200
_DOUBTFUL = Quality.INVALID | Quality.SUMMARY_STATISTIC | Quality.TEST_DATA


class Board:
    """The retained messages of one gateway, each published when it has changed."""

    def __init__(
        self, place: Place, status: Callable[[], Health], *, readings: bool = False
    ) -> None:
        self.root = place.root
        self.will = (place.availability, health.OFFLINE.encode())
        self._place = place
        self._status = status
        self._readings = readings
        self._items: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._shown: Messages = {}
        self._due = 0.0

    def take(self, body: bytes) -> None:
        """Take an item that was spooled, to be shown where readings are asked for."""
        if self._readings:
            self._items.append(body)

    def join(self, link: Link) -> None:
        """Begin anew on a connection, and ask what of ours stands there from before."""
        self._shown.clear()
        self._due = 0.0
        link.subscribe(homeassistant.leftovers(self._place), own=True)

    def heard(self, link: Link, arrived: Arrived) -> bool:
        """Whether a message is one of ours; what is true no more is taken away."""
        filters = homeassistant.leftovers(self._place)
        if not any(topics.matches(arrived.topic, one) for one in filters):
            return False
        if arrived.message.payload and not self._wanted(arrived.topic):
            link.publish(arrived.topic, b"")
        return True

    def show(self, link: Link) -> None:
        """Publish what has changed, once a minute and at each connection."""
        if not link.connected:
            return
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _SECONDS
            self._publish(link, homeassistant.health(self._place, self._status()))
        while self._items:
            for found in figures(self._items.popleft()):
                self._publish(link, homeassistant.figure(self._place, found))

    def leave(self, link: Link) -> None:
        """Say that we go: an orderly end sends no last will."""
        link.publish(*self.will)

    def _wanted(self, topic: str) -> bool:
        known = frozenset(homeassistant.slug(one.address) for one in self._status().devices)
        return homeassistant.wanted(self._place, topic, known, readings=self._readings)

    def _publish(self, link: Link, messages: Messages) -> None:
        for topic, payload in messages.items():
            if self._shown.get(topic) != payload:
                link.publish(topic, payload)
                self._shown[topic] = payload


def figures(body: bytes) -> Iterator[Figure]:
    """Yield what Home Assistant may show of a spooled frame, nothing of a doubtful one."""
    item = read_item(body)
    try:
        for decoded in validation.decode(item):
            yield from _figures(item, decoded)
    except NotUnderstood:
        return


def _figures(item: Item, decoded: Decoded) -> Iterator[Figure]:
    """Yield what the server would store of it, by its own rules."""
    if decoded.state is not State.MEASURED or decoded.awaits:
        return
    plausibility.together(decoded.readings)
    for one in decoded.readings:
        if one.metric in KINDS and not (decoded.quality | one.quality) & _DOUBTFUL:
            value, _ = plausibility.canonical(one.metric, one.value, one.unit)
            yield Figure(item.device, item.model, one.metric, value, item.captured_at)
