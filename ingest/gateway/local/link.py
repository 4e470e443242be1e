"""The connection to the broker at home: MQTT 5, for only there a client says what it can bear.

The broker is nobody's in particular: it may be down, slow, full of others' messages, or wrong. The
network thread only puts what comes into a bounded queue and waits while that is full, so that a
flood stops at the socket; a packet that is too long ends the connection, whoever sent it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.gateway.local.items import LONGEST
from ingest.mqtt import KEEPALIVE, Broker

_log = structlog.get_logger(__name__)

CONNECTING, CONNECTED = "connecting", "connected"
UNREACHABLE, REFUSED = "unreachable", "refused"

_HEADERS = 1024
"""What the topic and the properties of a packet may add to its message."""
_IN_FLIGHT, _QUEUED = 100, 200
_SESSION_SECONDS = 30 * 24 * 3600
_REVIVE_SECONDS, _QUIET_SECONDS = 30.0, 600.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message, and the connection it came by: packet numbers mean nothing on another one."""

    connection: int
    at: datetime
    message: mqtt.MQTTMessage
    topic: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The beginning of a connection; `resumed` where the broker remembers us."""

    connection: int
    resumed: bool


Heard = Arrived | Joined


class _Client(mqtt.Client):
    """A client that takes no longer packet than it has asked for."""

    def _sock_recv(self, bufsize: int) -> bytes:
        # What paho has read of a packet so far: beyond its header, nothing of a long one.
        if self._in_packet["remaining_length"] > LONGEST + _HEADERS:
            raise ConnectionAbortedError("a packet longer than was asked for")
        return super()._sock_recv(bufsize)


class Link:
    """One client at the broker of a home, which comes back by itself."""

    def __init__(self, broker: Broker, client_id: str, will: tuple[str, bytes]) -> None:
        self._broker = broker
        self._client_id, self._will = client_id, will
        self._queue: queue.Queue[Heard] = queue.Queue(_QUEUED)
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._connection = 0
        self._quiet_until: dict[str, float] = {}
        self._again_at = 0.0
        self.state = CONNECTING
        self._client = self._new()
        self._thread = threading.Thread(target=self._network, name="local network", daemon=True)

    def start(self) -> None:
        """Connect, now or as soon as the broker is there."""
        self._thread.start()

    def _new(self) -> mqtt.Client:
        client = _Client(
            CallbackAPIVersion.VERSION2, self._client_id, protocol=mqtt.MQTTv5, manual_ack=True
        )
        self._broker.dress(client)
        client.will_set(*self._will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = lambda *_: self._note(UNREACHABLE)
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._allowed(codes)
        client.on_publish = lambda _c, _u, _m, code, _p: self._allowed((code,))
        client.on_message = self._on_message
        return client

    def _network(self) -> None:
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's has no types
        wishes.SessionExpiryInterval = _SESSION_SECONDS
        wishes.MaximumPacketSize = LONGEST
        wishes.ReceiveMaximum = _IN_FLIGHT
        where = (self._broker.host, self._broker.port, KEEPALIVE)
        # A broker that breaks the protocol may end paho's loop by an exception.
        try:
            self._client.connect_async(*where, clean_start=False, properties=wishes)
            self._client.loop_forever(retry_first_connection=True)
        finally:
            self._ended.set()

    def revive(self) -> None:
        """Begin again, after a while, where what a broker sent has ended the network thread."""
        if not self._ended.is_set() or self._stop.is_set():
            return
        if self.state != UNREACHABLE:
            self._note(UNREACHABLE)
            self._again_at = time.monotonic() + _REVIVE_SECONDS
        elif time.monotonic() >= self._again_at:
            self._again_at = time.monotonic() + _REVIVE_SECONDS
            self._ended.clear()
            self._client = self._new()
            self._thread = threading.Thread(target=self._network, name="local network", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; the broker keeps for us what comes meanwhile."""
        self._stop.set()
        self._client.disconnect()
        if self._thread.ident is not None:
            self._thread.join(timeout=10)

    @property
    def connected(self) -> bool:
        """Whether the broker has let us in."""
        return self._client.is_connected()

    def take(self, seconds: float) -> list[Heard]:
        """Return what has come, waiting so long for the first of it."""
        try:
            first = self._queue.get(timeout=seconds)
        except queue.Empty:
            return []
        # Nobody else takes, so that what is there now is there still.
        return [first, *(self._queue.get_nowait() for _ in range(self._queue.qsize()))]

    def acknowledge(self, arrived: Arrived) -> None:
        """Tell the broker that a message is kept; on another connection it tells it again."""
        if arrived.message.qos and arrived.connection == self._connection:
            self._client.ack(arrived.message.mid, arrived.message.qos)

    def subscribe(self, topics: Sequence[str], *, own: bool = False) -> None:
        """Ask for topics, with what is retained there; `own` ones without our own words."""
        options = SubscribeOptions(qos=0 if own else 1, noLocal=own)
        if topics:
            self._client.subscribe([(topic, options) for topic in topics])

    def publish(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        """Say something at QoS 1; nothing waits for it."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self._note(REFUSED, str(code))
            return
        self._connection += 1
        self._note(CONNECTED)
        self._put(Joined(self._connection, bool(flags.session_present)))

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if self.state == CONNECTED and not self._stop.is_set():
            self._note(UNREACHABLE, str(code))

    def _allowed(self, codes: Sequence[Any]) -> None:
        """Note what the broker's rules do not let us do."""
        refused = [code for code in codes if code.is_failure]
        if refused:
            self._note(REFUSED, str(refused[0]))

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._put(Arrived(self._connection, datetime.now(UTC), message, message.topic))

    def _put(self, heard: Heard) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(heard, timeout=1)
            except queue.Full:
                continue
            return

    def _note(self, state: str, reason: str = "") -> None:
        """Say what has changed, and not again for a while: a bad link changes all the time."""
        if state == self.state:
            return
        self.state = state
        if time.monotonic() >= self._quiet_until.get(state, 0):
            self._quiet_until[state] = time.monotonic() + _QUIET_SECONDS
            _log.info("local_broker", state=state, reason=reason)


SUCCESS = "Success"


def probe(broker: Broker, seconds: float) -> str:
    """Return what a broker says to our name and password, nothing where it does not answer."""
    said: queue.Queue[str] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    broker.dress(client)
    client.on_connect = lambda _c, _d, _f, code, _p: said.put(str(code))
    client.connect_async(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    try:
        return said.get(timeout=seconds)
    except queue.Empty:
        return ""
    finally:
        client.disconnect()
        client.loop_stop()
