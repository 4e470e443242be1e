"""A broker at somebody's home: a real mosquitto with a password, that can be killed and stopped."""

from __future__ import annotations

import base64
import hashlib
import os
import queue
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from balise.authority import Authority
from balise.settings import Settings
from balise.stack.home import Home
from balise.stack.ports import free
from balise.stack.programs import Programs, find
from balise.stack.progress import Silent
from bench.waiting import until
from devices.payloads.balise_v1 import Item, read_item
from ingest.gateway.devices import folder
from ingest.gateway.local.declared import NAME
from ingest.gateway.spool import Spool

USER, PASSWORD = "home", "a secret / of: the@home"
URL_USER = "home:a%20secret%20%2F%20of%3A%20the%40home"


class HomeBroker:
    """One mosquitto and its store; `url` is what a gateway's settings say."""

    def __init__(
        self, programs: Programs, place: Path, rules: str = "", authority: Authority | None = None
    ) -> None:
        self._programs, self._place = programs, place
        self.port = free()
        self.url = f"mqtt://{URL_USER}@127.0.0.1:{self.port}"
        salt = os.urandom(12)
        digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101)
        words = [base64.b64encode(one).decode() for one in (salt, digest)]
        (place / "passwords").write_text(f"{USER}:$7$101${words[0]}${words[1]}\n")
        (place / "passwords").chmod(0o600)
        (place / "rules").write_text(f"user {USER}\n" + (rules or "topic readwrite #\n"))
        (place / "rules").chmod(0o600)
        (place / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\n"
            f"{'user root' if os.geteuid() == 0 else ''}\n"
            f"password_file {place}/passwords\nacl_file {place}/rules\n"
            f"persistence true\npersistence_location {place}/\nlog_type error\n"
            "max_queued_messages 100000\n"
        )
        if authority is not None:
            self.url = self.url.replace("mqtt://", "mqtts://")
            with (place / "mosquitto.conf").open("a") as more:
                more.write(f"certfile {authority.broker.certificate}\n")
                more.write(f"keyfile {authority.broker.key}\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._programs.mosquitto, "-c", self._place / "mosquitto.conf"],
            env=self._programs.environment(),
            stderr=subprocess.DEVNULL,
        )
        until(self._listens)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=180)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def client(self, name: str = "") -> Neighbour:
        return Neighbour(self.port, name)


class Neighbour:
    """Another program of that home: it publishes, and sees what is published."""

    def __init__(self, port: int, name: str = "") -> None:
        self.heard: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.username_pw_set(USER, PASSWORD)
        self._topics: set[str] = set()
        self._client.on_connect = lambda *_: [self.listens(one) for one in self._topics]
        self._client.on_message = lambda _c, _d, m: self.heard.put((m.topic, m.payload, m.retain))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(self._client.is_connected)

    def says(self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(timeout=10)

    def listens(self, topic: str) -> None:
        self._topics.add(topic)
        self._client.subscribe(topic, qos=1)

    def retained(self, topic: str, seconds: float = 0.5) -> dict[str, bytes]:
        """Return what stands retained under a filter now."""
        self._client.subscribe(topic, qos=1)
        found: dict[str, bytes] = {}
        while True:
            try:
                name, payload, kept = self.heard.get(timeout=seconds)
            except queue.Empty:
                self._client.unsubscribe(topic)
                return found
            if kept:
                found[name] = payload

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="session")
def programs() -> Iterator[Programs]:
    place = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="balise-home-", dir=place) as made:
        yield find(Home(Path(made)), Silent())


@pytest.fixture
def new_broker(programs: Programs, tmp_path: Path) -> Iterator[Callable[..., HomeBroker]]:
    made: list[HomeBroker] = []

    def new(rules: str = "", authority: Authority | None = None) -> HomeBroker:
        place = tmp_path / f"broker-{len(made)}"
        place.mkdir()
        made.append(HomeBroker(programs, place, rules, authority))
        made[-1].start()
        return made[-1]

    yield new
    for one in made:
        one.stop(signal.SIGKILL)


@pytest.fixture
def broker(new_broker: Callable[..., HomeBroker]) -> HomeBroker:
    return new_broker()


@pytest.fixture
def neighbour(broker: HomeBroker) -> Iterator[Neighbour]:
    one = broker.client()
    yield one
    one.leave()


class Box:
    """The folder of one gateway, with what it declares and what it has spooled."""

    def __init__(self, place: Path, url: str) -> None:
        self.settings = Settings(home=place, gateway_name="home-1", local_mqtt_url=url)
        self.folder = folder(place, "home-1")
        self.folder.mkdir(parents=True)

    def declare(self, text: str) -> None:
        (self.folder / NAME).write_text(text, encoding="utf-8")

    def items(self) -> list[Item]:
        """Return what the spool holds, the oldest first."""
        spool = Spool(self.folder / "spool.db")
        found = [read_item(body) for _, body in spool.newer(0, 100_000)]
        spool.close()
        return found

    def documents(self) -> list[str]:
        return [one.document for one in self.items()]


@pytest.fixture
def box(tmp_path: Path, broker: HomeBroker) -> Box:
    return Box(tmp_path / "box", broker.url)
