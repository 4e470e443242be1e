"""An MQTT 3.1.1 client from a URL.

3.1.1, not 5: paho spends 15 µs a message on 3.1.1 and twice that on 5, and Balise needs none of
5's properties (the receipt protocol does what they would).
"""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from balise.errors import BoxRevoked, BrokerDown, UsageError
from balise.settings import Settings
from ingest.gulps import gulping

_PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE = 30
RECONNECT_SECONDS = (1, 30)
"""How long to wait after a lost connection at first, and at most."""
_TAKEOVER_SECONDS, _REFUSAL_SECONDS = 10.0, 1.0


class Broker:
    """Where the broker is, and as whom we come: by certificate, or name and password."""

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(settings.mqtt_url)
        if url.scheme not in _PORTS or not url.hostname:
            raise UsageError(
                "BALISE_MQTT_URL must look like mqtts://host:8883, or mqtts://user:password@host"
            )
        self.host = url.hostname
        self.port = url.port or _PORTS[url.scheme]
        self.user = unquote(url.username or "")
        self.password = unquote(url.password or "")
        self._certificate = (settings.mqtt_cert_file, settings.mqtt_key_file)
        self._authority = settings.mqtt_ca_file
        self._tls = _tls(self._authority) if url.scheme == "mqtts" else None
        self.reload()

    def reload(self) -> None:
        """Read our certificate, and whom to trust as well, for every connection from now on."""
        certificate, key = self._certificate
        if self._tls is not None and self._authority is not None:
            self._tls.load_verify_locations(self._authority)
        if self._tls is not None and certificate is not None:
            try:
                self._tls.load_cert_chain(certificate, key)
            except OSError as error:  # an ssl.SSLError is one
                raise UsageError(f"{certificate} and {key} can't be used: {error}") from error

    def check(self, seconds: float) -> None:
        """See that the broker is there and takes our certificate, without a session of ours.

        BrokerDown where it does not answer, BoxRevoked where it refuses the certificate.
        """
        try:
            with socket.create_connection((self.host, self.port), timeout=seconds) as plain:
                if self._tls is not None:
                    self._greet(self._tls, plain)
        except ssl.SSLCertVerificationError as error:
            raise BrokerDown(f"{self.host}:{self.port} is not who it should be: {error}") from error
        except ssl.SSLError as error:
            raise BoxRevoked(
                f"{self.host}:{self.port} refuses our certificate ({error.reason}): a box that was"
                " shut out needs an invitation (`balise gateway invite`)"
            ) from error
        except OSError as error:
            raise BrokerDown(f"{self.host}:{self.port} does not answer") from error

    def certificate(self, seconds: float) -> bytes | None:
        """Return the certificate that the broker shows, as DER; None in the clear, or of nobody.

        Of the running process: what lies on the disk may be a newer one. It may have ended: whether
        it is to be believed is not asked here, and nothing is sent.
        """
        if self._tls is None:
            return None
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        with (
            suppress(OSError),
            socket.create_connection((self.host, self.port), timeout=seconds) as plain,
            tls.wrap_socket(plain, server_hostname=self.host) as link,
        ):
            return link.getpeercert(binary_form=True)
        return None

    def _greet(self, tls: ssl.SSLContext, plain: socket.socket) -> None:
        with tls.wrap_socket(plain, server_hostname=self.host) as link:
            link.settimeout(_REFUSAL_SECONDS)
            # In TLS 1.3 a client learns only from what it reads next that it was refused.
            with suppress(TimeoutError):
                link.recv(1)

    def client(
        self, client_id: str, *, persistent: bool = True, in_gulps: bool = False
    ) -> mqtt.Client:
        """Return a client, not yet connected; a persistent session outlives it.

        One that reads and writes in gulps is for `ingest.network.Network` to drive.
        """
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=not persistent,
            protocol=mqtt.MQTTv311,
        )
        self.dress(client, in_gulps=in_gulps)
        return client

    def dress(self, client: mqtt.Client, *, in_gulps: bool = False) -> None:
        """Give a client our name and password, our certificate, and its patience."""
        if self.user:
            client.username_pw_set(self.user, self.password)
        if in_gulps:
            client.tls_set_context(gulping(self._tls))
        elif self._tls is not None:
            client.tls_set_context(self._tls)
        least, most = RECONNECT_SECONDS
        client.reconnect_delay_set(min_delay=least, max_delay=most)


def end_session(broker: Broker, client_id: str) -> None:
    """Take over somebody's session at the broker and forget it: they are disconnected."""
    ended = threading.Event()
    client = broker.client(client_id, persistent=False)
    client.on_connect = lambda *_: ended.set()
    client.connect_async(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    try:
        if not ended.wait(_TAKEOVER_SECONDS):
            raise BrokerDown(
                f"{broker.host}:{broker.port} does not answer: {client_id} may live on"
            )
    finally:
        client.disconnect()
        client.loop_stop()


def _tls(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise UsageError(f"BALISE_MQTT_CA_FILE {authority} can't be used: {error}") from error


Heard = Callable[[str, bytes], None]


@contextmanager
def listening(
    broker: Broker, topics: Sequence[str], heard: Heard, seconds: float
) -> Iterator[mqtt.Client]:
    """Hear topics while the block runs, in another thread; BrokerDown where no broker answers."""
    answered = threading.Event()
    client = broker.client(f"balise-listen-{secrets.token_hex(4)}", persistent=False)

    def on_connect(*_: Any) -> None:
        client.subscribe([(topic, 1) for topic in topics])

    def on_subscribe(*_: Any) -> None:
        answered.set()

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        heard(message.topic, bytes(message.payload))

    client.on_connect, client.on_subscribe = on_connect, on_subscribe
    client.on_message = on_message
    client.connect_async(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    try:
        if not answered.wait(seconds):
            raise BrokerDown(f"{broker.host}:{broker.port} did not answer within {seconds:.0f} s")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def wait_for(broker: Broker, topic: str, payload: bytes, seconds: float) -> None:
    """Wait until a topic says something; BrokerDown where it doesn't in time."""
    said = threading.Event()

    def heard(_topic: str, what: bytes) -> None:
        if what == payload:
            said.set()

    with listening(broker, [topic], heard, seconds):
        if not said.wait(seconds):
            raise BrokerDown(f"{topic} did not say {payload.decode()} within {seconds:.0f} s")


def retain(client: mqtt.Client, topic: str, payload: bytes, seconds: float) -> None:
    """Have the broker keep a topic's word; BrokerDown where it doesn't take it in time."""
    told = client.publish(topic, payload, qos=1, retain=True)
    with suppress(RuntimeError):  # the connection is lost, and made again
        told.wait_for_publish(timeout=seconds)
    if not told.is_published():
        raise BrokerDown(f"the broker did not take {topic} within {seconds:.0f} s")


def leave(broker: Broker, topic: str, payload: bytes, seconds: float) -> None:
    """Have the broker keep a topic's word, on a connection of its own. Raises BrokerDown."""
    with listening(broker, [topic], lambda _topic, _said: None, seconds) as client:
        retain(client, topic, payload, seconds)


def retained(broker: Broker, topics: Sequence[str], seconds: float) -> dict[str, bytes]:
    """Return what stands at the broker under these topics; BrokerDown where it does not answer.

    A broker sends what it retains before it takes our next packet: once a word of our own has come
    back, all of it is here.
    """
    found: dict[str, bytes] = {}
    complete = threading.Event()
    mark = f"balise/echo/{secrets.token_hex(8)}"

    def heard(topic: str, payload: bytes) -> None:
        if topic == mark:
            complete.set()
        else:
            found[topic] = payload

    with listening(broker, [*topics, mark], heard, seconds) as client:
        client.publish(mark, b"?", qos=1)
        if not complete.wait(seconds):
            raise BrokerDown(f"{broker.host}:{broker.port} did not say all in {seconds:.0f} s")
    return found
