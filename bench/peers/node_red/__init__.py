"""Node-RED: an MQTT node and a function that inserts by the thousand.

It acknowledges on receipt: what it has gathered is lost in a crash. Duplicates are left out by the
key.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from balise.errors import UsageError
from balise.stack.ports import free
from bench.peers.fetch import npm
from bench.peers.peer import Command, Peer, Place

_HERE = Path(__file__).parent
_FILES = ("settings.js", "flows.json", "keep.js")


def _install(installed: Path) -> None:
    npm(installed, _HERE / "package.json")


def _command(place: Place) -> Command:
    for name in _FILES:
        shutil.copy(_HERE / name, place.folder / name)
    modules = place.installed / "node_modules"
    node = next(modules.glob("node-linux-*/bin/node"), None)
    if node is None:
        raise UsageError("no Node.js of npm's for this machine: Node-RED can't be a peer here")
    red = str(modules / "node-red" / "red.js")
    settings = str(place.folder / "settings.js")
    return Command(
        [str(node), red, "--userDir", str(place.folder), "--settings", settings],
        _environment(place, modules),
    )


def _environment(place: Place, modules: Path) -> dict[str, str]:
    host, port = place.broker
    ca, certificate, key = place.tls
    return {
        "BENCH_MODULES": str(modules),
        "BENCH_DATABASE_URL": place.settings.database_url,
        "BENCH_TOPIC": place.topic,
        "BENCH_HOST": host,
        "BENCH_MQTT_PORT": str(port),
        "BENCH_CA": ca,
        "BENCH_CERT": certificate,
        "BENCH_KEY": key,
        "BENCH_PORT": str(free()),
    }


PEER = Peer(name="node-red", most=50, install=_install, command=_command)
