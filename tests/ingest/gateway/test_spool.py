from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.payloads.balise_v1 import Item, encode_item
from ingest.gateway.spool import Spool

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "spool.db"


def seqs(spool: Spool) -> list[int]:
    return [seq for seq, _ in spool.newer(0, 100)]


def test_what_is_put_waits_until_its_receipt(path: Path):
    spool = Spool(path)
    spool.put(b"a", b"b", b"c")
    assert spool.newer(0, 2) == [(1, b"a"), (2, b"b")]
    assert not spool.receipt([(1, 2)], NOW)
    assert seqs(spool) == [3]
    assert (spool.depth(), spool.given()) == (1, 3)
    spool.close()


def test_both_ends_of_what_waits_are_read_in_order_and_what_is_held_is_passed_over(path: Path):
    spool = Spool(path)
    spool.put(*(b"%d" % number for number in range(1, 11)))
    spool.receipt([(3, 4), (8, 8)], NOW)
    assert [seq for seq, _ in spool.newer(1, 4)] == [2, 5, 6, 7]
    assert [seq for seq, _ in spool.older(10, 4)] == [9, 7, 6, 5]
    assert [seq for seq, _ in spool.between(2, 5)] == [2, 5]
    spool.close()


def test_a_server_restored_to_an_older_point_gets_everything_again(path: Path):
    spool = Spool(path)
    spool.put(*[b"x"] * 10)
    spool.receipt([(1, 10)], NOW)
    assert spool.depth() == 0
    assert spool.receipt([(1, 4), (7, 7)], NOW)
    assert seqs(spool) == [5, 6, 8, 9, 10]
    spool.close()


def test_a_receipt_is_forgotten_after_a_week_and_numbers_never_come_again(path: Path):
    spool = Spool(path)
    spool.put(b"a", b"b")
    spool.receipt([(1, 2)], NOW)
    assert not spool.forget(NOW + timedelta(days=6))
    spool.receipt([], NOW)
    assert spool.depth() == 2
    spool.receipt([(1, 2)], NOW)
    assert spool.forget(NOW + timedelta(days=8))
    assert not spool.forget(NOW + timedelta(days=8))
    spool.put(b"c")
    assert seqs(spool) == [3]
    # What is forgotten can't wait again, whatever a server says.
    assert not spool.receipt([], NOW)
    assert seqs(spool) == [3]
    spool.close()


def test_a_receipt_for_numbers_never_given_says_nothing_of_the_next_items(path: Path):
    spool = Spool(path)
    spool.put(b"a")
    spool.receipt([(1, 50)], NOW)
    spool.put(b"b")
    assert seqs(spool) == [2]
    spool.close()


def test_a_receipt_for_a_month_is_one_small_write(path: Path):
    spool = Spool(path)
    spool.put(*[b"x" * 300] * 20_000)
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spool.receipt([(1, 20_000)], NOW)
    assert path.with_name("spool.db-wal").stat().st_size < 32_000
    spool.close()


def test_the_epoch_is_the_files(path: Path, tmp_path: Path):
    first, again, other = Spool(path), Spool(path), Spool(tmp_path / "other.db")
    assert first.epoch == again.epoch != other.epoch
    for spool in (first, again, other):
        spool.close()


def test_only_its_owner_reads_the_file(path: Path):
    Spool(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_commits_survive_a_power_cut_by_sqlites_own_promise(path: Path):
    spool = Spool(path)
    assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    spool.close()


def test_the_log_is_cut_back_once_it_is_written_into_the_file(path: Path):
    spool = Spool(path)
    spool.put(*[b"x" * 1000] * 20_000)
    wal = path.with_name("spool.db-wal")
    assert wal.stat().st_size > 20_000_000
    spool.put(b"x")
    spool.put(b"x")
    assert wal.stat().st_size <= 4 * 1024 * 1024
    spool.close()


def test_a_put_that_fails_leaves_nothing_behind_and_the_next_one_works(path: Path):
    spool = Spool(path)
    spool._db.execute(
        "CREATE TRIGGER fail AFTER INSERT ON item WHEN new.body = x'00' BEGIN"
        " SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(sqlite3.IntegrityError):
        spool.put(b"a", b"\0")
    spool.put(b"b")
    assert spool.newer(0, 10) == [(1, b"b")]
    spool.close()


def test_its_status_says_how_much_waits_since_when_and_how_full_it_is(path: Path):
    spool = Spool(path, megabytes=1)
    empty = spool.status()
    assert (empty.given, empty.waiting, empty.share, empty.oldest, empty.lost) == (0, 0, 0, None, 0)
    spool.put(*(encode_item(Item(device="D", captured_at=NOW, data="00" * 500)) for _ in range(90)))
    spool.receipt([(1, 45)], NOW)
    status = spool.status()
    assert (status.given, status.waiting, status.oldest) == (90, 45, NOW)
    assert 90 * 1000 < status.bytes < 200_000
    assert status.share is not None
    assert 0.05 < status.share < 0.1
    spool.close()
    unbounded = Spool(path)
    assert unbounded.status().share is None
    unbounded.close()
