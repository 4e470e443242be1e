"""Read landing again with today's decoder, registry and mappings, and keep what that changes.

One transaction for some messages at a time, in the order they landed: killed anywhere, it goes on
where it was, and twice changes nothing. A dry run judges the same and writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

import sql
from balise.errors import ReplayRuns
from devices.registry import DECODER_VERSION
from flows import differences, intake, reread
from flows.differences import Difference, Kind, Plan
from sql import mappings, readings
from sql import replay as store
from sql.replay import Figure, Key

MESSAGES_AT_ONCE = 200
LINES = 100_000
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which landed messages to read again; what is None excludes nothing.

    `received_from` is included, `received_to` not. `refused` takes only messages of which
    something is refused and not discarded; `decoder` the version that read them.
    """

    messages: tuple[int, ...] | None = None
    refused: bool = False
    reason: str | None = None
    gateway: str | None = None
    device: int | None = None
    subject: int | None = None
    decoder: int | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Who replays, and why: kept with every revision."""

    who: str
    why: str


@dataclass(slots=True)
class Report:
    """What a replay found.

    `gone` counts messages whose bytes are no longer kept; `gone_on_after` is the message where an
    earlier replay had stopped.
    """

    messages: int = 0
    counts: Counter[tuple[Kind, str]] = field(default_factory=Counter[tuple[Kind, str]])
    differences: list[Difference] = field(default_factory=list[Difference])
    gone: int = 0
    gone_on_after: int = 0
    finished: bool = False

    def of(self, *kinds: Kind) -> int:
        """Return how many were of some kinds."""
        return sum(count for (kind, _), count in self.counts.items() if kind in kinds)

    def changed(self) -> int:
        """Return how many differences there were."""
        return self.of(*differences.DIFFERENCES)

    def add(self, plan: Plan, messages: int) -> None:
        """Add what was found of some messages; of the lines, the first ones are kept."""
        self.messages += messages
        self.counts += plan.counts
        self.differences += plan.differences[: LINES - len(self.differences)]


def replay(
    connection: psycopg.Connection,
    asked: Asked,
    hand: Hand,
    *,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Read messages again and write what changes; ReplayRuns while another replay does.

    With a `limit` it stops after so many messages; asked again, it goes on there.
    """
    with _alone(connection):
        run = _Run(asked, _last_landed(connection))
        report = Report(gone_on_after=run.begin(connection, hand))
        while not report.finished and (limit is None or report.messages < limit):
            with connection.transaction():
                run.step(connection, report, by=run.by(hand))
            progress(report.messages)
        return report


def dry_run(
    connection: psycopg.Connection,
    asked: Asked,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Say what a replay would change; nothing is written."""
    run, report = _Run(asked, _last_landed(connection)), Report()
    while not report.finished:
        with connection.transaction():
            run.step(connection, report, by=None)
        progress(report.messages)
    return report


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    """Hold the one lock of replays; a replay that was just killed may still let go of it."""
    lock = {"lock": store.ONE_REPLAY}
    end = time.monotonic() + _PATIENCE
    while not _first(connection.execute(sql.get("replay.try_lock"), lock)):
        if time.monotonic() > end:
            row = connection.execute(sql.get("replay.running")).fetchone()
            raise ReplayRuns(
                ""
                if row is None
                else f"{row[0]} replays since {row[1]:%H:%M} and is at message {row[2]};"
                " wait for its end and ask again"
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(sql.get("replay.unlock"), lock)


def _first(cursor: psycopg.Cursor[tuple[object, ...]]) -> object:
    row = cursor.fetchone()
    return row[0] if row else None


@dataclass(slots=True)
class _Run:
    """Where a replay is."""

    asked: Asked
    to: int
    """The last message of when it began: later ones are validated by what is known today."""
    id: int = 0
    done_to: int = 0
    beside: set[int] = field(default_factory=set[int])
    """Messages that were judged with earlier ones."""
    told: set[int] = field(default_factory=set[int])
    """Messages that were judged together with others than those of their turn."""
    unwritten: dict[Key, Figure | None] = field(default_factory=dict[Key, Figure | None])
    """What a dry run would have changed so far: later messages are judged after it."""

    def begin(self, connection: psycopg.Connection, hand: Hand) -> int:
        """Go on with what was stopped, or begin; return after which message."""
        keys = {
            "asked": Jsonb(asdict(self.asked), dumps=_as_json),
            "known": _digest(connection),
            **asdict(hand),
        }
        row = (
            connection.execute(sql.get("replay.unfinished"), keys).fetchone()
            or connection.execute(sql.get("replay.begin"), keys).fetchone()
        )
        if row is not None:
            self.id, self.done_to = row
        return self.done_to

    def by(self, hand: Hand) -> store.By:
        return store.By(replay=self.id, who=hand.who, why=hand.why)

    def step(self, connection: psycopg.Connection, report: Report, *, by: store.By | None) -> None:
        """Judge the next messages, and write what changes if it is `by` somebody."""
        connection.execute(sql.get("replay.before_validate"), {"lock": store.BESIDE_VALIDATE})
        ids, last = _next(connection, self.asked, self.done_to, self.to)
        if last is None:
            report.finished = True
            if by is not None:
                connection.execute(sql.get("replay.finish"), {"replay": self.id})
            return
        today = reread.Today(intake.registry(connection), self.unwritten, self.told)
        for some in reread.messages(connection, set(ids) - self.beside, today, by):
            if by is None:
                self.unwritten |= {one.key: one.new for one in some.plan.changes}
            report.add(some.plan, len(some.landed))
            report.gone += some.gone
            self.beside |= {one for one in some.landed if one > last}
            if some.landed.keys() - set(ids):
                self.told |= some.landed.keys()
        self.beside = {one for one in self.beside if one > last}
        self.done_to = last
        if by is not None:
            connection.execute(sql.get("replay.advance"), {"replay": self.id, "done_to": last})


def _as_json(asked: object) -> str:
    return json.dumps(asked, default=str, sort_keys=True)


def _digest(connection: psycopg.Connection) -> str:
    """Return a digest of all that readings depend on beside their bytes."""
    known = (
        DECODER_VERSION,
        sorted(readings.devices(connection).items()),
        sorted(readings.assignments(connection).items()),
        sorted(mappings.kept(connection).items()),
    )
    return hashlib.sha256(repr(known).encode()).hexdigest()


def _last_landed(connection: psycopg.Connection) -> int:
    ((last,),) = connection.execute(sql.get("replay.last_landed")).fetchall()
    return int(last)


def _next(
    connection: psycopg.Connection, asked: Asked, after: int, to: int
) -> tuple[list[int], int | None]:
    """Return the next messages to read again, and the last that was looked at, None at the end."""
    query = "replay.next_refused" if asked.refused or asked.reason else "replay.next_landed"
    keys = {
        "after": after,
        "to": to,
        "messages": None if asked.messages is None else list(asked.messages),
        "reason": asked.reason,
        "gateway": asked.gateway,
        "decoder": asked.decoder,
        "received_from": asked.received_from,
        "received_to": asked.received_to,
        "limit": MESSAGES_AT_ONCE,
    }
    ids = [int(row[0]) for row in connection.execute(sql.get(query), keys)]
    if not ids:
        return [], None
    last = ids[-1]
    if asked.device is not None or asked.subject is not None or asked.decoder is not None:
        interest = {
            "ids": ids,
            "first": ids[0],
            "last": last,
            "devices": _devices(connection, asked),
            "subject": asked.subject,
            "decoder": asked.decoder,
        }
        rows = connection.execute(sql.get("replay.of_interest"), interest)
        ids = sorted(int(row[0]) for row in rows)
    return ids, last


def _devices(connection: psycopg.Connection, asked: Asked) -> list[int] | None:
    if asked.device is not None:
        return [asked.device]
    if asked.subject is None:
        return None
    rows = connection.execute(sql.get("replay.devices_of"), {"subject": asked.subject})
    return [int(row[0]) for row in rows]
