"""Bundles to a FHIR server made for this test: it checks what it gets, goes down, and refuses.

What PyPI and npm have are frameworks without a store (docs/fhir.md); this one speaks real HTTP,
puts a transaction's entries where they say, and refuses what R4's definitions call wrong.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from balise.errors import UsageError
from care.fhir.checker import check
from care.plan import Plan
from devices.payloads import balise_v1
from flows import delivery, replay, steps
from flows.delivery import Delivered
from flows.replay import Asked, Hand
from sql import people, plans, rows

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
Weight = Callable[..., bytes]
Send = Callable[..., None]


@dataclass(slots=True)
class Hospital:
    """What the other system holds, by `Type/id`, and what it answers instead when told so."""

    url: str = ""
    held: dict[str, Any] = field(default_factory=dict[str, Any])
    answers: list[int] = field(default_factory=list[int])
    problems: list[str] = field(default_factory=list[str])
    tokens: set[str] = field(default_factory=set[str])

    async def take(self, request: Request) -> Response:
        """Take a transaction whole, or none of it."""
        self.tokens.add(request.headers.get("authorization", ""))
        if self.answers:
            return Response("busy\nsee the log", status_code=self.answers.pop(0))
        bundle = json.loads(await request.body())
        self.problems += map(str, check(bundle))
        if self.problems:
            return JSONResponse({"resourceType": "OperationOutcome"}, 422)
        for entry in bundle["entry"]:
            self.held[entry["request"]["url"]] = entry["resource"]
        return JSONResponse({"resourceType": "Bundle", "type": "transaction-response"})

    def kinds(self) -> dict[str, int]:
        """Count what is held by type."""
        kinds = [one.partition("/")[0] for one in self.held]
        return {one: kinds.count(one) for one in sorted(set(kinds))}


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    one = Hospital()
    app = Starlette(routes=[Route("/fhir", one.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    one.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/fhir"
    yield one
    server.should_exit = True
    thread.join()


@pytest.fixture
def followed(database: psycopg.Connection, patient: int) -> int:
    people.set_identity(database, patient, family="Exemple", given="Jeanne", sex="female")
    plans.sign(database, patient, Plan().content(), over=0, who="doctor")
    return patient


def deliver(database: psycopg.Connection, hospital: Hospital, now: datetime = NOW) -> Delivered:
    with delivery.posting(hospital.url, "a-token") as post:
        return delivery.deliver(database, now, post, language="fr")


def test_readings_signals_and_a_report_arrive_once(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    for back, kilograms in ((2, "75.0"), (1, "75.1"), (0, "78.0")):
        send(database, weight(kilograms, NOW - timedelta(days=back, hours=4)))
    steps.run_line(database_url, NOW)
    done = deliver(database, hospital)
    assert hospital.problems == []
    assert done == Delivered(queued=5, delivered=5)  # three days, a signal, a week's report
    kinds = hospital.kinds()
    assert kinds["Patient"] == kinds["Device"] == kinds["Flag"] == kinds["DiagnosticReport"] == 1
    weights = [one for one in hospital.held.values() if _is_of(one, "29463-7")]
    assert sorted(one["valueQuantity"]["value"] for one in weights) == [75, 75.1, 78]
    assert hospital.tokens == {"Bearer a-token"}
    written = "SELECT who, action, what, patients, count(*) FROM audit GROUP BY 1, 2, 3, 4"
    left = [("balise", "export", "FHIR delivery", [followed], 5)]
    assert database.execute(written).fetchall() == left
    assert deliver(database, hospital) == Delivered()


def _is_of(resource: Any, code: str) -> bool:
    codings = resource.get("code", {}).get("coding", ())
    return any(one["code"] == code for one in codings)


def test_a_day_that_changed_is_sent_as_it_is_now(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    send(database, weight("75.0", NOW - timedelta(hours=4)))
    steps.run_line(database_url, NOW)
    deliver(database, hospital)
    before = hospital.kinds()["Observation"]
    send(database, weight("75.2", NOW - timedelta(hours=3)))
    steps.run_line(database_url, NOW)
    assert deliver(database, hospital).delivered == 1
    assert hospital.kinds()["Observation"] == before + 1


def test_what_is_anothers_now_is_put_in_its_place(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    send(
        database, weight("75.0", NOW - timedelta(hours=4)), weight("75.2", NOW - timedelta(days=1))
    )
    steps.run_line(database_url, NOW)
    deliver(database, hospital)
    other = people.add_subject(database, "p-two", pathway="observation")
    people.set_identity(database, other, family="Autre", given="Paul")
    people.give(database, SCALE, other, since=NOW - timedelta(hours=5))
    replay.replay(database, Asked(), Hand(who="nurse", why="it was his by then"))
    steps.run_line(database_url, NOW)
    deliver(database, hospital)
    assert hospital.problems == []
    found = [one for one in hospital.held.values() if _is_of(one, "29463-7")]
    told = {(one["subject"]["reference"], one["status"]) for one in found}
    # An id names a device's measurement: whoever it is of now has put it there last.
    assert told == {("Patient/balise-p-one", "final"), ("Patient/balise-p-two", "final")}


def test_what_is_nobodys_now_is_entered_in_error(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    send(database, weight("75.0", NOW - timedelta(hours=4)))
    steps.run_line(database_url, NOW)
    deliver(database, hospital)
    database.execute(
        "INSERT INTO reading_revision (series, stamped_at, sequence, kind, old_value, old_decoder,"
        " why, old_subject, old_taken_at)"
        " SELECT series, stamped_at, sequence + 1, 'withdrawn', 91, 1, '', subject, taken_at"
        " FROM reading"
    )
    database.execute("UPDATE dirty_window SET generation = generation + 1, done = generation + 1")
    assert deliver(database, hospital).delivered == 1
    found = [one for one in hospital.held.values() if _is_of(one, "29463-7")]
    told = {(one["valueQuantity"]["value"], one["status"]) for one in found}
    assert told == {(75, "final"), (91, "entered-in-error")}


def test_a_closed_signal_ends_its_flag(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    send(database, weight("75.0", NOW - timedelta(days=2)), weight("78.0", NOW))
    steps.run_line(database_url, NOW)
    deliver(database, hospital)
    (flag,) = (one for key, one in hospital.held.items() if key.startswith("Flag/"))
    assert flag["status"] == "active"
    later = NOW + timedelta(days=1)
    send(database, weight("75.2", later), at=later)
    steps.run_line(database_url, later)
    deliver(database, hospital, later)
    (flag,) = (one for key, one in hospital.held.items() if key.startswith("Flag/"))
    assert flag["status"] == "inactive"


@pytest.fixture
def one_day(
    database: psycopg.Connection, database_url: str, patient: int, send: Send, weight: Weight
) -> None:
    """One bundle to send: a day of somebody whom no rule judges."""
    database.execute("UPDATE subject SET pathway = 'observation'")
    send(database, weight("75.0", NOW - timedelta(hours=4)))
    steps.run_line(database_url, NOW)
    database.execute("DELETE FROM summary")


@pytest.mark.usefixtures("one_day")
def test_a_server_that_is_down_gets_it_later(database: psycopg.Connection, hospital: Hospital):
    hospital.answers = [503]
    assert deliver(database, hospital) == Delivered(queued=1, put_off=1)
    assert deliver(database, hospital) == Delivered()  # not before its time
    hospital.answers = [429]
    assert deliver(database, hospital, NOW + timedelta(minutes=2)) == Delivered(put_off=1)
    (row,) = rows.named(database, "fhir.outbox")
    assert (row["state"], row["attempts"], row["answer"]) == ("waiting", 2, "busy")
    assert deliver(database, hospital, NOW + timedelta(hours=1)) == Delivered(delivered=1)


@pytest.mark.usefixtures("one_day")
def test_nobody_there_is_no_crash(database: psycopg.Connection):
    nobody = Hospital(url="http://127.0.0.1:9/fhir")
    assert deliver(database, nobody) == Delivered(queued=1, put_off=1)
    (row,) = rows.named(database, "fhir.outbox")
    assert row["answer"] == "ConnectError"


@pytest.mark.usefixtures("one_day")
def test_what_is_refused_stays_until_somebody_sends_it_again(
    database: psycopg.Connection, hospital: Hospital
):
    hospital.answers = [422]
    assert deliver(database, hospital) == Delivered(queued=1, refused=1)
    assert deliver(database, hospital, NOW + timedelta(days=1)) == Delivered()
    (row,) = rows.named(database, "fhir.outbox")
    assert (row["state"], row["answer"]) == ("refused", "busy")
    database.execute("UPDATE outbox SET state = 'waiting', due_at = '2026-11-26'")
    assert deliver(database, hospital, NOW + timedelta(days=2)) == Delivered(delivered=1)


@pytest.mark.usefixtures("one_day")
def test_a_run_cut_short_in_mid_post_sends_it_again(
    database: psycopg.Connection, hospital: Hospital
):
    def cut(_body: bytes) -> delivery.Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        delivery.deliver(database, NOW, cut, language="fr")
    assert deliver(database, hospital) == Delivered()  # it may still be on its way
    assert deliver(database, hospital, NOW + delivery.LEASE) == Delivered(delivered=1)


@pytest.mark.usefixtures("one_day")
@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_page_to_sign_in_or_a_wrong_address_refuses_nothing(
    database: psycopg.Connection, hospital: Hospital, status: int
):
    hospital.answers = [status]
    assert deliver(database, hospital) == Delivered(queued=1, put_off=1)
    assert deliver(database, hospital, NOW + timedelta(hours=1)) == Delivered(delivered=1)


def test_one_that_is_never_taken_holds_up_no_other(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    for back in (2, 1, 0):
        send(database, weight("75.0", NOW - timedelta(days=back, hours=4)))
    steps.run_line(database_url, NOW)
    hospital.answers = [500]
    assert deliver(database, hospital) == Delivered(queued=4, delivered=3, put_off=1)


def test_what_is_newer_takes_the_place_of_what_nobody_took(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    database.execute("UPDATE subject SET pathway = 'observation'")
    send(database, weight("75.0", NOW - timedelta(hours=4)))
    steps.run_line(database_url, NOW)
    hospital.answers = [503]
    deliver(database, hospital)
    send(database, weight("75.2", NOW - timedelta(hours=3)))
    steps.run_line(database_url, NOW)
    assert deliver(database, hospital) == Delivered(queued=1, delivered=1)
    assert rows.named(database, "fhir.outbox")[0]["state"] == "delivered"
    weights = [one for one in hospital.held.values() if _is_of(one, "29463-7")]
    assert sorted(one["valueQuantity"]["value"] for one in weights) == [75, 75.2]


def test_another_metric_of_the_same_day_is_sent_too(
    database: psycopg.Connection,
    database_url: str,
    followed: int,
    hospital: Hospital,
    send: Send,
    weight: Weight,
):
    send(database, weight("75.0", NOW - timedelta(hours=4)))
    steps.run_line(database_url, NOW)
    deliver(database, hospital)
    send(database, temperature("36.6", NOW - timedelta(hours=3)))
    steps.run_line(database_url, NOW)
    assert deliver(database, hospital).delivered == 1
    assert [one for one in hospital.held.values() if _is_of(one, "8310-5")]


def temperature(celsius: str, at: datetime) -> bytes:
    raw = int(Decimal(celsius) * 10).to_bytes(3, "little") + b"\xff"
    return balise_v1.encode_item(
        balise_v1.Item(
            device=SCALE,
            captured_at=at,
            service="1809",
            characteristic="2A1C",
            data=(b"\x00" + raw).hex(),
        )
    )


@pytest.mark.usefixtures("one_day")
def test_two_runs_at_once_are_one(database: psycopg.Connection, database_url: str):
    with psycopg.connect(database_url, autocommit=True) as other:
        answers: list[Delivered] = []

        def post(_body: bytes) -> delivery.Answer:
            answers.append(delivery.deliver(other, NOW, post, language="fr"))
            return delivery.Answer(200, "", held=True)

        assert delivery.deliver(database, NOW, post, language="fr") == Delivered(1, 1)
    assert answers == [Delivered()]


@pytest.mark.usefixtures("one_day")
def test_the_bytes_of_what_was_delivered_go_after_a_month(
    database: psycopg.Connection, hospital: Hospital
):
    deliver(database, hospital)
    database.execute("UPDATE outbox SET ended_at = %s", (NOW - timedelta(days=31),))
    deliver(database, hospital)
    assert database.execute("SELECT body, state FROM outbox").fetchall() == [(b"", "delivered")]


@pytest.mark.parametrize("url", ["http://fhir.example.org/r4", "http://192.0.2.7/r4", "ftp://x"])
def test_nothing_is_sent_where_somebody_on_the_way_could_read_it(url: str):
    with pytest.raises(UsageError, match="https"), delivery.posting(url, ""):
        pass
