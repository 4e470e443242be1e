"""`balise bench profile`: where the line's time goes: in our processes, and in the database.

py-spy looks at receiver and validate a hundred times a second from outside, which costs them next
to nothing; as often `pg_stat_activity` says which statement is at work, and what it waits for.
"""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

import sql
from bench import machine
from bench.peers.fetch import cache, pip
from bench.site import Site, standing, validating
from bench.stream import Stream
from bench.whole import Whole

_A_SECOND = 100
_MOST = 25
_OURS = ("receiver", "validate")


def main(*, readings: int, homes: int, per_message: int) -> None:
    """Print each process's functions and the database's statements by their share, as JSON."""
    pip(cache("py-spy"), Path(__file__).with_name("py_spy.txt"))
    stream = Stream(homes=homes, readings=readings, per_message=per_message)
    with standing() as site:
        stream.enrol(site.line.settings.database_url)
        with validating(site, flows=False) as line:
            found = _profile(line, stream)
        facts = machine.facts(site.line.settings.database_url)
    print(json.dumps({"machine": facts, "readings": stream.count, **found}, indent=2))


def _profile(site: Site, stream: Stream) -> dict[str, object]:
    whole = Whole(site, stream)
    whole.once()
    with (
        tempfile.TemporaryDirectory() as folder,
        _statements(site.line.settings.database_url) as statements,
    ):
        files = {name: Path(folder) / name for name in _OURS}
        with _watched(files, site.processes):
            done = whole.once()
        processes = {name: functions(file.read_text("utf-8")) for name, file in files.items()}
    return {
        "a_second": round(done.rate),
        "processor_seconds": {name: round(one, 2) for name, one in done.spent.processor.items()},
        **processes,
        "postgres": statements.shares(),
    }


@contextmanager
def _watched(files: Mapping[str, Path], processes: Mapping[str, int]) -> Iterator[None]:
    spy = str(cache("py-spy") / "bin" / "py-spy")
    options = ["--format", "raw", "--function", "--rate", str(_A_SECOND), "--duration", "unlimited"]
    watching = [
        subprocess.Popen(
            [spy, "record", *options, "--output", str(file), "--pid", str(processes[name])],
            stdout=subprocess.DEVNULL,
        )
        for name, file in files.items()
    ]
    try:
        yield
    finally:
        for one in watching:
            one.send_signal(signal.SIGINT)
        for one in watching:
            one.wait()


def functions(folded: str) -> dict[str, object]:
    """Return functions by their share of the samples: of their own, and with what they call.

    A line is a stack from its root, and how often it was seen.
    """
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        whole.update(dict.fromkeys(frames, int(count)))
    total = own.total()
    return {
        "samples": total,
        "own": _shares(own, total),
        "with_what_they_call": _shares(whole, total),
    }


def _shares(counts: Counter[str], total: int) -> dict[str, float]:
    return {name: round(count / total, 3) for name, count in counts.most_common(_MOST)}


@dataclass(frozen=True, slots=True)
class Statements:
    """What the database's sessions were seen to do: statement, and what it waited for."""

    seen: Counter[str] = field(default_factory=Counter[str])
    looks: Counter[str] = field(default_factory=Counter[str])

    def look(self, rows: list[tuple[str, str]]) -> None:
        """Take down one moment."""
        self.looks["all"] += 1
        for query, wait in rows:
            self.seen[f"{_name(query)}, {wait}"] += 1

    def shares(self) -> dict[str, float]:
        """Return the share of the moments at which each was seen."""
        return _shares(self.seen, max(1, self.looks.total()))


@contextmanager
def _statements(database_url: str) -> Iterator[Statements]:
    found, ended = Statements(), threading.Event()

    def watch() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not ended.wait(1 / _A_SECOND):
                found.look(connection.execute(sql.get("bench.activity")).fetchall())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        ended.set()
        watching.join()


def _name(query: str) -> str:
    """Return a statement's name, by the reason that it begins with, or its first words."""
    reason = query.splitlines()[0]
    named = (name for name, text in sql.queries().items() if text.startswith(reason))
    return next(named, reason[:40])
