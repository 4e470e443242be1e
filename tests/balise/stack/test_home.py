from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from balise.errors import StackUnavailable
from balise.stack import ports
from balise.stack.home import Home


@pytest.fixture
def opened(home: Path) -> Home:
    opened = Home(home)
    opened.open()
    return opened


def test_a_secret_is_made_once_and_only_its_owner_reads_it(opened: Home):
    secret = opened.secret("x")
    assert opened.secret("x") == secret
    assert len(secret) >= 32
    path = opened.root / "secrets" / "x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.geteuid()
    assert opened.secrets("") == ["x"]


def test_a_port_is_remembered_and_given_up_when_taken(opened: Home):
    port = opened.port("x")
    assert opened.port("x") == port
    with socket.create_server(("127.0.0.1", port)):
        other = opened.port("x")
        assert other != port
    assert opened.remembered_port("x") == other


def test_a_port_file_torn_by_a_power_cut_is_forgotten(opened: Home):
    opened.port("x")
    (opened.root / "ports" / "x").write_bytes(bytes(5))
    assert opened.remembered_port("x") == 0
    assert ports.is_free(opened.port("x"))


def test_a_file_that_is_given_follows_no_link(opened: Home, tmp_path: Path):
    target = tmp_path / "target"
    target.write_text("not ours")
    (opened.root / ".conf.new").symlink_to(target)
    (opened.root / "conf").symlink_to(target)
    opened.give(opened.root / "conf", "ours")
    assert target.read_text() == "not ours"
    assert (opened.root / "conf").read_text() == "ours"
    assert not (opened.root / "conf").is_symlink()


def test_a_home_that_cannot_be_made_is_an_error_of_ours():
    with pytest.raises(StackUnavailable, match="No folder can be made"):
        Home(Path("/proc/nowhere/balise")).open()
