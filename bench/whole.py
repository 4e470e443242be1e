"""The whole line: broker to validated readings, dirty windows and accounts; COPY and peers beside.

The limit is the line's own rows, dumped as COPY BINARY and copied back into the same table, 20,000
a commit: it decodes nothing, checks nothing and accounts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import sql
from bench import copying
from bench.copying import Table
from bench.producer import packets
from bench.rounds import Round, alternate, costs, ratio, ratios, report, timed
from bench.site import Site
from bench.stream import Message, Stream

COMMIT = 20_000
_BATCH = 5_000
"""Readings of a run of messages, of which a tenth is hit by a duplicate."""

Ways = dict[str, Callable[[], Round]]


@dataclass(frozen=True, slots=True)
class Whole:
    """What one stream costs from end to end."""

    site: Site
    stream: Stream
    came_again: list[int] = field(default_factory=list[int])
    """Duplicates of each round: of a clean one, what the broker sent twice."""

    def once(self) -> Round:
        """Send the stream through the emptied line."""
        return self._line(self._packets(self.stream.messages()))

    def measure(self, rounds: int, peers: Ways) -> dict[str, object]:
        """Return rates of readings, processor seconds for a million of them, and ratios."""
        ready = self._packets(self.stream.messages())
        self._line(ready)
        readings = copying.table(self.site.connection, "reading_key")
        rows = copying.chunks(self.site.connection, readings, COMMIT)
        self.site.forget_memory()
        ways: Ways = {
            "copy": lambda: self._copy(readings, rows),
            "line": lambda: self._line(ready),
            **peers,
        }
        measured = alternate(ways, rounds)
        return {
            "readings": self.stream.count,
            "messages": len(ready),
            "ways": report(measured),
            "ratios": ratios(measured, "line"),
            "processor_ratios": costs(measured, "line", "copy"),
            "megabytes_at_most": self.site.memory(),
            "came_again": sum(self.came_again),
        }

    def disk(self) -> dict[str, dict[str, float]]:
        """Return the bytes a reading takes in `reading` and in `landing`."""
        self.once()
        found: dict[str, dict[str, float]] = {}
        for index in ("reading_key", "landing_by_id"):
            name = copying.table(self.site.connection, index).name
            row = self.site.connection.execute(sql.get("bench.size"), {"table": name}).fetchone()
            parts = ("table", "index", "toast", "total")
            sizes = zip(parts, row or (), strict=True)
            found[name] = {part: round(size / self.stream.count, 1) for part, size in sizes}
        return found

    def again(self, rounds: int) -> dict[str, object]:
        """Return how fast it is when everything comes twice, or a tenth of the batches is hit.

        Each round raises where a row is too many or too few.
        """
        clean = self._packets(self.stream.messages())
        disturbed = self._packets(hit(self.stream, _BATCH))
        self._line(clean)
        ways: Ways = {
            "clean": lambda: self._line(clean),
            "again": lambda: self._through(clean),
            "hit": lambda: self._line(disturbed),
        }
        measured = alternate(ways, rounds)
        return {
            "readings": self.stream.count,
            "duplicates_of_hit": (len(disturbed) - len(clean)) * self.stream.per_message,
            "ways": report(measured),
            "ratios": {f"{one} / clean": ratio(measured, one, "clean") for one in ("again", "hit")},
            "extra_rows": self.site.stored() - self.stream.count,
        }

    def _packets(self, messages: Iterator[Message]) -> list[bytes]:
        return packets(self.stream.encoded(messages))

    def _line(self, ready: Sequence[bytes]) -> Round:
        self.site.empty()
        return self._through(ready)

    def _through(self, ready: Sequence[bytes]) -> Round:
        due = self.site.accounted().landed + len(ready) * self.stream.per_message

        def done() -> bool:
            # A broker may send again what is on its way: all are there when each has come once.
            account = self.site.accounted()
            return account.landed >= due and account.accepted >= self.stream.count

        took = self.site.send(ready, self.stream.count, done)
        self.site.check(self.stream.count)
        self.came_again.append(self.site.accounted().duplicate)
        return took

    def _copy(self, readings: Table, rows: Sequence[bytes]) -> Round:
        self.site.empty()

        def work() -> int:
            copying.load(self.site.connection, readings, rows)
            return self.stream.count

        return timed(work, {"postgres": self.site.processes["postgres"]})


def hit(stream: Stream, batch: int) -> Iterator[Message]:
    """Yield a stream in every tenth batch of which a message of the one before comes again."""
    size = max(1, batch // stream.per_message)
    before: list[Message] = []
    for place, message in enumerate(stream.messages()):
        if place % (10 * size) == 9 * size:
            yield before[0]
        before = [*before[-size + 1 :], message]
        yield message
