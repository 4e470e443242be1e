"""Peers at the same broker and database, fed with the same readings in the form they understand."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sql
from balise.errors import UsageError
from bench.peers import PEERS
from bench.peers.fetch import cache
from bench.peers.peer import Peer, Place
from bench.producer import packets
from bench.rounds import Round
from bench.site import Site
from bench.stream import Message, Stream, beats

_START_SECONDS, _PROBE_SECONDS = 60.0, 0.5
_METRIC = 1

Ways = dict[str, Callable[[], Round]]


def find(names: Sequence[str]) -> list[Peer]:
    """Return the peers of these names, installed; UsageError where one isn't known or to be had."""
    if unknown := set(names) - PEERS.keys():
        raise UsageError(f"no peer {', '.join(unknown)}; there are: {', '.join(PEERS)}")
    found = [PEERS[name] for name in names]
    for peer in found:
        peer.install(cache(peer.name))
    return found


@contextmanager
def beside(site: Site, stream: Stream, peers: Sequence[Peer]) -> Iterator[Ways]:
    """Run those peers that understand the stream's messages; give a way for each."""
    site.connection.execute(sql.get("bench.create_peer_table"))
    with ExitStack() as running:
        able = [one for one in peers if stream.per_message <= one.most]
        started = {one.name: running.enter_context(_running(site, stream, one)) for one in able}
        yield {name: one.round for name, one in started.items()}


@dataclass(frozen=True, slots=True)
class Fed:
    """A peer that runs, and the stream as it understands it."""

    site: Site
    stream: Stream
    topic: str
    pid: int
    packets: Sequence[bytes]

    def round(self) -> Round:
        """Send it the stream; the clock runs until its last row is there."""
        self.site.empty()
        last = max(self.stream.messages(), key=lambda one: (one.first, one.home))
        end = rows(self.stream, last)[-1]
        return self._site().send(self.packets, self.stream.count, lambda: self._done(end))

    def await_ready(self) -> None:
        """Wait until a reading that is sent again and again comes through."""
        probe = rows(self.stream, Message(0, -1, 1))[0]
        packet = packets([(self.topic, _payload(self.stream, [probe]))])
        until = time.monotonic() + _START_SECONDS
        while not self._has(probe):
            if time.monotonic() > until:
                raise TimeoutError(f"{self.topic} takes nothing")
            self.site.producer.push(packet)
            time.sleep(_PROBE_SECONDS)

    def _site(self) -> Site:
        mine = {"peer": self.pid}
        theirs = {name: self.site.processes[name] for name in ("postgres", "broker")}
        return Site(self.site.line, self.site.connection, self.site.producer, mine | theirs)

    def _done(self, end: dict[str, Any]) -> bool:
        # Counting is dear, so only once the last has come.
        return self._has(end) and self._stored() >= self.stream.count

    def _has(self, reading: dict[str, Any]) -> bool:
        row = self.site.connection.execute(sql.get("bench.peer_has"), reading).fetchone()
        return row is not None and bool(row[0])

    def _stored(self) -> int:
        row = self.site.connection.execute(sql.get("bench.peer_stored")).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def _running(site: Site, stream: Stream, peer: Peer) -> Iterator[Fed]:
    topic = f"balise/peer/{peer.name}"
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        place = Place(
            settings=site.line.settings,
            installed=cache(peer.name),
            folder=Path(folder),
            topic=topic,
        )
        command = peer.command(place)
        environment = {**os.environ, **command.environment}
        process = subprocess.Popen(
            command.arguments, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        ready = packets((topic, _payload(stream, rows(stream, one))) for one in stream.messages())
        fed = Fed(site, stream, topic, process.pid, ready)
        try:
            fed.await_ready()
            yield fed
        except TimeoutError as error:
            said = (Path(folder) / "log").read_text("utf-8", "replace")[-2000:]
            raise UsageError(f"{peer.name} did not do its work: {said}") from error
        finally:
            process.terminate()
            process.wait()


def rows(stream: Stream, message: Message) -> list[dict[str, Any]]:
    """Return a message's readings as everybody else writes them: milliseconds, numbers, a value."""
    return [
        {
            "at": round(stream.moment(number).timestamp() * 1000),
            "subject": message.home + 1,
            "device": message.home + 1,
            "metric": _METRIC,
            "value": beats(message.home, number),
        }
        for number in range(message.first, message.first + message.count)
    ]


def _payload(stream: Stream, readings: list[dict[str, Any]]) -> bytes:
    return json.dumps(readings if stream.per_message > 1 else readings[0]).encode()
