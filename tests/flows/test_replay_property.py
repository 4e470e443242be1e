"""Whatever changed in whatever order: replays end where a fresh validation of the landing begins.

The oracle is the validate flow itself, on an empty database that is given the same landed messages
and the registry, mappings and decoder of the end.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from balise.model import Decoded
from devices import weight_scale
from devices.payloads import balise_v1
from flows import intake, replay, reread, steps
from flows.aggregate import recompute
from flows.differences import Kind
from flows.replay import Asked, Hand
from sql import mappings, people

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HAND = Hand(who="test", why="property")
ADDRESSES = tuple(f"C0:00:00:00:00:0{number}" for number in range(4))
PATIENTS = ("p-one", "p-two", "p-three")
SEEDS = 12
STEPS = 40

MAPPING = """
name = "village"
title = "A scale's own application"
source = "made up for this test"
time = {{format = "iso", path = "at"}}
sequence = "n"
value = [{{metric = "{metric}", path = "{path}", unit = "{unit}"}}]
[[sample]]
document = '{{"at": "2026-02-01T07:00:00Z", "n": 1, "kg": 80, "g": 70}}'
expect = {{{metric} = "{expect} {unit}"}}
"""
MAPPINGS = (
    MAPPING.format(metric="body_weight", path="kg", unit="kg", expect=80),
    MAPPING.format(metric="body_weight", path="g", unit="kg", expect=70),
    MAPPING.format(metric="soft_lean_mass", path="kg", unit="kg", expect=80),
    MAPPING.format(metric="body_weight", path="kg", unit="[lb_av]", expect=80),
)


@dataclass
class Decoder:
    """The weight scale's decoder, which can be changed: to other values, times, or to raise."""

    patch: pytest.MonkeyPatch
    mode: str = "right"

    def version(self, number: int) -> None:
        for module in (replay, reread, intake):
            self.patch.setattr(module, "DECODER_VERSION", number)

    def change(self, data: bytes, found: tuple[Decoded, ...]) -> tuple[Decoded, ...]:
        if self.mode == "odd raise" and data[1] % 2:
            raise ZeroDivisionError
        return tuple(self.changed(one) for one in found)

    def changed(self, one: Decoded) -> Decoded:
        if self.mode == "heavier":
            values = tuple(
                msgspec.structs.replace(value, value=value.value + 1) for value in one.readings
            )
            return msgspec.structs.replace(one, readings=values)
        if self.mode == "another time" and one.readings[0].value % 2 > 1:
            return msgspec.structs.replace(one, taken_at=NOW - timedelta(days=9))
        return one


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Decoder:
    made = Decoder(monkeypatch)
    kind = type(weight_scale.CHARACTERISTICS[0])
    whole: Callable[..., tuple[Decoded, ...]] = kind.decode
    monkeypatch.setattr(kind, "decode", lambda self, data: made.change(data, whole(self, data)))
    return made


@dataclass
class World:
    """A line that lives, at random."""

    connection: psycopg.Connection
    chance: random.Random
    decoder: Decoder
    weight: Callable[..., bytes]
    send: Callable[..., None]
    bodies: list[bytes] = field(default_factory=list[bytes])
    numbered: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
    """Devices and moments of the documents, whose number is always the same."""
    met: Counter[Kind] = field(default_factory=Counter[Kind])

    def enrol(self) -> None:
        for code in PATIENTS:
            people.add_subject(self.connection, code, pathway="observation")
        self.give()

    def moment(self) -> datetime:
        return NOW - timedelta(days=self.chance.randrange(12), hours=self.chance.randrange(24))

    def land(self) -> None:
        """A commit of the receiver: what is new, what came before, and what contradicts that."""
        for gateway in ("home-one", "home-two"):
            bodies = [self.body() for _ in range(self.chance.randrange(1, 6))]
            self.bodies += bodies
            again = self.chance.choices(self.bodies, k=self.chance.randrange(4))
            self.send(self.connection, *bodies, *again, at=NOW, gateway=gateway)

    def body(self) -> bytes:
        device, at = self.chance.choice(ADDRESSES), self.moment()
        if self.chance.random() < 0.4:
            if self.numbered and self.chance.random() < 0.3:
                device, at = self.chance.choice(self.numbered)
            self.numbered.append((device, at))
            kilograms = self.chance.randrange(50, 90)
            document = f'{{"at": "{at.isoformat()}", "n": 1, "kg": {kilograms}}}'
            return balise_v1.encode_item(
                balise_v1.Item(
                    device=device, captured_at=NOW, convention="village", document=document
                )
            )
        return self.weight(f"{self.chance.randrange(500, 900) / 10}", at, device)

    def give(self) -> None:
        patient = people.find(self.connection, self.chance.choice(PATIENTS))
        assert patient
        since = NOW - timedelta(days=self.chance.randrange(14))
        people.give(self.connection, self.chance.choice(ADDRESSES), patient.id, since=since)

    def map(self) -> None:
        mappings.keep(self.connection, "village", self.chance.choice(MAPPINGS))

    def decode(self) -> None:
        self.decoder.mode = self.chance.choice(("right", "heavier", "odd raise", "another time"))
        self.decoder.version(self.chance.randrange(2, 5))

    def validate(self) -> None:
        steps.validate(self.connection)

    def aggregate(self) -> None:
        recompute(self.connection)

    def replay(self) -> None:
        """Some selection; the dry run says before what it does, and twice is once."""
        self.decoder.patch.setattr(replay, "MESSAGES_AT_ONCE", self.chance.choice((1, 3, 200)))
        asked = self.chance.choice(
            (
                Asked(refused=True),
                Asked(reason=self.chance.choice(("payload_unknown", "device_unassigned"))),
                Asked(device=1),
                Asked(subject=self.chance.randrange(1, 4)),
                Asked(gateway="home-one"),
                Asked(decoder=self.chance.randrange(2, 5)),
                Asked(messages=tuple(self.chance.choices(range(1, 30), k=3))),
            )
        )
        said = replay.dry_run(self.connection, asked)
        done = replay.replay(self.connection, asked, HAND)
        assert (said.counts, said.differences) == (done.counts, done.differences)
        for (kind, _), count in done.counts.items():
            self.met[kind] += count
        if not asked.refused and asked.reason is None:
            assert replay.replay(self.connection, asked, HAND).changed() == 0

    def live(self) -> None:
        every = (self.land, self.give, self.map, self.decode, self.replay, self.aggregate)
        for _ in range(STEPS):
            self.chance.choice(every)()
            if self.chance.random() < 0.7:
                self.validate()
        while steps.validate(self.connection).messages:
            pass
        replay.replay(self.connection, Asked(), HAND)
        while recompute(self.connection).windows:
            pass


def test_replays_end_where_a_fresh_validation_begins(
    new_database: Callable[[], str],
    decoder: Decoder,
    weight: Callable[..., bytes],
    send: Callable[..., None],
    unlike_a_fresh_validation: Callable[[psycopg.Connection], list[str]],
):
    met: Counter[Kind] = Counter()
    for seed in range(SEEDS):
        with psycopg.connect(new_database(), autocommit=True) as connection:
            chance = random.Random(seed)  # noqa: S311
            world = World(connection, chance, decoder, weight, send)
            world.enrol()
            world.live()
            assert unlike_a_fresh_validation(connection) == [], seed
            assert replay.replay(connection, Asked(), HAND).changed() == 0
            met += world.met
    assert met.keys() >= set(Kind) - {Kind.DISCARDED}, met
