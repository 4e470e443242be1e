"""What a new reading costs where many are stored already, against few."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from psycopg.sql import SQL, Composed, Identifier, Literal

import sql
from bench import copying
from bench.copying import Table
from bench.producer import packets
from bench.rounds import Round, median, report
from bench.site import Site
from bench.stream import Stream

_FEW = 1_000_000


@dataclass(frozen=True, slots=True)
class Growth:
    """The same homes' next readings, round after round, on a table that was filled before."""

    site: Site
    stream: Stream

    def measure(self, stored: int, rounds: int) -> dict[str, object]:
        """Return rates and costs with a million and with so many readings stored, and ratios."""
        few = min(_FEW, stored)
        self.site.empty()
        self._line(0)
        readings = copying.table(self.site.connection, "reading_key")
        self.site.connection.execute(readings.asked("bench.remember"))
        self._fill(readings, 1, few)
        at_few = [self._line(turn) for turn in range(1, rounds + 1)]
        self._fill(readings, max(1, few // self.stream.count), stored)
        at_many = [self._line(turn) for turn in range(rounds + 1, 2 * rounds + 1)]
        return {
            "readings": self.stream.count,
            "stored": [few, stored],
            "ways": report({"few": at_few, "many": at_many}),
            "times_the_cost": {
                "seconds": round(_seconds(at_many) / _seconds(at_few), 3),
                "processor": round(_processor(at_many) / _processor(at_few), 3),
            },
        }

    def _line(self, turn: int) -> Round:
        """Send the homes' readings of the next span of time."""
        stream = replace(self.stream, start=self.stream.start + turn * self._span)
        due = self.site.accounted().accepted + stream.count
        ready = packets(stream.encoded(stream.messages()))
        self.site.connection.execute(sql.get("bench.checkpoint"))
        return self.site.send(ready, stream.count, lambda: self.site.accounted().accepted >= due)

    def _fill(self, readings: Table, since: int, size: int) -> None:
        """Put the first readings in again, a span earlier each time, until so many are stored."""
        for times in range(since, max(since, size // self.stream.count)):
            earlier = _earlier(readings, times * self._span)
            self.site.connection.execute(readings.asked("bench.put_in_again", earlier=earlier))

    @property
    def _span(self) -> timedelta:
        """How long the homes measure in one round."""
        return timedelta(seconds=self.stream.every) * (self.stream.count // self.stream.homes)


def _earlier(readings: Table, span: timedelta) -> Composed:
    """Return the columns with the stamp moved back."""
    moved = SQL("{} - {}").format(Identifier("stamped_at"), Literal(span))
    return SQL(", ").join(
        moved if column == "stamped_at" else Identifier(column) for column in readings.columns
    )


def _seconds(rounds: list[Round]) -> float:
    return median([one.spent.seconds for one in rounds])


def _processor(rounds: list[Round]) -> float:
    return median([sum(one.spent.processor.values()) for one in rounds])
