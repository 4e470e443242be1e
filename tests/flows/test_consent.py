"""What a patient agreed to holds along the line: nothing is taken, missed or sent without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from balise.errors import ConsentWithdrawn
from care.plan import Plan
from flows import delivery, judging, steps
from sql import people, plans

pytestmark = pytest.mark.stack

Weight, Send = Callable[..., bytes], Callable[..., None]
HOUR = timedelta(hours=1)
NOW, SCALE = datetime(2026, 11, 25, 12, tzinfo=UTC), "C0:00:00:00:00:01"
NOTHING, MONITORING, BOTH = "{}", "{monitoring}", "{monitoring,sharing}"


def agrees(database: psycopg.Connection, subject: int, scope: str, at: datetime) -> None:
    database.execute(
        "INSERT INTO consent (subject, sheet, scope, way, who, at)"
        " VALUES (%s, '2026-11', %s, 'paper', 'nurse', %s)",
        (subject, scope, at),
    )


def weights(database: psycopg.Connection) -> list[tuple[int, int]]:
    """Return whose each weight is, and the weight."""
    rows = database.execute("SELECT subject, value FROM reading ORDER BY value").fetchall()
    return [(subject, int(value)) for subject, value in rows]


def test_what_is_measured_after_a_withdrawal_is_no_reading_and_what_was_before_is(
    database: psycopg.Connection, database_url: str, patient: int, weight: Weight, send: Send
):
    agrees(database, patient, BOTH, NOW - 9 * HOUR)
    agrees(database, patient, NOTHING, NOW - 2 * HOUR)
    send(database, weight("71", NOW - 3 * HOUR), weight("72", NOW - HOUR))
    steps.run_line(database_url, NOW)
    assert weights(database) == [(patient, 71)]
    assert database.execute("SELECT reason FROM refused").fetchall() == [("device_unassigned",)]


def test_no_device_is_given_to_who_does_not_agree(database: psycopg.Connection, patient: int):
    agrees(database, patient, NOTHING, NOW)
    with pytest.raises(ConsentWithdrawn):
        people.give(database, "C0:00:00:00:00:02", patient, since=NOW)
    agrees(database, patient, MONITORING, NOW + HOUR)
    people.give(database, "C0:00:00:00:00:02", patient, since=NOW)
    row = database.execute(
        "SELECT during = tstzrange(%s, NULL) FROM assignment JOIN device ON device.id = device"
        " WHERE address = 'C0:00:00:00:00:02'",
        (NOW + HOUR,),
    )
    assert row.fetchall() == [(True,)]


def test_what_was_measured_while_they_did_not_agree_is_given_to_them_by_nobody(
    database: psycopg.Connection, database_url: str, patient: int, weight: Weight, send: Send
):
    """Not afterwards either: `balise devices give --from` and imports reach back for years."""
    agrees(database, patient, NOTHING, NOW - 6 * HOUR)
    agrees(database, patient, MONITORING, NOW - 2 * HOUR)
    with pytest.raises(ConsentWithdrawn):
        people.give(database, SCALE, patient, since=NOW - 5 * HOUR)
    new = "C0:00:00:00:00:02"
    people.give(database, new, patient, since=datetime(1900, 1, 1, tzinfo=UTC))
    hours = (7, 5, 1)
    send(database, *(weight(f"{70 + hour}", NOW - hour * HOUR, new) for hour in hours))
    steps.run_line(database_url, NOW)
    assert weights(database) == [(patient, 71), (patient, 77)]


def test_who_withdraws_twice_has_their_devices_again_as_who_did_it_once(
    database: psycopg.Connection, patient: int
):
    for hours in (9, 6):
        agrees(database, patient, NOTHING, NOW - hours * HOUR)
    agrees(database, patient, MONITORING, NOW - HOUR)
    assert database.execute(
        "SELECT count(*) FROM assignment WHERE subject = %s AND during @> %s", (patient, NOW)
    ).fetchone() == (1,)


def test_who_agrees_anew_has_their_devices_again_and_not_what_is_another_s(
    database: psycopg.Connection, database_url: str, patient: int, weight: Weight, send: Send
):
    shared = "C0:00:00:00:00:02"
    people.give(database, shared, patient, since=NOW - timedelta(days=9))
    another = people.add_subject(database, "p-two", pathway="heart_failure")
    agrees(database, patient, NOTHING, NOW - 6 * HOUR)
    people.give(database, shared, another, since=NOW - 5 * HOUR)
    agrees(database, patient, MONITORING, NOW - 4 * HOUR)
    send(
        database,
        *(weight("71", NOW - 5 * HOUR), weight("72", NOW - 3 * HOUR)),
        *(weight("73", NOW - 3 * HOUR, shared), weight("74", NOW - 7 * HOUR, shared)),
    )
    steps.run_line(database_url, NOW)
    assert weights(database) == [(patient, 72), (another, 73), (patient, 74)]


def test_a_user_of_a_shared_device_agrees_for_themselves(
    database: psycopg.Connection, patient: int
):
    another = people.add_subject(database, "p-two", pathway="heart_failure")
    for slot, subject in ((1, patient), (2, another)):
        people.give(database, SCALE, subject, since=NOW - HOUR, slot=slot)
    agrees(database, patient, NOTHING, NOW)
    still = database.execute(
        "SELECT subject, slot FROM assignment WHERE during @> %s", (NOW + HOUR,)
    ).fetchall()
    assert still == [(another, 2)]


def test_nobody_misses_the_measurements_of_who_has_withdrawn(
    database: psycopg.Connection, patient: int
):
    plans.sign(database, patient, Plan().content(), over=0, who="doctor")
    agrees(database, patient, MONITORING, NOW - timedelta(days=60))
    agrees(database, patient, NOTHING, NOW - timedelta(days=30))
    assert judging.assess(database, NOW, everyone=True).raised == 0
    agrees(database, patient, MONITORING, NOW - timedelta(days=9))
    assert judging.assess(database, NOW, everyone=True).raised == 1


@pytest.mark.parametrize("scope", [NOTHING, MONITORING])
def test_nothing_is_sent_of_who_keeps_it_to_their_team(
    scope: str,
    database: psycopg.Connection,
    database_url: str,
    patient: int,
    weight: Weight,
    send: Send,
):
    plans.sign(database, patient, Plan().content(), over=0, who="doctor")
    for back, kilograms in ((2, "75.0"), (0, "78.0")):
        send(database, weight(kilograms, NOW - timedelta(days=back, hours=4)))
    steps.run_line(database_url, NOW)
    posted: list[bytes] = []

    def deliver(*, held: bool) -> delivery.Delivered:
        def post(body: bytes) -> delivery.Answer:
            posted.append(body)
            return delivery.Answer(200 if held else 503, "", held=held)

        return delivery.deliver(database, NOW, post, language="fr")

    assert deliver(held=False).queued == 4  # two days, a signal, a week's report
    posted.clear()
    agrees(database, patient, scope, NOW)
    database.execute("UPDATE outbox SET due_at = queued_at")
    assert deliver(held=True) == delivery.Delivered()
    send(database, weight("79.0", NOW - timedelta(days=1)))  # NOW is before the withdrawal
    steps.run_line(database_url, NOW)
    assert deliver(held=True) == delivery.Delivered()
    assert posted == []
    agrees(database, patient, BOTH, NOW + HOUR)
    assert deliver(held=True).delivered == len(posted) > 4
