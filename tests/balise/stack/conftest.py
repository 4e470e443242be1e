from __future__ import annotations

import os
import queue
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from balise import certificates
from balise.authority import Authority, Pair
from balise.stack import Stack

Connect = Callable[..., "Client"]
Certify = Callable[..., ssl.SSLContext]


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

    def __init__(self, port: int, tls: ssl.SSLContext, **arguments: Any) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.answers: queue.Queue[str] = queue.Queue()
        self.session = False
        self._mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,  # of a try that fails paho leaves its TLS socket open
            **arguments,
        )
        self._mqtt.tls_set_context(tls)
        self._mqtt.on_connect = self._connected
        self._mqtt.on_message = lambda _c, _u, got: self.messages.put((got.topic, got.payload))
        self._mqtt.on_publish = lambda _c, _u, _m, code, _p: self.answers.put(str(code))
        self._mqtt.on_subscribe = lambda _c, _u, _m, codes, _p: self.answers.put(str(codes[0]))
        properties = Properties(1)  # CONNECT
        properties.SessionExpiryInterval = 3600
        self._mqtt.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._mqtt.loop_start()
        self.connected = self.answers.get(timeout=30)

    def _connected(
        self, _client: object, _userdata: object, flags: Any, code: ReasonCode, _p: object
    ) -> None:
        self.session = flags.session_present
        self.answers.put(str(code))

    def publish(self, topic: str, payload: bytes = b"x") -> str:
        """Publish and return the broker's answer."""
        self._mqtt.publish(topic, payload, qos=1)
        return self.answers.get(timeout=30)

    def subscribe(self, topic: str) -> str:
        """Subscribe and return the broker's answer."""
        self._mqtt.subscribe(topic, qos=1)
        return self.answers.get(timeout=30)

    def is_connected(self) -> bool:
        return self._mqtt.is_connected()

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    clients: list[Client] = []

    def new(port: int, tls: ssl.SSLContext, **arguments: Any) -> Client:
        clients.append(Client(port, tls, **arguments))
        return clients[-1]

    yield new
    for client in clients:
        client.close()


def context(site: Authority, pair: Pair) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=site.file)
    tls.verify_flags |= ssl.VERIFY_X509_STRICT  # the default since Python 3.13
    tls.load_cert_chain(pair.certificate, pair.key)
    return tls


@pytest.fixture
def certify(tmp_path: Path) -> Certify:
    """A new certificate of a gateway, as a context for its connections."""

    def new(stack: Stack, name: str) -> ssl.SSLContext:
        pair = Pair(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        key = certificates.new_key()
        made = stack.authority.admit(name, key.public_key())
        pair.certificate.write_bytes(certificates.text(made))
        pair.key.write_bytes(certificates.key_text(key))
        return context(stack.authority, pair)

    return new


@pytest.fixture
def serving() -> Certify:
    """The services' certificate, in the same way."""
    return lambda stack, _name="": context(stack.authority, stack.authority.service)
