from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from balise.errors import StackUnavailable
from balise.stack import Stack, prefix, programs
from balise.stack.progress import Silent


@pytest.fixture(autouse=True)
def nothing_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BALISE_PREFIX", str(tmp_path / "prefix"))
    monkeypatch.setattr(programs, "installed", lambda: None)


def refusal(home: Path) -> str:
    with pytest.raises(StackUnavailable) as caught:
        Stack(home, prefect=False).start()
    text = str(caught.value)
    for way_out in ("docker compose up", "BALISE_DATABASE_URL", "BALISE_MQTT_URL"):
        assert way_out in text
    return text


def test_a_mac_is_told_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "this is darwin" in refusal(home)


def test_an_unknown_machine_is_told_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("platform.machine", lambda: "sparc64")
    assert "sparc64" in refusal(home)


def test_a_system_without_glibc_is_told_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert "glibc" in refusal(home)


def test_a_system_without_apt_is_told_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda *_arguments, **_options: None)
    assert "no apt-get" in refusal(home)


def test_a_full_disk_is_told_before_anything_is_fetched(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(2, 1, 1))
    assert "less than 1.5 GB free" in refusal(home)


def test_a_first_run_without_network_says_so(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BALISE_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    text = refusal(home)
    assert "is there a network?" in text
    assert "127.0.0.1" in text


def test_a_folder_that_is_closed_is_an_error_of_ours(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BALISE_PREFIX", "/proc/nowhere")
    assert "no prefix can be made" in refusal(home)


def test_two_who_need_a_prefix_at_once_build_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    built: list[Path] = []

    def build(place: Path, *_arguments: Any) -> None:
        built.append(place)
        time.sleep(0.2)
        place.mkdir()
        (place / "stamp.json").write_text(json.dumps({"path": str(place)}))

    monkeypatch.setattr(prefix, "_build", build)
    threads = [threading.Thread(target=prefix.built, args=(tmp_path, Silent())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert built[0].parent == tmp_path / "prefix"


def test_a_prefix_that_was_moved_or_never_finished_is_not_whole(tmp_path: Path):
    assert not prefix.is_whole(tmp_path)
    (tmp_path / "stamp.json").write_text(json.dumps({"path": "/elsewhere"}))
    assert not prefix.is_whole(tmp_path)
    (tmp_path / "stamp.json").write_text(json.dumps({"path": str(tmp_path)}))
    assert prefix.is_whole(tmp_path)


@pytest.fixture
def usr(tmp_path: Path) -> Callable[..., Path]:
    def make(*extensions: str) -> Path:
        for path in (
            "lib/postgresql/16/bin/postgres",
            *(f"share/postgresql/16/extension/{name}.control" for name in extensions),
        ):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch(mode=0o755)
        return tmp_path

    return make


def test_what_the_machine_has_is_used(usr: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "which", lambda *_arguments, **_options: "/usr/sbin/mosquitto")
    assert programs.installed(usr()) is None
    assert programs.installed(usr("timescaledb")) is None
    found = programs.installed(usr("timescaledb", "btree_gist"))
    assert found is not None
    assert (found.major, found.mosquitto) == (16, Path("/usr/sbin/mosquitto"))


def test_a_machine_without_mosquitto_has_not_all_of_it(
    usr: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "which", lambda *_arguments, **_options: None)
    assert programs.installed(usr("timescaledb", "btree_gist")) is None
