"""The workbench by command, on a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from balise import refused, replays, site
from balise.errors import Exit, PartlyRefused, Reason, UsageError
from balise.hand import who
from balise.languages import LANGUAGES
from balise.next_steps import step
from balise.settings import Settings
from devices.payloads import balise_v1
from devices.registry import DECODER_VERSION
from flows import steps
from ingest.receive import Delivery, land
from sql import people

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
CUFF = """
name = "village_scale"
title = "A scale's own application"
source = "made up for this test"
time = {format = "iso", path = "at"}
value = [{metric = "body_weight", path = "kg", unit = "kg"}]
[[sample]]
document = '{"at": "2026-02-01T07:00:00Z", "kg": 80}'
expect = {body_weight = "80 kg"}
"""


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url)


@pytest.fixture
def refusals(database: psycopg.Connection) -> None:
    """An unknown device's weight (1/0), a document of an unknown mapping (1/1), garbage (2/0)."""
    people.add_subject(database, "p-one", pathway="observation")
    people.give(database, "app", 1, since=NOW - timedelta(days=90))
    frame = balise_v1.Item(
        device=SCALE, captured_at=NOW, service="181D", characteristic="2A9D", data="00803e"
    )
    document = balise_v1.Item(
        device="app",
        captured_at=NOW,
        convention="village_scale",
        document='{"at": "2026-11-25T07:00:00Z", "kg": 81.5}',
    )
    bodies = [balise_v1.encode_item(one) for one in (frame, document)]
    payload = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
    for gateway, one in (("home-one", payload), ("home-two", b"\xff\x00garbage")):
        land(database, [Delivery(1, 1, f"balise/v1/{gateway}/frames", one)], NOW)
    steps.validate(database)


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_name_and_a_next_step(reason: Reason, language: str):
    found = step(reason, language)
    assert found.title != reason
    assert found.next.endswith(".")


pytestmark = pytest.mark.stack


@pytest.mark.usefixtures("refusals")
def test_the_list_is_by_reason_and_gateway(settings: Settings, capsys: pytest.CaptureFixture[str]):
    def listed(**which: Any) -> list[str]:
        arguments: dict[str, Any] = {"state": "new", "reason": None, "gateway": None, "limit": 50}
        refused.list_refused(settings, **(arguments | which), as_json=True)
        return [row["id"] for row in said(capsys)]

    assert listed() == ["2/0", "1/0", "1/1"]
    assert listed(reason="device_unknown") == ["1/0"]
    assert listed(gateway="home-two") == ["2/0"]
    assert listed(state="discarded") == []
    with pytest.raises(UsageError, match="device_unknown"):
        listed(reason="nonsense")
    refused.list_refused(settings, state="new", reason=None, gateway=None, limit=1, as_json=False)
    shown = capsys.readouterr().out
    assert "payload_unreadable" in shown
    assert "device_unknown" in shown


@pytest.mark.usefixtures("refusals")
def test_one_is_shown_with_its_bytes_as_far_as_they_are_understood(
    settings: Settings, capsys: pytest.CaptureFixture[str]
):
    refused.show(settings, refused.which("1/0", None), as_json=True)
    (frame,) = said(capsys)
    assert frame["facts"][0] == {"name": "body_weight", "value": "80.000 kg"}
    assert json.loads(frame["payload"])["data"] == "00803e"
    assert frame["today"] == ["device_unknown"]
    assert "devices give" in frame["next"]["fr"]
    refused.show(settings, refused.which("1/1", None), as_json=True)
    (document,) = said(capsys)
    assert "no convention 'village_scale'" in document["stops"]
    assert "81.5" in document["payload"]
    refused.show(settings, refused.which("2", None), as_json=False)
    shown = capsys.readouterr().out
    assert "ff 00 67 61" in shown
    assert "next (fr)" in shown
    with pytest.raises(UsageError, match="nothing was refused there"):
        refused.show(settings, refused.which("9", None), as_json=True)
    with pytest.raises(UsageError, match="MESSAGE"):
        refused.which("nonsense", None)


@pytest.mark.usefixtures("refusals")
def test_a_mended_mapping_replays_what_it_refused(
    settings: Settings, database: psycopg.Connection, tmp_path: Any, capsys: Any
):
    file = tmp_path / "scale.toml"
    file.write_text(CUFF)
    site.keep(settings, file)
    some = refused.which(None, "payload_unknown")
    replay = {"everything": False, "why": "mended", "as_json": True}
    with pytest.raises(PartlyRefused):
        refused.replay(settings, some, dry_run=False, **replay)
    (answer,) = said(capsys)
    assert answer["counts"] == [
        {"kind": "new", "metric": "body_weight", "count": 1},
        {"kind": "still_refused", "metric": "", "count": 1},
    ]
    assert answer["windows"] == 1
    row = database.execute("SELECT who, why, new_value FROM reading_revision").fetchone()
    assert row == (who(), "mended", 81.5)
    with pytest.raises(UsageError, match="--all"):
        refused.replay(settings, refused.which(None, None), dry_run=False, **replay)


@pytest.mark.usefixtures("refusals")
def test_discarded_is_kept_with_who_and_why_and_can_be_reopened(
    settings: Settings, database: psycopg.Connection, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(UsageError, match="note"):
        refused.discard(settings, refused.which("1/0", None), " ")
    with pytest.raises(UsageError, match="--reason"):
        refused.discard(settings, refused.which(None, None), "all of it")
    refused.discard(settings, refused.which("1/0", None), "a neighbour's scale")
    site.give(settings, SCALE, "p-one", slot=None, since=date(2026, 11, 1))
    asked = replays.selection(settings, since=date(2026, 11, 25))
    report = replays.run(settings, asked, why="", dry_run=False, as_json=True)
    assert {kind: count for (kind, _), count in report.counts.items()} == {
        "still_refused": 2,
        "discarded": 1,
    }
    assert database.execute("SELECT count(*) FROM reading").fetchone() == (0,)
    refused.reopen(settings, refused.which(None, "device_unknown"), "it is ours")
    capsys.readouterr()
    report = replays.run(settings, asked, why="", dry_run=False, as_json=True)
    assert database.execute("SELECT value FROM reading").fetchall() == [(80,)]
    events = database.execute("SELECT who, state, note FROM refused_event ORDER BY at").fetchall()
    assert events == [
        (who(), "discarded", "a neighbour's scale"),
        (who(), "new", "it is ours"),
    ]
    with pytest.raises(UsageError, match="nothing there"):
        refused.reopen(settings, refused.which("1/0", None), "")


@pytest.mark.usefixtures("refusals")
def test_giving_a_device_says_what_that_changes_and_moves_it_on_request(
    settings: Settings, database: psycopg.Connection, capsys: pytest.CaptureFixture[str]
):
    people.add_subject(database, "p-two", pathway="observation")
    for code, day in (("p-one", 1), ("p-two", 20)):
        device, at = site.give(settings, SCALE, code, slot=None, since=date(2026, 11, day))
        replays.after_giving(settings, device, at, now=code == "p-one", why="")
    shown = capsys.readouterr().out
    assert "1 differences written, 1 days" in shown
    assert "1 stored readings belong to another patient now" in " ".join(shown.split())
    assert database.execute("SELECT subject FROM reading").fetchall() == [(1,)]
    replays.after_giving(settings, device, at, now=True, why="the label was wrong")
    assert database.execute("SELECT subject FROM reading").fetchall() == [(2,)]
    assert "p-one" in capsys.readouterr().out
    assert database.execute(
        "SELECT subject, lower(during)::date, upper(during)::date FROM assignment"
        " WHERE device = %s ORDER BY 2",
        (device,),
    ).fetchall() == [
        (1, date(2026, 10, 31), date(2026, 11, 19)),
        (2, date(2026, 11, 19), None),
    ]
    assert database.execute("SELECT subject FROM rollup WHERE size = 'day'").fetchall() == [(2,)]


def test_a_replay_of_nothing_or_of_nobody_is_a_mistake(settings: Settings):
    with pytest.raises(UsageError, match="--from"):
        replays.selection(settings)
    with pytest.raises(UsageError, match="no device"):
        replays.selection(settings, device="AA")
    with pytest.raises(UsageError, match="no patient"):
        replays.selection(settings, subject="p-nobody")


@pytest.mark.usefixtures("refusals")
def test_the_commands_are_there(database_url: str):
    def balise(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "balise", *arguments],
            env={**os.environ, "BALISE_DATABASE_URL": database_url},
            capture_output=True,
            text=True,
            check=False,
        )

    assert balise("refused", "list").returncode == Exit.OK
    assert "80.000 kg" in balise("refused", "show", "1/0").stdout
    assert balise("refused", "replay", "--all").returncode == Exit.PARTIAL
    assert balise("refused", "discard", "2", "--note", "garbage").returncode == Exit.OK
    assert balise("refused", "reopen", "2").returncode == Exit.OK
    assert balise("devices", "give", SCALE, "p-one", "--from", "2026-11-01").returncode == Exit.OK
    done = balise("flows", "replay", "--from", "2026-11-25", "--dry-run")
    assert "a dry run: nothing is changed" in done.stdout
    done = balise(
        "flows", "replay", "--decoder", str(DECODER_VERSION), "--subject", "p-one", "--json"
    )
    assert json.loads(done.stdout)["differences"][0]["kind"] == "new"
    assert balise("flows", "replay").returncode == Exit.USAGE
