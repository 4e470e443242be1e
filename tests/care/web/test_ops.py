"""What was refused, by page: for its keepers only, and what they do is kept with their name."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from care.web import ops
from flows import asked, replay
from flows.aggregate import recompute
from flows.replay import Asked, Hand
from sql import people
from sql.roles import Role, connect

pytestmark = pytest.mark.stack
SCALE = "C0:00:00:00:00:77"


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(populated, autocommit=True) as connection:
        yield connection


def test_a_clinician_is_not_told_that_there_is_a_workbench(nurse: httpx.Client, refusals: int):
    place = {"landing": refusals, "item": 0, "part": 0}
    assert "/ops/refused" not in nurse.get("/").text
    for path in ("/ops/refused", f"/ops/refused/{refusals}/0/0"):
        assert nurse.get(path).status_code == 404
    for act in ("replay", "discard", "reopen"):
        answer = nurse.post(f"/ops/refused/{act}", data={**place, "note": "no"})
        assert answer.status_code == 404


def test_nothing_is_shown_without_signing_in(site: str, refusals: int):
    with httpx.Client(base_url=site, follow_redirects=True) as visitor:
        for path in ("/ops/refused", f"/ops/refused/{refusals}/0/0"):
            assert visitor.get(path).url.path == "/sign-in"


def test_the_list_counts_by_reason_without_any_content(keeper: httpx.Client, refusals: int):
    text = keeper.get("/ops/refused").text
    assert "Appareil inconnu" in text
    assert "Message illisible" in text
    assert "balise devices give" in text
    assert "00ac3f" not in text
    one_reason = keeper.get("/ops/refused?reason=device_unknown").text
    assert f"/ops/refused/{refusals}/0/0" in one_reason
    assert f"/ops/refused/{refusals + 1}/0/0" not in one_reason
    assert 'href="/ops/refused"' in keeper.get("/").text


def test_one_is_shown_with_what_is_in_it(keeper: httpx.Client, refusals: int):
    text = keeper.get(f"/ops/refused/{refusals}/0/0").text
    assert SCALE in text
    assert "Appareil inconnu" in text
    assert "Poids" in text or "body_weight" in text
    assert f"balise refused show {refusals}/0/0" in text


def test_who_keeps_the_line_sees_what_came_and_no_value_of_it(
    keeper: httpx.Client, refusals: int, database: psycopg.Connection
):
    rows = database.execute("SELECT detail FROM refused WHERE detail <> ''").fetchall()
    held = {detail for (detail,) in rows} | {"00ac3f", "00AC3F", "81.5", "81,5", "not-a-message"}
    for path in ("", f"/{refusals}/0/0", f"/{refusals + 1}/0/0", "?reason=device_unknown"):
        text = keeper.get(f"/ops/refused{path}").text
        assert not [one for one in held if one in text]


@pytest.mark.parametrize(
    "path",
    [
        "/ops/refused/999999/0/0",
        "/ops/refused/99999999999999999999/0/0",
        "/ops/refused/1/99999/0",
        "/ops/refused?state=nonsense",
    ],
)
def test_what_is_not_there_says_so(keeper: httpx.Client, path: str):
    assert keeper.get(path).status_code == 404


@pytest.mark.parametrize("meant", [{}, {"landing": 1}, {"landing": 1, "reason": "device_unknown"}])
@pytest.mark.parametrize("act", ["replay", "discard", "reopen"])
def test_a_form_that_means_nothing_does_nothing(
    keeper: httpx.Client, act: str, meant: dict[str, object]
):
    answer = keeper.post(f"/ops/refused/{act}", data={**meant, "note": "why"})
    assert answer.status_code == 404


def test_a_post_from_another_site_is_refused(
    keeper: httpx.Client, refusals: int, database: psycopg.Connection
):
    answer = keeper.post(
        "/ops/refused/discard",
        data={"reason": "device_unknown", "note": "evil"},
        headers={"Origin": "http://evil"},
    )
    assert answer.status_code == 403
    assert database.execute("SELECT count(*) FROM refused_event").fetchone() == (0,)


def test_discarded_with_a_note_and_reopened(
    keeper: httpx.Client, refusals: int, database: psycopg.Connection
):
    place = {"landing": refusals + 1, "item": 0, "part": 0}
    assert "Dites pourquoi" in keeper.post("/ops/refused/discard", data={**place, "note": " "}).text
    text = keeper.post("/ops/refused/discard", data={**place, "note": "a test <b>"}).text
    assert "a test &lt;b&gt;" in text
    assert "Reprendre" in text
    listed = keeper.get("/ops/refused?state=discarded").text
    assert f"/ops/refused/{refusals + 1}/0/0" in listed
    keeper.post("/ops/refused/reopen", data=place)
    rows = database.execute("SELECT who, state, note FROM refused_event ORDER BY at").fetchall()
    assert rows == [("keeper", "discarded", "a test <b>"), ("keeper", "new", "")]


@pytest.fixture
def flows_at_work(populated: str) -> Iterator[None]:
    """What `balise flows serve` does with what keepers ask for."""
    stop = threading.Event()

    def work() -> None:
        with connect(populated, Role.FLOWS) as line:
            while not stop.wait(0.1):
                asked.work(line)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_without_flows_the_page_says_that_they_come_to_it(
    keeper: httpx.Client, refusals: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ops, "PATIENCE", 0.2)
    place = {"landing": refusals, "item": 0, "part": 0}
    assert (
        "dès que les traitements y arrivent" in keeper.post("/ops/refused/replay", data=place).text
    )


@pytest.mark.usefixtures("flows_at_work")
def test_replayed_once_mended_and_the_patient_s_page_says_so(
    keeper: httpx.Client,
    nurse: httpx.Client,
    refusals: int,
    database: psycopg.Connection,
):
    said = keeper.post("/ops/refused/replay", data={"reason": "device_unknown"}).text
    assert "0 mesure retrouvée, 0 changée ou retirée, 1 encore refusée." in said
    martin, moreau = (people.find(database, code) for code in ("p-martin", "p-moreau"))
    assert martin
    assert moreau
    since = datetime.now(UTC) - timedelta(days=1)
    people.give(database, SCALE, martin.id, since=since)
    place = {"landing": refusals, "item": 0, "part": 0}
    assert "1 mesure retrouvée" in keeper.post("/ops/refused/replay", data=place).text
    assert "Devenu mesure" in keeper.get(f"/ops/refused/{refusals}/0/0").text
    while recompute(database).windows:
        pass
    way = link(nurse, "p-martin")
    text = nurse.get(way).text
    assert "devenue une mesure en relisant le message" in text
    assert "keeper" in text
    people.give(database, SCALE, moreau.id, since=since)
    replay.replay(database, Asked(messages=(refusals,)), Hand(who="keeper", why="wrong label"))
    while recompute(database).windows:
        pass
    text = nurse.get(way).text
    assert "n&#39;est plus celle de ce patient" in text
    assert "elle est à un autre patient (wrong label)" in text
    assert "81,5" in text
    assert "Moreau" not in text
    text = nurse.get(link(nurse, "p-moreau")).text
    assert "était classée chez un autre patient" in text
    assert "Martin" not in text


def link(nurse: httpx.Client, code: str) -> str:
    """The way of the patient's newest reading of the scale."""
    text = nurse.get(f"/patients/{code}").text
    rows = [row for row in text.split("<tr>") if SCALE in row]
    found = re.search(rf'href="(/patients/{code}/readings/[^"]+)"', rows[0])
    assert found
    return found[1]


def test_what_a_keeper_looks_at_and_decides_is_written_down(
    keeper: httpx.Client, refusals: int, database: psycopg.Connection
):
    (before,) = database.execute("SELECT max(number) FROM audit").fetchall()[0]
    keeper.get(f"/ops/refused/{refusals}/0/0")
    place = {"landing": refusals, "item": 0, "part": 0}
    keeper.post("/ops/refused/discard", data={**place, "note": "a test"})
    rows = database.execute(
        "SELECT role, action, what FROM audit WHERE number > %s AND what LIKE '%%refused/%%'"
        " ORDER BY number",
        (before,),
    ).fetchall()
    looked = ("ops", "view", "GET /ops/refused/{landing}/{item}/{part}")
    assert rows == [looked, ("ops", "change", "POST /ops/refused/discard"), looked]
