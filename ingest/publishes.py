"""Messages cut from what a broker sends; whatever else it says is left for a whole client to read.

A receiver reads millions of messages and a handful of anything else. A client that makes an object,
a lock and a callback of each spends more on them than everything behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

_KIND, _PUBLISH = 0xF0, 0x30
_QOS, _ONCE_AT_LEAST = 0x06, 0x02
_MORE = 0x80
_LONGEST_LENGTH = 4


class Delivery(NamedTuple):
    """A message, and the connection it came by: packet numbers mean nothing on another one.

    `mid` is 0 where the broker waits for no acknowledgement.
    """

    connection: int
    mid: int
    topic: str
    payload: bytes


class Incoming:
    """What comes by one connection, in pieces that end anywhere."""

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._begun = b""

    def cut(self, piece: bytes) -> tuple[list[Delivery], bytes]:
        """Return the messages that are whole by now, and all other whole packets as they came.

        MQTT 3.1.1, sections 2.2 and 3.3. ConnectionAbortedError where it is no MQTT.
        """
        stream = self._begun + piece
        messages, others = list[Delivery](), bytearray()
        at = 0
        while (body := _body(stream, at)) is not None:
            start, end = body
            if stream[at] & _KIND == _PUBLISH:
                messages.append(self._delivery(stream, stream[at] & _QOS, start, end))
            else:
                others += stream[at:end]
            at = end
        self._begun = stream[at:]
        return messages, bytes(others)

    def _delivery(self, stream: bytes, qos: int, start: int, end: int) -> Delivery:
        ends = start + 2 + (stream[start] << 8) + stream[start + 1] if start + 2 <= end else end
        if qos > _ONCE_AT_LEAST:
            raise ConnectionAbortedError("a message of a quality that was not asked for")
        payload = ends + 2 if qos else ends
        if not start + 2 <= ends <= payload <= end:
            raise ConnectionAbortedError("a message that ends before its topic does")
        mid = (stream[ends] << 8) + stream[ends + 1] if qos else 0
        topic = _text(stream[start + 2 : ends])
        return Delivery(self._connection, mid, topic, stream[payload:end])


def acknowledgements(connection: int, deliveries: Iterable[Delivery]) -> bytes:
    """Return the PUBACKs of those that came by this connection (MQTT 3.1.1, section 3.4)."""
    return b"".join(
        b"\x40\x02" + one.mid.to_bytes(2, "big")
        for one in deliveries
        if one.mid and one.connection == connection
    )


def _body(stream: bytes, at: int) -> tuple[int, int] | None:
    """Return where the packet's body begins and ends; None where it is not whole."""
    length = shift = 0
    for place in range(at + 1, min(at + 1 + _LONGEST_LENGTH, len(stream))):
        length |= (stream[place] & ~_MORE) << shift
        shift += 7
        if not stream[place] & _MORE:
            end = place + 1 + length
            return (place + 1, end) if end <= len(stream) else None
    if len(stream) - at > _LONGEST_LENGTH:
        raise ConnectionAbortedError("a packet of no length")
    return None


@lru_cache(4096)
def _text(topic: bytes) -> str:
    # What is no text is nobody's topic: it lands all the same, and is refused.
    return topic.decode(errors="replace")
