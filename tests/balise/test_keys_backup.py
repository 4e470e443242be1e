"""ops/keys-backup: it opens with the key, and nothing takes the place of a good file."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyrage
import pytest

from balise.sealed_archive import identities, new_key

SCRIPT = Path(__file__).resolve().parents[2] / "ops/keys-backup"
KEY, RECIPIENT = new_key()

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("ca/key.pem", "ca/revoked.jsonl", "tls/ca.pem"):
        file = tmp_path / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "out").mkdir()
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, distribution: Callable[..., None]) -> Run:
    distribution("age")
    if shutil.which("age") is None:
        pytest.skip("age is not installed, and only root installs it")

    def backup(recipient: str = RECIPIENT) -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPT), recipient, str(home.parent / "out")]
        env = {"PATH": os.environ["PATH"], "BALISE_HOME": str(home)}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    return backup


def names(file: Path) -> set[str]:
    plain = pyrage.decrypt(file.read_bytes(), identities(KEY))
    with tarfile.open(fileobj=BytesIO(plain)) as archive:
        return {one.name for one in archive if one.isfile()}


def test_the_keys_are_in_it_for_whoever_has_the_key(run: Run, home: Path):
    assert run().returncode == 0
    [made] = (home.parent / "out").iterdir()
    assert made.name == "keys.age"
    assert made.stat().st_mode & 0o077 == 0
    assert names(made) == {"ca/key.pem", "ca/revoked.jsonl", "tls/ca.pem"}


def test_nothing_takes_the_place_of_a_good_one(run: Run, home: Path):
    run()
    made = home.parent / "out/keys.age"
    good = made.read_bytes()
    assert run("age1-is-no-recipient").returncode != 0
    (home / "ca/key.pem").unlink()
    done = run()
    assert (done.returncode, "no key" in done.stderr) == (1, True)
    shutil.rmtree(home / "tls")
    assert run().returncode != 0
    assert made.read_bytes() == good
    assert [*made.parent.iterdir()] == [made]


def test_a_file_of_keys_may_have_several(tmp_path: Path):
    other, _ = new_key()
    found = identities(f"# of 2026\n{KEY}\n\n{other}\n")
    assert len(found) == 2
    closed = pyrage.encrypt(b"x", [pyrage.x25519.Recipient.from_str(RECIPIENT)])
    assert pyrage.decrypt(closed, found[::-1]) == b"x"
