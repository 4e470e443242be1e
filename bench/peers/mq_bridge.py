"""mq-bridge (Rust): MQTT to a multi-row INSERT that leaves out duplicates, acknowledged after it.

By configuration it makes one row of a message, so that batches of readings are out of its reach.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import sql
from balise.settings import Settings
from bench.peers.fetch import pip
from bench.peers.peer import Command, Peer, Place

_BATCH = 512
_IN_FLIGHT = 10_000


def main(topic: str) -> None:
    """Run the route until killed."""
    where = Settings()
    route = import_module("mq_bridge").Route.from_config(_route(where, topic))
    route.run()


def _route(where: Settings, topic: str) -> dict[str, Any]:
    place = Place(settings=where, installed=Path(), folder=Path(), topic=topic)
    host, port = place.broker
    ca, certificate, key = place.tls
    mqtt = {
        "url": f"mqtts://{host}:{port}",
        "topic": topic,
        "client_id": "bench-mq-bridge",
        "qos": 1,
        "protocol": "v3",
        "clean_session": True,
        "queue_capacity": _IN_FLIGHT,
        "max_inflight": _IN_FLIGHT,
        "tls": {"required": True, "ca_file": ca, "cert_file": certificate, "key_file": key},
    }
    database = {
        "url": where.database_url,
        "table": "peer_reading",
        "insert_query": _tokens(sql.get("bench.insert_peer_reading")),
    }
    return {"input": {"mqtt": mqtt}, "output": {"sqlx": database}, "batch_size": _BATCH}


def _tokens(statement: str) -> str:
    """Return a statement with its parameters as mq-bridge writes them, and without comments."""
    lines = [line for line in statement.splitlines() if not line.startswith("--")]
    return re.sub(r"%\((\w+)\)s", r"${payload:\1}", " ".join(lines))


def _install(installed: Path) -> None:
    pip(installed, Path(__file__).with_name("mq_bridge.txt"))


def _command(place: Place) -> Command:
    arguments = [sys.executable, "-m", "bench.peers.mq_bridge", place.topic]
    return Command(arguments, {"PYTHONPATH": str(place.installed)})


PEER = Peer(name="mq-bridge", most=1, install=_install, command=_command)


if __name__ == "__main__":
    main(*sys.argv[1:])
