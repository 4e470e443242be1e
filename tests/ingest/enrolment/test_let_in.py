"""A box is invited and enrols: real broker, database and server."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from balise.errors import (
    AuthorityForeign,
    BoxRevoked,
    ClockWrong,
    CodeExpired,
    CodesClosed,
    CodeUnknown,
    CodeUsed,
    Exit,
    ServerDown,
    UsageError,
)
from balise.settings import Settings
from bench.waiting import until
from care.web import enrolment as server
from devices.payloads import balise_v1
from ingest.gateway import certificate, enrol
from ingest.gateway.certificate import Identity, enrolled
from ingest.gateway.enrol import Invitation, read_uri
from ingest.gateway.spool import Spool

if TYPE_CHECKING:
    from conftest import Site

pytestmark = pytest.mark.stack


def test_a_box_enrols_publishes_and_has_its_receipt(site: Site, tmp_path: Path):
    name = site.name()
    invited = site.invite(name)
    with site.serving(), site.receiving():
        began = time.monotonic()
        command_line = [sys.executable, "-m", "balise", "gateway", "enrol", invited["address"]]
        done = subprocess.run(
            command_line,
            env=os.environ | {"BALISE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"enrolled in {time.monotonic() - began:.2f} s")  # noqa: T201
        assert done.returncode == Exit.OK, done.stderr
        assert invited["code"] not in done.stdout + done.stderr
        own = enrolled(Settings(home=tmp_path))
        assert own.gateway_name == name
        spool = Spool(tmp_path / "spool.db")
        spool.put(balise_v1.encode_item(balise_v1.Item(device="D", data="00")))
        with site.publishing(own, tmp_path / "spool.db"):
            until(lambda: spool.depth() == 0)
        spool.close()
    folder = tmp_path / "gateway" / name
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop("key.pem") == 0o600
    assert modes.keys() == {"certificate.pem", "ca.pem", "broker.json"}
    with psycopg.connect(site.settings.database_url) as database:
        assert database.execute("SELECT gateway FROM landing").fetchall() == [(name,)]
        kept = repr(database.execute("SELECT * FROM invite").fetchall())
    assert invited["code"].replace(" ", "") not in kept


def test_a_lost_answer_does_not_use_the_code_up(site: Site, tmp_path: Path):
    invitation = read_uri(site.invite(site.name())["address"])
    with site.serving():
        first = enrol.enrol(tmp_path, invitation)
        key = first.key_file.read_bytes()
        # The answer was lost: the key that asked is still there, and nothing else.
        first.key_file.rename(tmp_path / "gateway" / "enrolment.pem")
        assert enrol.enrol(tmp_path, invitation).key_file.read_bytes() == key
        with pytest.raises(CodeUsed):
            enrol.enrol(tmp_path / "another", invitation)


def test_a_new_box_takes_the_place_of_one_with_its_name(site: Site, tmp_path: Path):
    name = site.name()
    with site.serving():
        first, second = (
            enrol.enrol(tmp_path / home, read_uri(site.invite(name)["address"]))
            for home in ("first", "second")
        )
        with pytest.raises(BoxRevoked):
            enrol.renew(first)
        enrol.renew(second)


def test_the_eight_digits_do_as_well_and_each_refusal_says_which(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def ask(code: str) -> Identity:
        home = tmp_path / secrets.token_hex(4)
        return enrol.enrol(home, Invitation(site.settings.server_url, code=code.replace(" ", "")))

    name = site.name()
    old, invited, late = (site.invite(name), site.invite(name), site.name())
    expired = site.invite(late, "--days", "0")
    monkeypatch.setattr(server, "WRONG_CODES_AN_HOUR", 3)
    with site.serving():
        with pytest.raises(CodeExpired):
            ask(old["code"])
        with pytest.raises(CodeExpired):
            ask(expired["code"])
        assert ask(invited["code"]).broker.gateway == name  # type: ignore[union-attr]
        with pytest.raises(CodeUsed):
            ask(invited["code"])
        for _ in range(3):
            with pytest.raises(CodeUnknown):
                ask("00000000x")
        with pytest.raises(CodesClosed):
            ask(site.invite(site.name())["code"])
        with_token = read_uri(site.invite(site.name())["address"])
        enrol.enrol(tmp_path / "by-token", with_token)


def test_who_does_not_know_the_token_is_not_let_in(site: Site, tmp_path: Path):
    known = read_uri(site.invite(site.name())["address"])
    for other in (
        Invitation(known.server, gateway=known.gateway, token="guess"),
        Invitation(known.server, gateway=site.name(), token=known.token),
        Invitation(known.server, gateway=site.name(), token=""),
    ):
        with site.serving(), pytest.raises(CodeUnknown):
            enrol.enrol(tmp_path, other)


def test_a_server_that_did_not_invite_is_not_believed(site: Site, tmp_path: Path):
    known = read_uri(site.invite(site.name())["address"])
    other = Invitation(known.server, "", known.gateway, known.token, bytes(32))
    with site.serving(), pytest.raises(AuthorityForeign):
        enrol.enrol(tmp_path, other)


def test_a_code_is_not_said_where_others_hear_it(tmp_path: Path):
    with pytest.raises(UsageError, match="https"):
        enrol.enrol(tmp_path, Invitation("http://192.0.2.7", code="12345678"))
    with pytest.raises(UsageError, match="no address"):
        read_uri("balise://enrol?s=https%3A%2F%2Fx")


def test_a_server_that_is_not_there_is_said_so(site: Site, tmp_path: Path):
    with pytest.raises(ServerDown, match="does not answer"):
        enrol.enrol(tmp_path, Invitation(site.settings.server_url, code="12345678"))


class Clock(datetime):
    """A box's clock that stands in the past."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) - timedelta(days=400)


def test_a_wrong_clock_is_named_with_both_times(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known = read_uri(site.invite(site.name())["address"])
    with site.serving():
        with monkeypatch.context() as patch:
            patch.setattr(certificate, "datetime", Clock)
            with pytest.raises(ClockWrong, match="timedatectl"):
                enrol.enrol(tmp_path, known)
        found = enrol.enrol(tmp_path, known)  # the clock was set: the same code still works
        monkeypatch.setattr(enrol, "datetime", Clock)
        with pytest.raises(ClockWrong, match=f"server's {datetime.now(UTC):%Y-%m-%d}"):
            enrol.renew(found)
