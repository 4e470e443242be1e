"""The least a paho client can do: take each message and acknowledge it. What a receiver adds to."""

from __future__ import annotations

import sys
from typing import Any

import paho.mqtt.client as mqtt

from balise.settings import Settings
from ingest.mqtt import KEEPALIVE, Broker


def main(topic: str, count: str) -> None:
    """Say `ready` once subscribed, and `done` after so many messages."""
    where = Broker(Settings())
    client = where.client("balise-bench-bare", persistent=False)
    client.manual_ack_set(True)
    left = int(count)

    def take(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal left
        client.ack(message.mid, message.qos)
        left -= 1
        if not left:
            _say("done")
            client.disconnect()

    def subscribe(*_: Any) -> None:
        client.subscribe(topic, qos=1)

    client.on_message = take
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: _say("ready")
    client.connect(where.host, where.port, KEEPALIVE)
    client.loop_forever()


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
