"""A box that is enrolled renews by itself, until it is shut out."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balise.authority import Authority
from balise.errors import (
    BoxRevoked,
    Exit,
    RequestUnreadable,
)
from balise.settings import Settings
from bench.waiting import until
from ingest.gateway import certificate, enrol, renewal
from ingest.gateway.certificate import Identity, enrolled
from ingest.gateway.enrol import read_uri
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

if TYPE_CHECKING:
    from conftest import Site

pytestmark = pytest.mark.stack


SHORT = 12 / 86400  # days of a certificate that lasts twelve seconds


def test_a_stranger_cannot_renew_for_a_box(site: Site, tmp_path: Path):
    known = read_uri(site.invite(site.name())["address"])
    with site.serving():
        found = enrol.enrol(tmp_path, known)
        thief = Identity(tmp_path / "thief")
        thief.folder.mkdir()
        for name in ("certificate.pem", "ca.pem", "broker.json"):
            (thief.folder / name).write_bytes((found.folder / name).read_bytes())
        thief.key_file.write_bytes(
            certificate.certificates.key_text(certificate.certificates.new_key())
        )
        with pytest.raises(RequestUnreadable):
            enrol.renew(thief)
        own = Authority(tmp_path / "own")
        own.ensure(())
        forged = own.admit(found.folder.name, found.key().public_key())
        found.certificate_file.write_bytes(certificate.certificates.text(forged))
        with pytest.raises(BoxRevoked):
            enrol.renew(found)


def test_a_box_renews_while_it_publishes_and_is_shut_out_at_once(site: Site, tmp_path: Path):
    name = site.name()
    days = SHORT
    known = read_uri(site.invite(name)["address"])
    with site.serving(days):
        found = enrol.enrol(tmp_path, known)
        first = found.certificate.serial_number
        environment = os.environ | {
            "BALISE_HOME": str(tmp_path),
            "BALISE_GATEWAY_PORT": "0",
            "BALISE_BLE": "tcp-client:127.0.0.1:1",
        }
        (found.folder / "devices.json").write_text("[]")
        with (tmp_path / "log").open("wb") as log:
            box = subprocess.Popen(
                [sys.executable, "-m", "balise", "gateway", "run"], env=environment, stderr=log
            )
        try:
            heard = Heard(site.settings, f"balise/v1/{name}/status")
            until(lambda: heard.last == "online")
            until(lambda: found.certificate.serial_number != first)
            second = found.certificate.serial_number
            until(lambda: found.certificate.serial_number != second)
            time.sleep(1)
            assert set(heard.said) == {"online"}  # no last will at a renewal
            began = time.monotonic()
            done = site.balise("revoke", name)
            assert done.returncode == Exit.OK, done.stderr
            until(lambda: heard.last == "offline")
            print(f"revoked and dropped in {time.monotonic() - began:.2f} s")  # noqa: T201
            time.sleep(4)
            assert heard.last == "offline"  # it tries to come back, and can't
            with pytest.raises(BoxRevoked):
                enrol.renew(found)
            heard.close()
        finally:
            box.terminate()
            box.wait(timeout=180)
    text = (tmp_path / "log").read_text()
    assert "renewed" in text
    assert "PRIVATE" not in text


class Heard:
    """What a gateway says of itself, as the server hears it."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.said: list[str] = []
        broker = Broker(settings)
        self._client = broker.client(f"balise-heard-{secrets.token_hex(4)}", persistent=False)
        self._client.on_message = lambda _c, _d, message: self.said.append(
            json.loads(message.payload)["state"]
        )
        self._client.on_connect = lambda *_: self._client.subscribe(topic, qos=1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    @property
    def last(self) -> str:
        return self.said[-1] if self.said else ""

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_a_box_sees_by_itself_that_it_was_shut_out(site: Site, tmp_path: Path):
    name = site.name()
    with site.serving():
        enrol.enrol(tmp_path, read_uri(site.invite(name)["address"]))
    own = Broker(enrolled(Settings(home=tmp_path)))
    own.check(5)
    site.balise("revoke", name)
    with pytest.raises(BoxRevoked, match="needs an invitation"):
        own.check(5)


def test_a_new_invitation_lets_a_revoked_box_in_again(site: Site, tmp_path: Path):
    name = site.name()
    with site.serving():
        enrol.enrol(tmp_path, read_uri(site.invite(name)["address"]))
        site.balise("revoke", name)
        again = site.balise("revoke", name)
        assert (again.returncode, "no certificate" in again.stderr) == (Exit.USAGE, True)
        found = enrol.enrol(tmp_path, read_uri(site.invite(name)["address"]))
        enrol.renew(found)
    own = enrolled(Settings(home=tmp_path))
    spool = tmp_path / "spool.db"
    Spool(spool).close()
    with site.publishing(own, spool) as publisher:
        until(lambda: publisher.connected)


async def test_a_renewal_that_fails_is_tried_again_and_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    days = 2 / 86400
    known = read_uri(site.invite(site.name())["address"])
    with site.serving(days):
        found = enrol.enrol(tmp_path, known)
    tried: list[bool] = []
    monkeypatch.setattr(renewal, "_renew", lambda _found: tried.append(False))
    keeping = asyncio.create_task(renewal.keep(found, lambda: None, retry=0.05))
    await asyncio.sleep(2.5)
    keeping.cancel()
    assert 3 <= len(tried) <= 6  # 0.05 s, then twice as long each time


def test_a_box_that_was_away_for_months_renews(site: Site, tmp_path: Path):
    days = 1 / 86400
    known = read_uri(site.invite(site.name())["address"])
    with site.serving(days):
        found = enrol.enrol(tmp_path, known)
        time.sleep(1.5)
        old = found.certificate
        assert old.not_valid_after_utc < datetime.now(UTC)
        enrol.renew(found)
        assert found.certificate.serial_number != old.serial_number
