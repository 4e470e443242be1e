"""Landing read again: what changes is a revision, what doesn't is left alone, accounts close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import pytest

from balise.errors import NotUnderstood
from balise.model import Decoded, Value
from devices import weight_scale
from devices.payloads import balise_v1, site
from devices.payloads.convention import Convention
from flows import replay, reread, steps
from flows.aggregate import Recomputed, recompute
from flows.differences import Kind
from flows.replay import Asked, Hand
from sql import people, readings, refused
from sql.readings import Accounting

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
HAND = Hand(who="nurse", why="a mended scale")
Weight = Callable[..., bytes]
Send = Callable[..., None]


def enrol(database: psycopg.Connection, *codes: str) -> list[int]:
    return [people.add_subject(database, code, pathway="heart_failure") for code in codes]


def aggregated(database: psycopg.Connection) -> int:
    return steps.drain(lambda: recompute(database), Recomputed()).windows


def rows(database: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query.encode()).fetchall()


@pytest.fixture
def next_decoder(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Change to a decoder of another version, which finds a kilogram more."""
    kind = type(weight_scale.CHARACTERISTICS[0])
    whole: Callable[..., tuple[Decoded, ...]] = kind.decode

    def decode(self: Any, data: bytes) -> tuple[Decoded, ...]:
        return tuple(
            msgspec.structs.replace(
                one,
                readings=tuple(
                    msgspec.structs.replace(value, value=value.value + 1) for value in one.readings
                ),
            )
            for one in whole(self, data)
        )

    def change() -> None:
        monkeypatch.setattr(kind, "decode", decode)
        monkeypatch.setattr(reread, "DECODER_VERSION", 9)

    return change


@pytest.fixture
def conventions(monkeypatch: pytest.MonkeyPatch) -> dict[str, Decoded | None]:
    """Conventions by name, as what their documents say; None can't be read."""
    said: dict[str, Decoded | None] = {}

    def read(name: str) -> tuple[Decoded, ...]:
        if (found := said[name]) is None:
            raise NotUnderstood("not any more")
        return (found,)

    class Known(dict[str, Convention]):
        def get(self, name: str, _default: object = None) -> Any:
            return Convention(name=name, title="", read=lambda _: read(name))

    monkeypatch.setattr(site, "conventions", lambda _: Known())
    return said


def weighed(kilograms: str, **more: Any) -> Decoded:
    value = Value(metric="body_weight", value=Decimal(kilograms), unit="kg")
    return Decoded(readings=(value,), **more)


def document(convention: str) -> bytes:
    return balise_v1.encode_item(
        balise_v1.Item(device=SCALE, captured_at=NOW, convention=convention, document="{}")
    )


def test_what_was_refused_becomes_a_reading_once_its_device_is_known(
    database: psycopg.Connection, weight: Weight, lands: Callable[..., Accounting]
):
    assert lands(weight("80", NOW)).refused == 1
    (subject,) = enrol(database, "p-one")
    people.give(database, SCALE, subject, since=NOW - timedelta(days=1))
    report = replay.replay(database, Asked(refused=True), HAND)
    assert report.counts == {(Kind.NEW, "body_weight"): 1}
    assert rows(database, "SELECT value FROM reading") == [(Decimal("80.000"),)]
    assert rows(database, "SELECT state, who FROM refused") == [("replayed", "nurse")]
    assert readings.account(database) == Accounting(messages=1, landed=1, accepted=1)
    assert aggregated(database) == 1
    assert replay.replay(database, Asked(refused=True), HAND).messages == 0
    assert replay.replay(database, Asked(), HAND).counts == {(Kind.UNCHANGED, "body_weight"): 1}


@pytest.mark.usefixtures("patient")
def test_another_value_keeps_the_old_one_with_who_when_and_why(
    database: psycopg.Connection,
    weight: Weight,
    lands: Callable[..., Accounting],
    next_decoder: Callable[[], None],
):
    lands(weight("80", NOW), weight("90", NOW - timedelta(days=3)))
    next_decoder()
    before = rows(database, "SELECT series, stamped_at, sequence FROM reading ORDER BY 2")
    replay.replay(database, Asked(received_from=NOW, gateway="home-one"), HAND)
    revisions = rows(
        database,
        "SELECT kind, who, why, old_value, new_value, old_decoder, new_decoder,"
        " old_subject = new_subject, revised_at > now() - interval '1 minute'"
        " FROM reading_revision ORDER BY stamped_at",
    )
    assert [row[3:5] for row in revisions] == [(90, 91), (80, 81)]
    assert revisions[0][:3] == ("changed", "nurse", "a mended scale")
    assert revisions[0][6:] == (9, True, True)
    assert rows(database, "SELECT value, decoder FROM reading ORDER BY stamped_at") == [
        (91, 9),
        (81, 9),
    ]
    assert rows(database, "SELECT series, stamped_at, sequence FROM reading ORDER BY 2") == before


def test_only_windows_of_changed_readings_are_computed_again(
    database: psycopg.Connection, patient: int, lands: Callable[..., Accounting], weight: Weight
):
    """A scale is another patient's since yesterday: two days move, eight stay."""
    lands(*(weight(f"8{day}", NOW - timedelta(days=day)) for day in range(10)))
    (other,) = enrol(database, "p-two")
    people.give(database, SCALE, other, since=NOW - timedelta(days=1))
    report = replay.replay(database, Asked(device=1), HAND)
    assert report.counts == {(Kind.CHANGED, "body_weight"): 2, (Kind.UNCHANGED, "body_weight"): 8}
    assert [one.was.keys() for one in report.differences] == [{"subject"}] * 2
    assert aggregated(database) == 4
    days = rows(
        database, "SELECT subject, count(*) FROM rollup WHERE size = 'day' GROUP BY 1 ORDER BY 1"
    )
    assert days == [(patient, 8), (other, 2)]
    assert (
        rows(database, "SELECT old_subject, new_subject FROM reading_revision")
        == [(patient, other)] * 2
    )
    last = rows(database, "SELECT subject, max(last_at) FROM dirty_window GROUP BY 1 ORDER BY 1")
    assert last == [(patient, NOW - timedelta(days=2)), (other, NOW)]


def test_what_is_nobodys_any_more_is_withdrawn_and_comes_back(
    database: psycopg.Connection, patient: int, lands: Callable[..., Accounting], weight: Weight
):
    lands(weight("80", NOW))
    kept = rows(database, "SELECT * FROM reading")
    database.execute("DELETE FROM assignment")
    report = replay.replay(database, Asked(), HAND)
    assert report.counts == {(Kind.NOW_REFUSED, "body_weight"): 1}
    assert report.differences[0].becomes == {"reason": "device_unassigned"}
    assert rows(database, "SELECT * FROM reading") == []
    assert rows(database, "SELECT kind, old_value, new_value FROM reading_revision") == [
        ("withdrawn", 80, None)
    ]
    assert rows(database, "SELECT state, reason FROM refused") == [("new", "device_unassigned")]
    assert readings.account(database) == Accounting(messages=1, landed=1, refused=1)
    aggregated(database)
    assert rows(database, "SELECT * FROM rollup") == []
    assert rows(database, "SELECT last_at FROM dirty_window") == [(None,)]
    people.give(database, SCALE, patient, since=NOW - timedelta(days=1))
    replay.replay(database, Asked(), HAND)
    assert rows(database, "SELECT * FROM reading") == kept
    assert [kind for (kind,) in rows(database, "SELECT kind FROM reading_revision")] == [
        "withdrawn",
        "new",
    ]


@pytest.mark.usefixtures("patient")
def test_bytes_read_as_another_moment_are_another_reading_linked_to_the_old(
    database: psycopg.Connection,
    lands: Callable[..., Accounting],
    conventions: dict[str, Decoded | None],
):
    conventions["village"] = weighed("80")
    lands(document("village"))
    conventions["village"] = weighed("80", taken_at=NOW - timedelta(days=2))
    report = replay.replay(database, Asked(), HAND)
    assert report.counts == {(Kind.REPLACED, "body_weight"): 1}
    ((stamped_at, became),) = rows(
        database,
        "SELECT stamped_at, became_stamped_at FROM reading_revision WHERE kind = 'withdrawn'",
    )
    assert (stamped_at, became) == (NOW, NOW - timedelta(days=2))
    assert rows(database, "SELECT stamped_at FROM reading") == [(became,)]
    assert readings.account(database) == Accounting(messages=1, landed=1, accepted=1)


@pytest.mark.usefixtures("patient")
def test_what_came_again_stands_in_for_what_is_withdrawn(
    database: psycopg.Connection,
    lands: Callable[..., Accounting],
    conventions: dict[str, Decoded | None],
):
    """Both claim one key: device, metric, moment, and the same document."""
    conventions |= {"first": weighed("80"), "second": weighed("81")}
    assert lands(document("first")).accepted == 1
    assert lands(document("second")).duplicate == 1
    conventions["first"] = None
    report = replay.replay(database, Asked(messages=(1,)), HAND)
    assert report.counts == {(Kind.CHANGED, "body_weight"): 1, (Kind.NOW_REFUSED, ""): 1}
    assert rows(database, "SELECT value, landing FROM reading") == [(81, 2)]
    assert rows(database, "SELECT * FROM duplicate") == []
    conventions["first"] = weighed("80")
    replay.replay(database, Asked(messages=(1,)), HAND)
    assert rows(database, "SELECT value, landing FROM reading") == [(80, 1)]
    assert rows(database, "SELECT landing FROM duplicate") == [(2,)]
    accounts = rows(database, "SELECT accepted, duplicate, refused FROM account ORDER BY batch")
    assert accounts == [(1, 0, 0), (0, 1, 0)]


def test_a_batch_of_before_duplicates_were_noted_is_read_whole(
    database: psycopg.Connection, lands: Callable[..., Accounting], weight: Weight
):
    lands(weight("80", NOW), weight("80", NOW), weight("1", NOW))
    (subject,) = enrol(database, "p-one")
    people.give(database, SCALE, subject, since=NOW - timedelta(days=90))
    replay.replay(database, Asked(), HAND)
    database.execute("DELETE FROM duplicate")
    database.execute("UPDATE landing_batch SET traced = false")
    replay.replay(database, Asked(messages=(1,)), HAND)
    assert rows(database, "SELECT item FROM duplicate") == [(1,)]
    assert rows(database, "SELECT traced FROM landing_batch") == [(True,)]
    assert readings.account(database) == Accounting(
        messages=1, landed=3, accepted=1, duplicate=1, refused=1
    )


def test_a_dry_run_writes_nothing(
    database: psycopg.Connection, patient: int, lands: Callable[..., Accounting], weight: Weight
):
    lands(weight("80", NOW), weight("80", NOW), weight("81", NOW, "unknown"))
    people.give(database, SCALE, *enrol(database, "p-two"), since=NOW - timedelta(days=1))
    people.give(database, "unknown", patient, since=NOW - timedelta(days=1))
    everything = whole(database)
    report = replay.dry_run(database, Asked())
    assert {kind for kind, _ in report.counts} == {Kind.CHANGED, Kind.NEW, Kind.DUPLICATE}
    assert whole(database) == everything


def whole(database: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    names = rows(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        name: rows(database, f"SELECT to_jsonb(t)::text FROM {name} AS t ORDER BY 1")  # noqa: S608
        for (name,) in names
    }


def test_what_can_not_be_stored_is_refused_alone(
    database: psycopg.Connection,
    patient: int,
    lands: Callable[..., Accounting],
    conventions: dict[str, Decoded | None],
):
    conventions |= {"right": weighed("80"), "wrong": weighed("81")}
    lands(document("right"))
    lands(weight_of("wrong"), document("right"))
    conventions["right"] = weighed("82")
    conventions["wrong"] = weighed("75." + "1" * 20_000)
    report = replay.replay(database, Asked(), HAND)
    assert (report.of(Kind.CHANGED), report.of(Kind.NOW_REFUSED)) == (1, 1)
    assert rows(database, "SELECT value FROM reading") == [(82,)]
    assert rows(database, "SELECT landing, item, reason FROM refused") == [(2, 0, "decoder_error")]
    assert replay.replay(database, Asked(), HAND).changed() == 0


def weight_of(convention: str) -> bytes:
    return balise_v1.encode_item(
        balise_v1.Item(
            device=SCALE,
            captured_at=NOW - timedelta(hours=1),
            convention=convention,
            document='{"another": 1}',
        )
    )


def test_a_discarded_part_stays_what_was_decided_and_its_neighbour_goes_on(
    database: psycopg.Connection,
    patient: int,
    lands: Callable[..., Accounting],
    conventions: dict[str, Decoded | None],
):
    def says(second: str, **more: Any) -> None:
        first = Value(metric="body_weight", value=Decimal(80), unit="kg")
        other = Value(metric="body_weight", value=Decimal(second), unit="kg", position=1)
        conventions["two"] = Decoded(readings=(first, other), **more)

    says("0.1")
    lands(document("two"))
    which = refused.Which(landing=1, item=0, part=1)
    assert refused.discard(database, which, who="nurse", note="a bag, not a person") == 1
    account = Accounting(messages=1, landed=2, accepted=1, refused=1)
    says("81")
    report = replay.replay(database, Asked(), HAND)
    assert report.counts == {(Kind.UNCHANGED, "body_weight"): 1, (Kind.DISCARDED, ""): 1}
    assert readings.account(database) == account
    people.give(database, SCALE, *enrol(database, "p-two"), since=NOW - timedelta(days=9))
    says("81", taken_at=NOW - timedelta(days=1))
    report = replay.replay(database, Asked(), HAND)
    assert report.counts == {(Kind.REPLACED, "body_weight"): 1, (Kind.DISCARDED, ""): 1}
    assert rows(database, "SELECT value, subject FROM reading") == [(80, patient + 1)]
    assert readings.account(database) == account
    assert refused.reopen(database, which, who="nurse") == 1
    replay.replay(database, Asked(), HAND)
    assert rows(database, "SELECT value FROM reading ORDER BY 1") == [(80,), (81,)]
    assert readings.account(database) == Accounting(messages=1, landed=2, accepted=2)
