"""Homes that send: a gateway's spool and publisher without a radio, and a ledger of all given.

The ledger is written to the disk before the spool has anything, so that it can be held against
whatever the rest of the line says. The line to the broker is bad on purpose: one message in ten
comes twice, one in ten comes late, after the one that follows it.
"""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from balise.errors import Reason
from balise.settings import Settings
from bench.line import Line
from devices.payloads.balise_v1 import Item, encode_item, encode_message
from ingest.gateway import devices
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import KEEPALIVE, Broker

STRANGER = "F0:00:00:00:EE:EE"
"""A strap that no home knows: what it says is refused."""
_STRANGE_ONE_IN = 50
_SHARE = 0.1
_RECEIPT_TIMEOUT = 2.0
_SEND_SECONDS = 30.0
_TURNS_A_SECOND = 10
_LENGTH = timedelta(days=20)

Payload: TypeAlias = str | bytes | bytearray | int | float | None


class BadLine(mqtt.Client):
    """A client whose frames come twice, or late, as the dice have it."""

    def __init__(self, *arguments: Any, chance: random.Random, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._chance = chance
        self._last: Payload = None
        self._late: Payload = None

    def publish(
        self, topic: str, payload: Payload = None, qos: int = 0, *rest: Any, **named: Any
    ) -> mqtt.MQTTMessageInfo:
        """Publish frames in disorder, and anything else as it comes."""
        if not topic.endswith("/frames"):
            return super().publish(topic, payload, qos, *rest, **named)
        dice = self._chance.random()
        if dice < _SHARE and self._late is None and self._last is not None:
            # The one before goes again in its place.
            self._late = payload
            return super().publish(topic, self._last, qos)
        sent = super().publish(topic, payload, qos)
        again, self._last = payload, payload
        if self._late is not None or dice > 1 - _SHARE:
            again, self._late = self._late or again, None
            super().publish(topic, again, qos)
        return sent


class BadBroker(Broker):
    """The broker at the other end of a bad line."""

    def __init__(self, settings: Settings, chance: random.Random) -> None:
        super().__init__(settings)
        self._chance = chance

    def client(self, client_id: str, *, persistent: bool = True) -> mqtt.Client:
        """Return a client, not yet connected."""
        client = BadLine(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=not persistent,
            protocol=mqtt.MQTTv311,
            chance=self._chance,
        )
        self.dress(client)
        return client


@dataclass(frozen=True, slots=True)
class Given:
    """A heartbeat: when, how many a minute, and the reason it must be refused for, if it must."""

    device: str
    at: datetime
    value: int
    refused: str = ""

    @property
    def body(self) -> bytes:
        """The item, as a gateway spools it."""
        return encode_item(
            Item(
                device=self.device,
                captured_at=self.at,
                service="180D",
                characteristic="2A37",
                data=f"00{self.value:02x}",
            )
        )


class Ledger:
    """What a home was given, a line each, on the disk before anything else knows of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, some: Sequence[Given]) -> None:
        """Add some; they survive a power cut when this returns."""
        with self._path.open("a", encoding="ascii") as file:
            for one in some:
                file.write(json.dumps([one.device, one.at.isoformat(), one.value, one.refused]))
                file.write("\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Given]:
        """Return everything given so far."""
        with self._path.open(encoding="ascii") as file:
            lines = [json.loads(line) for line in file]
        return [Given(device, datetime.fromisoformat(at), *rest) for device, at, *rest in lines]


class Home:
    """An enrolled home with one strap; its gateway sends whatever it is given, until receipts."""

    def __init__(self, line: Line, name: str, device: str, chance: random.Random) -> None:
        line.enrol(name, {device: "strap"})
        folder = devices.folder(line.settings.home, name)
        self.name, self.device = name, device
        self.settings = line.of_gateway(name)
        self.ledger = Ledger(folder / "given.jsonl")
        self.spool_file = folder / "spool.db"
        self._chance = chance
        self._start = datetime.now(UTC).replace(microsecond=0) - _LENGTH
        self.epoch = uuid4()
        self._count = 0
        self._publisher: Publisher | None = None

    def beats(self, count: int) -> list[Given]:
        """Return the next seconds' heartbeats, one in fifty a stranger's."""
        numbers = range(self._count, self._count + count)
        self._count += count
        return [self._beat(number) for number in numbers]

    def _beat(self, number: int) -> Given:
        strange = self._chance.randrange(_STRANGE_ONE_IN) == 0
        return Given(
            STRANGER if strange else self.device,
            self._start + timedelta(seconds=number),
            40 + number % 160,
            Reason.DEVICE_UNKNOWN.value if strange else "",
        )

    def give(self, spool: Spool, count: int) -> None:
        """Give the gateway some heartbeats, the ledger first."""
        self.put(spool, self.beats(count))

    def put(self, spool: Spool, some: Sequence[Given]) -> None:
        """Give it these, the ledger first."""
        self.ledger.write(some)
        spool.put(*(one.body for one in some))
        if self._publisher is not None:
            self._publisher.wake()

    def message(self, count: int) -> bytes:
        """Return some heartbeats as a message to send once; the ledger has them, the spool not."""
        first = self._count + 1
        some = self.beats(count)
        self.ledger.write(some)
        return encode_message(self.epoch, enumerate((one.body for one in some), first))

    def send(self, *payloads: bytes, topic: str = "") -> None:
        """Send payloads as they are, once, as a gateway that forgets them on the broker's word."""
        broker = Broker(self.settings)
        client = broker.client(f"once-{self.name}", persistent=False)
        client.connect(broker.host, broker.port, KEEPALIVE)
        client.loop_start()
        try:
            frames = topic or f"balise/v1/{self.name}/frames"
            for sent in [client.publish(frames, one, qos=1) for one in payloads]:
                sent.wait_for_publish(_SEND_SECONDS)
        finally:
            client.disconnect()
            client.loop_stop()

    def given(self) -> int:
        """Return how many it was given so far."""
        return self._count

    def depth(self) -> int:
        """Return how many items wait for a receipt."""
        spool = Spool(self.spool_file)
        try:
            return spool.depth()
        finally:
            spool.close()

    @contextmanager
    def online(self) -> Iterator[None]:
        """Send while the block runs."""
        broker = BadBroker(self.settings, self._chance)
        publisher = Publisher(broker, self.name, self.spool_file, _RECEIPT_TIMEOUT)
        publisher.start()
        self._publisher = publisher
        try:
            yield
        finally:
            self._publisher = None
            publisher.stop()

    @contextmanager
    def streaming(self, a_second: int) -> Iterator[None]:
        """Give it heartbeats at this pace while the block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._stream, args=(a_second, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _stream(self, a_second: int, ended: threading.Event) -> None:
        spool = Spool(self.spool_file)
        while not ended.wait(1 / _TURNS_A_SECOND):
            self.give(spool, a_second // _TURNS_A_SECOND)
        spool.close()
