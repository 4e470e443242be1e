"""Each bench on the real parts, small: what it prints is of the shape that a run in earnest has."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from balise.__main__ import app
from balise.errors import UsageError
from balise.stack import Stack
from bench import copying
from bench.apart import apart
from bench.beside import beside, find
from bench.catching_up import CatchingUp, backlog, live
from bench.clinic import Clinic
from bench.growth import Growth
from bench.landing import Landing
from bench.query import Asking
from bench.receiving import Receiving
from bench.site import Site, standing, validating
from bench.soak import Soak
from bench.stream import Stream
from bench.validate import Validating, validate
from bench.whole import Whole
from care.web import pages

pytestmark = pytest.mark.stack

STREAM = Stream(homes=4, readings=2000, per_message=50)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with standing() as stands:
        STREAM.enrol(stands.line.settings.database_url)
        yield stands


@pytest.fixture(scope="module")
def line(site: Site) -> Iterator[Site]:
    with validating(site, flows=False) as whole:
        yield whole


def test_the_receiver_beside_copy_of_its_batches_and_a_bare_client(site: Site):
    found: dict[str, Any] = Receiving(site, STREAM).measure(1)
    assert found["messages"] == 40
    assert list(found["ways"]) == ["copy", "receiver", "bare"]
    assert list(found["ratios"]) == ["receiver / copy", "receiver / bare"]
    assert found["ways"]["receiver"]["processor_seconds_a_million"].keys() == {
        *("receiver", "postgres", "broker", "all")
    }


def test_the_line_beside_copy_of_its_rows_and_the_tutorial(line: Site):
    with beside(line, STREAM, find(["tutorial"])) as peers:
        found: dict[str, Any] = Whole(line, STREAM).measure(1, peers)
    assert list(found["ways"]) == ["copy", "line", "tutorial"]
    assert list(found["ratios"]) == ["line / copy", "line / tutorial"]
    assert list(found["processor_ratios"]) == ["line / copy"]
    assert found["megabytes_at_most"].keys() == {"receiver", "validate"}


def test_the_limit_is_the_same_rows_in_the_same_table(line: Site):
    Whole(line, STREAM).once()
    connection = line.connection
    readings = copying.table(connection, "reading_key")
    rows = "SELECT * FROM reading ORDER BY series, stamped_at, sequence"
    before = connection.execute(rows).fetchall()
    ready = copying.chunks(connection, readings, 300)
    values = copying.values(connection, readings, 300)
    assert len(ready) == 7
    for load in (
        lambda: copying.load(connection, readings, ready),
        lambda: copying.encode_and_load(connection, values),
    ):
        line.empty()
        assert line.stored() == 0
        load()
        assert connection.execute(rows).fetchall() == before


def test_a_stream_that_comes_again_adds_no_row(line: Site):
    found: dict[str, Any] = Whole(line, STREAM).again(1)
    assert found["extra_rows"] == 0
    assert list(found["ratios"]) == ["again / clean", "hit / clean"]


def test_a_line_that_loses_has_no_figures(line: Site):
    Whole(line, STREAM).once()
    line.connection.execute("DELETE FROM duplicate")
    with pytest.raises(RuntimeError, match="2000 readings are stored, 2001 were sent"):
        line.check(2001)


def test_what_a_reading_takes_on_the_disk(line: Site):
    found = Whole(line, STREAM).disk()
    readings = copying.table(line.connection, "reading_key").name
    assert found.keys() == {readings, "landing"}
    assert found["landing"]["total"] > 0


def test_those_who_go_on_beside_a_backlog(line: Site):
    those = live(2)
    those.enrol(line.line.settings.database_url)
    found: dict[str, Any] = CatchingUp(line, backlog(STREAM.homes, 2000), those).measure()
    assert found["readings"] == 2000
    assert found["live"]["readings"] >= 1
    assert found["live"]["max_seconds"] < 60


def test_homes_that_go_on_and_on(line: Site):
    stream = live(20)
    stream.enrol(line.line.settings.database_url)
    line.empty()
    found: dict[str, Any] = Soak(line, stream, minute=2.0).measure(2)
    assert found["sent"] > 20 * 2
    assert found["accounts"]["accepted"] == found["sent"]
    assert [one.keys() for one in found["megabytes_at_most"]] == 2 * [{"receiver", "validate"}]
    assert len(found["waiting"]) == 2


def test_a_new_reading_where_many_are_stored(line: Site):
    found: dict[str, Any] = Growth(line, STREAM).measure(10_000, 1)
    assert found["stored"] == [10_000, 10_000]
    assert line.stored() == 10_000 + 2 * STREAM.count


def test_validate_alone_beside_optimistic_copy(
    stack: Stack, database: psycopg.Connection, database_url: str
):
    STREAM.enrol(database_url)
    with apart(database_url, validate) as step:
        found: dict[str, Any] = Validating(database, step, stack.pid("postgres"), STREAM).measure(1)
    assert list(found["ratios"]) == ["validate / copy", "validate / encode and copy"]


def test_messages_to_the_landing(site: Site):
    site.empty()
    waits = Landing(site.line, Stream(homes=4, readings=40, per_message=1)).measure()
    assert len(waits) == 39
    # By two looks at the machine's clock, which somebody may set meanwhile.
    assert -1 < min(waits) <= max(waits) < 30


def test_what_the_pages_ask(database_url: str):
    clinic = Clinic(patients=3, days=2, a_day=1)
    assert clinic.build(database_url) == 5 * (2 * 1440 + 2 * 2)
    with psycopg.connect(database_url, autocommit=True) as connection:
        densest = pages.patient(connection, clinic.code(0))
        assert densest is not None
        found: dict[str, Any] = Asking(connection, connection, clinic, densest["id"]).measure(1)
    assert found["milliseconds"]["trend"]["asked"] == 40
    assert found["times_as_fast_as_raw"].keys() == {"trend", "worklist"}


@pytest.mark.parametrize(
    "command",
    [
        ["everything"],
        ["--readings", "100000000"],
        ["line", "--peers", "no-such"],
    ],
    ids=["part", "more than the broker holds", "peer"],
)
def test_what_can_not_be_measured_is_refused_before_anything_starts(command: list[str]):
    with pytest.raises(UsageError):
        app(["bench", "ingest", *command], result_action="return_value")


@pytest.mark.browser
@pytest.mark.slow
def test_what_the_pages_weigh_and_how_long_they_take():
    command = ["bench", "pages", "--patients", "60", "--days", "7", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "balise", *command], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["worklist of all"]["pages"] == 2
    for name in ("worklist", "trend"):
        fast, slow = found[f"{name}, fast"], found[f"{name}, slow"]
        assert fast["kilobytes"] > 4
        assert fast["kilobytes"] == pytest.approx(slow["kilobytes"], abs=1)
        assert 0 < fast["seconds"] <= fast["seconds_at_most"]
