"""Settings of the server's as a box keeps them: over a start, a new authority, a full spool."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from balise import sealed
from balise.authority import Authority
from balise.sealed import Sent
from balise.settings import Settings
from ingest.gateway import remote
from ingest.gateway.health import RemoteState
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.spool import Spool

OWN = Settings(gateway_name="box-1")


@pytest.fixture
def site(tmp_path: Path) -> Authority:
    return authority(tmp_path / "site")


@pytest.fixture
def folder(site: Authority, tmp_path: Path) -> Path:
    made = tmp_path / "box-1"
    made.mkdir()
    (made / "ca.pem").write_bytes(site.file.read_bytes())
    return made


def authority(home: Path) -> Authority:
    made = Authority(home)
    made.ensure(())
    return made


def message(site: Authority, version: int, **values: Any) -> bytes:
    sent = Sent(gateway="box-1", version=version, at=datetime.now(UTC), values=values)
    return sealed.seal(sent, site.signer.key)


def test_what_was_taken_is_in_effect_after_a_start(site: Authority, folder: Path):
    box = RemoteSettings(folder, OWN)
    box.take(message(site, 3, spool_mb=64))
    assert box.settings.spool_mb == OWN.spool_mb
    assert box.standing().state is RemoteState.PENDING
    again = RemoteSettings(folder, OWN)
    assert again.settings.spool_mb == 64
    assert (again.standing().state, again.standing().version) == (RemoteState.APPLIED, 3)
    assert (folder / "settings.json").stat().st_mode & 0o777 == 0o600


def test_a_word_to_the_patient_is_shown_at_once_and_nothing_starts_anew(
    site: Authority, folder: Path
):
    box = RemoteSettings(folder, OWN)
    box.take(message(site, 1, gateway_message="Vos mesures ont été regardées."))
    assert box.settings.gateway_message == "Vos mesures ont été regardées."
    assert (box.changed, box.standing().state) == (False, RemoteState.APPLIED)
    box.take(message(site, 2, gateway_looked="2026-11-27"))
    assert (box.settings.gateway_message, box.settings.gateway_looked) == ("", date(2026, 11, 27))
    assert not box.changed
    box.take(message(site, 3, gateway_message="Bonjour", spool_mb=64))
    assert (box.settings.gateway_message, box.settings.spool_mb) == ("Bonjour", OWN.spool_mb)
    assert box.standing().state is RemoteState.PENDING
    box.take(message(site, 4))  # taken back
    assert box.settings.gateway_message == ""
    assert not box.changed


def test_the_same_message_again_changes_nothing(site: Authority, folder: Path):
    once = message(site, 3, gateway_phone="01")
    RemoteSettings(folder, OWN).take(once)
    box = RemoteSettings(folder, OWN)
    written = (folder / "settings.json").stat().st_mtime_ns
    box.take(once)
    box.take(b"")  # somebody took it back at the broker
    assert (folder / "settings.json").stat().st_mtime_ns == written
    assert (box.changed, box.standing().refused) == (False, "")


def test_values_taken_back_are_the_boxs_own_again(site: Authority, folder: Path):
    RemoteSettings(folder, OWN).take(message(site, 1, spool_mb=64))
    box = RemoteSettings(folder, OWN)
    box.take(message(site, 2))
    assert box.changed
    assert RemoteSettings(folder, OWN).settings.spool_mb == OWN.spool_mb


def test_a_box_enrolled_elsewhere_leaves_the_old_sites_settings(
    site: Authority, folder: Path, tmp_path: Path
):
    RemoteSettings(folder, OWN).take(message(site, 40, spool_mb=64))
    other = authority(tmp_path / "other")
    (folder / "ca.pem").write_bytes(other.file.read_bytes())
    box = RemoteSettings(folder, OWN)
    assert box.settings == OWN
    assert box.standing().refused_kind == "SettingsForged"
    box.take(message(other, 1, spool_mb=128))
    assert (box.standing().version, box.standing().refused) == (1, "")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff" * 100])
def test_a_file_that_a_fault_spoilt_stops_no_gateway(site: Authority, folder: Path, content: bytes):
    (folder / "settings.json").write_bytes(content)
    box = RemoteSettings(folder, OWN)
    assert (box.settings, box.standing().refused_kind) == (OWN, "SettingsUnreadable")
    box.take(message(site, 1, spool_mb=64))
    assert RemoteSettings(folder, OWN).settings.spool_mb == 64


def test_a_box_without_an_authority_believes_nobody(site: Authority, folder: Path):
    (folder / "ca.pem").unlink()
    box = RemoteSettings(folder, OWN)
    box.take(message(site, 1, spool_mb=64))
    assert box.standing().refused_kind == "SettingsUncheckable"
    assert not (folder / "settings.json").exists()


def test_a_spool_is_not_made_smaller_than_what_it_holds(site: Authority, folder: Path):
    spool = Spool(folder / "spool.db", OWN.spool_mb)
    spool.put(*(bytes(1_000_000) for _ in range(70)))
    spool.close()
    box = RemoteSettings(folder, OWN)
    box.take(message(site, 1, spool_mb=64))
    assert box.standing().refused_kind == "SettingWrong"
    box.take(message(site, 2, spool_mb=128))
    assert box.standing().refused == ""


def test_a_box_that_cannot_write_says_so(
    site: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(remote, "write", full)
    box = RemoteSettings(folder, OWN)
    box.take(message(site, 1, spool_mb=64))
    assert (box.changed, "No space left" in box.standing().refused) == (False, True)


async def test_a_change_waits_for_devices_to_hang_up_but_not_for_ever(
    site: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote, "_POLL", 0.01)
    box, stopped, busy = RemoteSettings(folder, OWN), asyncio.Event(), True
    watching = asyncio.create_task(box.watch(lambda: busy, stopped.set))
    box.take(message(site, 1, spool_mb=64))
    await asyncio.sleep(0.1)
    assert not stopped.is_set()
    busy = False
    await asyncio.wait_for(stopped.wait(), 5)
    await watching
    assert box.due
    impatient = asyncio.Event()
    await asyncio.wait_for(box.watch(lambda: True, impatient.set, patience=0.05), 5)
    assert impatient.is_set()
