"""What the broker at home has told already: what it delivers again is no second measurement.

Three cases, each with a sign of its own. A message that was committed and whose acknowledgement was
lost comes again under its packet number and says so (MQTT 5 §4.4). A retained message comes again
whenever one subscribes. And a program that repeats what it heard repeats it within moments.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from balise import unreadable
from balise.whole import whole
from devices.payloads.balise_v1 import Item, read_item
from ingest.gateway.local.declared import Source
from ingest.gateway.local.items import members
from ingest.gateway.local.presets import Repeats

_PACKETS, _DOCUMENTS = 1000, 200
"""What is remembered: of packets many times what may be unacknowledged, of documents by device."""

_Digest = bytes
_Kind = tuple[str, str]


class Told:
    """What was spooled of a broker's messages; `session` names the broker's memory of us."""

    def __init__(self, session: str, sources: Sequence[Source], bodies: Iterable[bytes]) -> None:
        """Take the newest items of a spool, the newest first."""
        self.session = session
        self._packets: OrderedDict[int, _Digest] = OrderedDict()
        self._documents: dict[str, deque[_Digest]] = {}
        self._last: dict[_Kind, tuple[_Digest, datetime]] = {}
        known = {(one.address, one.convention): one for one in sources}
        for item in reversed(list(map(_read, bodies))):
            source = known.get((item.device, item.convention))
            if source is not None:
                self.note(source, item)

    def start_over(self, session: str) -> None:
        """Take packet numbers for those of a new session."""
        self.session = session
        self._packets.clear()

    def packet(self, number: int) -> str:
        """Return what an item says of the packet it came in."""
        return f"{self.session}/{number}" if number else ""

    def redelivered(self, item: Item) -> bool:
        """Whether an item whose packet is said to come again is in the spool."""
        return self._packets.get(self._number(item)) == _digest(item)

    def known(self, item: Item) -> bool:
        """Whether the device has said this document before, of those remembered."""
        return _digest(item) in self._documents.get(item.device, ())

    def repeated(self, source: Source, item: Item) -> bool:
        """Whether this only repeats the last document of its device; it lasts as long as that."""
        last = self._last.get((item.device, item.convention))
        if source.repeats is None or last is None or item.captured_at is None:
            return False
        said = _said(item, source.repeats)
        away = item.captured_at - last[1]
        if said != last[0] or not timedelta() <= away <= source.repeats.within:
            return False
        self._last[item.device, item.convention] = (said, item.captured_at)
        return True

    def note(self, source: Source, item: Item) -> None:
        """Remember an item that is committed."""
        digest = _digest(item)
        if number := self._number(item):
            self._packets[number] = digest
            self._packets.move_to_end(number)
            if len(self._packets) > _PACKETS:
                self._packets.popitem(last=False)
        self._documents.setdefault(item.device, deque(maxlen=_DOCUMENTS)).append(digest)
        if source.repeats is not None and item.captured_at is not None:
            said = _said(item, source.repeats)
            self._last[item.device, item.convention] = (said, item.captured_at)

    def _number(self, item: Item) -> int:
        """Return the packet number of an item of this session, 0 for any other."""
        session, _, number = item.session.rpartition("/")
        own = whole(number, 1 << 62) if session == self.session else None
        return own or 0


def _read(body: bytes) -> Item:
    try:
        return read_item(body)
    except unreadable.JSON:
        return Item(device="")


def _digest(item: Item) -> _Digest:
    return _hash(item.convention, item.document, item.data)


def _said(item: Item, repeats: Repeats) -> _Digest:
    """Return a document without what changes while nothing is measured."""
    found = members(item.document.encode())
    if not found:
        return _digest(item)
    kept = sorted((key, bytes(raw).decode()) for key, raw in found.items())
    return _hash(*(f"{key}={raw}" for key, raw in kept if key not in repeats.besides))


def _hash(*parts: str) -> _Digest:
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
