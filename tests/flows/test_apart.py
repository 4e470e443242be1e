"""What can't be worked out for one patient is told and tried again; the others get their alerts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg
import pytest

from balise.checkup import line as checkup
from balise.errors import BaliseError
from balise.settings import Settings
from bench.waiting import blocks, until
from care.plan import Plan
from care.web import pages
from flows import judging, steps
from flows.aggregate import Recomputed, recompute
from flows.judging import Judged
from sql import people, plans
from sql.signals import Followed

pytestmark = pytest.mark.stack

NOW = datetime.now(UTC)
SCALE, OTHERS = "C0:00:00:00:00:01", "C0:00:00:00:00:02"
MEASURED = "UPDATE dirty_subject SET generation = generation + 1 WHERE subject = %s"
UNREADABLE = "UPDATE plan SET content = '{}' WHERE subject = %s"
READABLE = "UPDATE plan SET content = %s WHERE subject = %s"

Weight = Callable[..., bytes]
Send = Callable[..., None]


@pytest.fixture
def both(database: psycopg.Connection, weight: Weight, send: Send) -> tuple[int, int]:
    """Two who gain five kilograms in three days; the plan of the first can't be read."""
    found: list[int] = []
    for code, device in (("p-broken", SCALE), ("p-whole", OTHERS)):
        subject = people.add_subject(database, code, pathway="heart_failure")
        people.give(database, device, subject, since=NOW - timedelta(days=90))
        plans.sign(database, subject, Plan().content(), over=0, who="doctor")
        days = [(12, "80"), (3, "80"), (2, "82"), (1, "85")]
        bodies = [weight(kg, NOW - timedelta(days=n), device) for n, kg in days]
        send(database, *bodies, at=NOW)
        found.append(subject)
    database.execute(UNREADABLE, (found[0],))
    return found[0], found[1]


def alerts(database: psycopg.Connection) -> set[tuple[int, str]]:
    rows = database.execute("SELECT subject, rule FROM signal").fetchall()
    return {(subject, rule) for subject, rule in rows}


def marks(database: psycopg.Connection, subject: int) -> tuple[bool, bool, bool]:
    """Return whether somebody is behind with being judged, and with what it failed."""
    [row] = database.execute(
        "SELECT assessed < generation, assess_failed_at IS NOT NULL,"
        " summarise_failed_at IS NOT NULL FROM dirty_subject WHERE subject = %s",
        (subject,),
    ).fetchall()
    return row


def test_one_who_cannot_be_judged_holds_up_nobody(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    broken, whole = both
    done = steps.run_line(database_url, NOW)
    assert (whole, "weight_gain") in alerts(database)
    assert broken not in {subject for subject, _ in alerts(database)}
    assert (done.assessed.subjects, done.assessed.failed) == (1, 1)
    assert (done.summarised.subjects, done.summarised.failed) == (1, 1)
    assert marks(database, broken) == (True, True, True)
    assert marks(database, whole) == (False, False, False)


def test_it_is_tried_again_after_a_while_and_not_at_once(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    broken, _ = both
    steps.run_line(database_url, NOW)
    database.execute(READABLE, ('{"limits": {}, "delays": {}, "protocol": ""}', broken))
    assert steps.run_line(database_url, NOW).assessed.subjects == 0
    database.execute(
        "UPDATE dirty_subject SET assess_failed_at = assess_failed_at - interval '16 minutes',"
        " summarise_failed_at = summarise_failed_at - interval '16 minutes'"
    )
    assert steps.run_line(database_url, NOW).assessed.subjects == 1
    assert (broken, "weight_gain") in alerts(database)
    assert marks(database, broken) == (False, False, False)


def test_a_clock_that_was_set_back_makes_no_circle(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    broken, _ = both
    steps.run_line(database_url, NOW)
    database.execute(
        "UPDATE dirty_subject SET assess_failed_at = NULL, assessed_at = now() + interval '1 day'"
    )
    assert steps.run_line(database_url, NOW).assessed.failed == 1
    assert marks(database, broken) == (True, True, True)


def test_who_another_run_has_judged_since_is_not_marked(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    broken, _ = both
    steps.run_line(database_url, NOW)
    database.execute(
        "UPDATE dirty_subject SET assess_failed_at = NULL, assessed = generation,"
        " assessed_at = now() + interval '1 hour'"
    )
    assert steps.assess(database, NOW, everyone=True).failed == 1
    assert marks(database, broken)[:2] == (False, False)


def test_who_is_judged_by_the_clock_alone_is_told_too(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    broken, whole = both
    database.execute(READABLE, ('{"limits": {}, "delays": {}, "protocol": ""}', broken))
    steps.run_line(database_url, NOW)
    database.execute(UNREADABLE, (broken,))
    later = steps.assess(database, NOW + timedelta(days=9), everyone=True)
    assert (later.subjects, later.failed) == (1, 1)
    assert (whole, "silence") in alerts(database)
    assert (broken, "silence") not in alerts(database)
    assert marks(database, broken) == (True, True, False)


def test_what_another_run_holds_is_waited_for_by_nobody(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    """The one who fails is measured again while everyone is judged: neither run ends the other."""
    broken, whole = both
    steps.run_line(database_url, NOW)
    database.execute(MEASURED, (whole,))
    with (
        psycopg.connect(database_url) as other,
        psycopg.connect(database_url, autocommit=True) as looker,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute(
            "UPDATE dirty_subject SET generation = generation + 1 WHERE subject = %s", (broken,)
        )
        running = pool.submit(steps.assess, database, NOW, everyone=True)
        until(lambda: blocks(looker, other))
        other.execute(
            "UPDATE dirty_subject SET generation = generation + 1 WHERE subject = %s", (whole,)
        )
        other.commit()
        assert running.result(180).failed == 1


def test_a_panic_is_one_patients_too(
    database: psycopg.Connection, both: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    broken, whole = both
    steps.validate(database)
    steps.drain(lambda: recompute(database), Recomputed())
    judge = judging._judge

    def panics(connection: psycopg.Connection, patient: Followed, as_of: datetime) -> Judged:
        if patient.subject == broken:
            raise pl.exceptions.PanicException
        return judge(connection, patient, as_of)

    monkeypatch.setattr(judging, "_judge", panics)
    assert judging.assess(database, NOW).failed == 1
    assert (whole, "weight_gain") in alerts(database)


def test_the_team_sees_who_is_not_judged_and_may_look_at_the_others(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    assert both
    steps.run_line(database_url, NOW)
    database.execute("UPDATE dirty_subject SET assess_since = now() - interval '2 hours'")
    fresh = pages.freshness(database, datetime.now(UTC))
    assert [one["code"] for one in fresh.failed] == ["p-broken"]
    assert fresh.late_since is None


def test_the_doctor_names_them(
    database: psycopg.Connection, database_url: str, both: tuple[int, int]
):
    assert both
    settings = Settings(database_url=database_url)
    steps.run_line(database_url, NOW)
    with pytest.raises(BaliseError, match=r"1 patients .*p-broken"):
        checkup.figures(settings)
    database.execute(
        "UPDATE dirty_subject SET assess_failed_at = NULL, summarise_failed_at = NULL,"
        " assess_since = now() - interval '1 hour'"
    )
    with pytest.raises(BaliseError, match="1 patients are behind"):
        checkup.figures(settings)
