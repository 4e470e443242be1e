"""A copy that somebody else closed for the same key: it is refused, and nothing is written."""

from __future__ import annotations

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tarfile import TarFile, TarInfo

import pytest

from balise.errors import BackupUnreadable
from balise.sealed_archive import new_key, recipients, writing
from balise.wal.rebuilding import rebuild, verify

KEY, RECIPIENT = new_key()
LOG = [{"Timeline": 1, "Start-LSN": "0/1000000", "End-LSN": "0/1000100"}]


def tar(name: str, content: bytes = b"x") -> bytes:
    file = BytesIO()
    with TarFile(fileobj=file, mode="w") as archive:
        member = TarInfo(name)
        member.size = len(content)
        archive.addfile(member, BytesIO(content))
    return file.getvalue()


def manifest(name: str, *, log: object = LOG) -> bytes:
    file = {"Path": name, "Checksum": sha256(b"x").hexdigest()}
    return json.dumps({"Files": [file], "WAL-Ranges": log}).encode()


def copied(folder: Path, told: bytes, base: bytes) -> Path:
    chain = folder / "copy/balise_20260201_000000_000000"
    chain.mkdir(parents=True)
    with writing(chain / "base-20260201T000001Z.age", recipients(RECIPIENT)) as archive:
        archive.add("base.tar", [base])
        archive.add("backup_manifest", [told])
    log = chain / "wal-0000000001000000-0000000001000100-20260201T000002Z.age"
    with writing(log, recipients(RECIPIENT)) as archive:
        archive.add("wal", [bytes(0x100)])
    return chain.parent


def test_what_is_as_it_was_written_is_read(tmp_path: Path):
    [found] = verify(copied(tmp_path, manifest("a"), tar("a")), KEY)
    assert (found["files"], found["bytes"], found["log"]) == (1, 1, 0x100)


FORGED = {
    "no manifest": (b"", tar("a")),
    "no files": (b"{}", tar("a")),
    "no log": (manifest("a", log=[]), tar("a")),
    "a place that is none": (manifest("a", log=[LOG[0] | {"Start-LSN": "x"}]), tar("a")),
    "no tar": (manifest("a"), b"no tar at all" * 99),
    "half a tar": (manifest("a"), tar("a", b"x" * 9999)[:5000]),
    "another file": (manifest("a"), tar("b")),
    "a file less": (manifest("a"), bytes(10240)),
    "out of the folder": (manifest("../a"), tar("../a")),
    "from the root": (manifest("/tmp/a"), tar("/tmp/a")),  # noqa: S108 - what must not be
}


@pytest.mark.parametrize(("told", "base"), FORGED.values(), ids=FORGED)
def test_what_is_not_is_refused(tmp_path: Path, told: bytes, base: bytes):
    folder = copied(tmp_path, told, base)
    with pytest.raises(BackupUnreadable):
        list(verify(folder, KEY))
    with pytest.raises(BackupUnreadable):
        rebuild(folder, tmp_path / "data", KEY, None)
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "a").exists()
