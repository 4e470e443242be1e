"""The tutorial: paho hands over a message, psycopg inserts its readings and commits.

Acknowledged by paho after the callback, so after the commit; duplicates are left out by the key.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg

import sql
from balise.settings import Settings
from bench.peers.peer import Command, Peer, Place
from ingest.mqtt import KEEPALIVE, Broker


def main(topic: str) -> None:
    """Insert what comes, a commit a message."""
    where, insert = Broker(Settings()), sql.get("bench.insert_peer_reading")
    client = where.client("bench-tutorial", persistent=False)
    connection = psycopg.connect(Settings().database_url)

    def keep(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        readings = json.loads(message.payload)
        with connection.cursor() as cursor:
            if isinstance(readings, list):
                cursor.executemany(insert, readings)
            else:
                cursor.execute(insert, readings)
        connection.commit()

    def subscribe(*_: Any) -> None:
        client.subscribe(topic, qos=1)

    client.on_message = keep
    client.on_connect = subscribe
    client.connect(where.host, where.port, KEEPALIVE)
    client.loop_forever()


def _nothing(_installed: Path) -> None:
    """Install nothing: paho and psycopg are Balise's own."""


def _command(place: Place) -> Command:
    return Command([sys.executable, "-m", "bench.peers.tutorial", place.topic], {})


PEER = Peer(name="tutorial", most=50, install=_nothing, command=_command)


if __name__ == "__main__":
    main(*sys.argv[1:])
