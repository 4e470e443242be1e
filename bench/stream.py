"""Heart rates of many homes as their gateways send them, and the same for whoever reads rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import psycopg

from devices.payloads import balise_v1
from sql import people

SERVICE, CHARACTERISTIC = "180D", "2A37"


def yesterday() -> datetime:
    """Return a moment whose next hours are past, so that no reading comes from the future."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Message:
    """What one home sends at once: its readings from one number on."""

    home: int
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Homes with a strap each, which measure together; `every` is in seconds.

    A `backlog` waited at the gateways and goes after what is measured now.
    """

    homes: int
    readings: int
    per_message: int
    every: float = 1.0
    start: datetime = field(default_factory=yesterday)
    name: str = "bench"
    backlog: bool = False

    @property
    def count(self) -> int:
        """How many readings there are: as many of every home, in whole messages."""
        return self._turns * self.homes * self.per_message

    @property
    def _turns(self) -> int:
        return max(1, self.readings // (self.homes * self.per_message))

    def messages(self) -> Iterator[Message]:
        """Yield the messages in the order in which they come: the homes take turns."""
        for turn in range(self._turns):
            for home in range(self.homes):
                yield Message(home, turn * self.per_message, self.per_message)

    def gateway(self, home: int) -> str:
        """Return the name of a home's gateway."""
        return f"{self.name}-{home:04d}"

    def address(self, home: int) -> str:
        """Return the address of a home's strap."""
        return _address(self.gateway(home))

    def moment(self, number: int) -> datetime:
        """Return when a reading is taken."""
        return self.start + timedelta(seconds=self.every * number)

    def epoch(self, home: int) -> UUID:
        """Return the number of a home's spool."""
        return _epoch(self.gateway(home))

    def sessions(self) -> list[str]:
        """Return a new session of each home: from a strap's being put on to its being taken off."""
        return [str(uuid4()) for _ in range(self.homes)]

    def encoded(
        self, messages: Iterable[Message], sessions: Sequence[str] = ()
    ) -> Iterator[tuple[str, bytes]]:
        """Yield topic and payload of messages as gateways send them, in sessions of their own."""
        sessions = sessions or self.sessions()
        for one in messages:
            items = [
                (number + 1, self._item(one.home, number, sessions[one.home]))
                for number in range(one.first, one.first + one.count)
            ]
            payload = balise_v1.encode_message(self.epoch(one.home), items, backlog=self.backlog)
            yield f"balise/v1/{self.gateway(one.home)}/frames", payload

    def _item(self, home: int, number: int, session: str) -> bytes:
        return balise_v1.encode_item(
            balise_v1.Item(
                device=self.address(home),
                captured_at=self.moment(number),
                session=session,
                service=SERVICE,
                characteristic=CHARACTERISTIC,
                data=f"00{beats(home, number):02x}",
            )
        )

    def enrol(self, database_url: str) -> None:
        """Enrol the homes, each with its patient and strap."""
        since = self.start - timedelta(days=400)
        with psycopg.connect(database_url) as connection:
            for home in range(self.homes):
                name = self.gateway(home)
                subject = people.add_subject(connection, name, pathway="observation")
                people.add_gateway(connection, name)
                people.give(connection, self.address(home), subject, since=since, gateway=name)


@cache
def _address(gateway: str) -> str:
    return "C0:00:" + uuid5(NAMESPACE_URL, gateway).bytes[:4].hex(":").upper()


@cache
def _epoch(gateway: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"spool of {gateway}")


def beats(home: int, number: int) -> int:
    """Return a heart rate that wanders, so that neighbours differ."""
    return 55 + (home * 7 + number * 11 + number // 60) % 60
