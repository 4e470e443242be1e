from __future__ import annotations

import os
import queue
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

Connect = Callable[..., "Client"]


@pytest.fixture(autouse=True, scope="session")
def shared_prefix() -> Iterator[None]:
    """One prefix for all throw-away homes; root's must be open to `nobody`."""
    place = "/var/tmp" if os.geteuid() == 0 else str(Path.home() / ".cache")  # noqa: S108
    with pytest.MonkeyPatch.context() as patch:
        if "BALISE_PREFIX" not in os.environ:
            patch.setenv("BALISE_PREFIX", f"{place}/balise-test-prefix")
        yield


@pytest.fixture(scope="module")
def new_home() -> Iterator[Callable[[], Path]]:
    """Homes that root's servers can reach, which pytest's own folders aren't."""
    folder = Path(tempfile.mkdtemp(prefix="balise-stack-"))
    folder.chmod(0o711)
    count = iter(range(1000))
    yield lambda: folder / f"home {next(count)}"
    shutil.rmtree(folder)


@pytest.fixture
def home(new_home: Callable[[], Path]) -> Path:
    return new_home()


class Client:
    """A paho client whose callbacks only put things into queues."""

    def __init__(self, port: int, user: str, password: str, **arguments: Any) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.answers: queue.Queue[str] = queue.Queue()
        self.session = False
        self._mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, **arguments
        )
        self._mqtt.username_pw_set(user, password)
        self._mqtt.on_connect = self._connected
        self._mqtt.on_message = lambda _c, _u, got: self.messages.put((got.topic, got.payload))
        self._mqtt.on_publish = lambda _c, _u, _m, code, _p: self.answers.put(str(code))
        self._mqtt.on_subscribe = lambda _c, _u, _m, codes, _p: self.answers.put(str(codes[0]))
        properties = Properties(1)  # CONNECT
        properties.SessionExpiryInterval = 3600
        self._mqtt.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._mqtt.loop_start()
        self.connected = self.answers.get(timeout=5)

    def _connected(
        self, _client: object, _userdata: object, flags: Any, code: ReasonCode, _p: object
    ) -> None:
        self.session = flags.session_present
        self.answers.put(str(code))

    def publish(self, topic: str, payload: bytes = b"x") -> str:
        """Publish and return the broker's answer."""
        self._mqtt.publish(topic, payload, qos=1)
        return self.answers.get(timeout=5)

    def subscribe(self, topic: str) -> str:
        """Subscribe and return the broker's answer."""
        self._mqtt.subscribe(topic, qos=1)
        return self.answers.get(timeout=5)

    def is_connected(self) -> bool:
        return self._mqtt.is_connected()

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def new(port: int, user: str, password: str, **arguments: Any) -> Client:
        clients.append(Client(port, user, password, **arguments))
        return clients[-1]

    yield new
    for client in clients:
        client.close()
