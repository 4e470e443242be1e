"""A full spool: what goes first, what is declared for it, and that it always drains."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from devices.payloads.balise_v1 import Gap, Item, NumberedItem, encode_item, encode_message, read
from devices.validation import Landed, Registry, validate
from ingest.gateway import gaps, ranges
from ingest.gateway.ranges import Ranges
from ingest.gateway.room import SpoolFull
from ingest.gateway.spool import Spool

Answer = TypeVar("Answer")
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
STRAP, CUFF = "F0:00:00:00:00:02", "C0:00:00:00:0A:01"


def beat(number: int) -> bytes:
    return item(number, STRAP, "180D", "2A37")


def pressure(number: int) -> bytes:
    return item(number, CUFF, "1810", "2A35")


def item(number: int, device: str, service: str, characteristic: str) -> bytes:
    return encode_item(
        Item(
            device=device,
            captured_at=NOW + timedelta(seconds=number),
            session="7d1f3f3e-8a5b-4f6e-9d53-000000000000",
            service=service,
            characteristic=characteristic,
            data=f"{number:08x}",
        )
    )


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.db", megabytes=1)
    yield spool
    spool.close()


def fill(
    spool: Spool, make: Callable[[int], bytes], count: int = 10_000, a_commit: int = 10
) -> None:
    for first in range(0, count, a_commit):
        spool.put(*(make(number) for number in range(first, first + a_commit)))


def waiting(spool: Spool) -> list[NumberedItem]:
    rows = spool.newer(0, 1_000_000)
    return list(read(encode_message(spool.epoch, rows)).every()) if rows else []


def declared(spool: Spool) -> list[Gap]:
    return [one.gap for one in waiting(spool) if one.gap is not None]


def lost(found: list[Gap]) -> Ranges:
    return ranges.merged(*(one.ranges for one in found))


def accounted(spool: Spool) -> None:
    """Assert that every number ever given is here, held, or in a gap, as rows and as figures."""
    here = ranges.of(one.seq for one in waiting(spool))
    assert here == spool.missing()
    undeclared = [
        gaps.read(body) for (body,) in spool._db.execute("SELECT body FROM gap").fetchall()
    ]
    sets = (here, spool._ledger.held(), lost(declared(spool) + undeclared))
    assert sum(map(ranges.count, sets)) == spool.given()
    assert ranges.merged(*sets) == ((1, spool.given()),)


def test_it_stays_within_its_bound_whatever_is_put(spool: Spool, tmp_path: Path):
    fill(spool, beat)
    assert (tmp_path / "spool.db").stat().st_size <= 1024 * 1024
    status = spool.status()
    assert status.share is not None
    assert 0.6 < status.share <= 1
    assert status.lost == 10_000 - status.waiting > 0
    accounted(spool)


def test_what_the_server_holds_goes_first_the_oldest_first(spool: Spool):
    fill(spool, pressure, 2000)
    spool.receipt([(1, 500)], NOW - timedelta(days=1))
    spool.receipt([(1, 1900)], NOW)
    fill(spool, beat, 2500)
    assert spool.status().lost == 0
    held = spool._ledger.held()
    assert ranges.count(held) < 1900
    assert held[-1][1] == 1900
    assert spool.depth() == 2600


def test_streams_go_before_single_measurements_and_each_with_its_account(spool: Spool):
    for number in range(1000):
        spool.put(*(beat(10 * number + second) for second in range(9)), pressure(number))
    spool.declare()
    items = waiting(spool)
    assert sum(one.device == CUFF for one in items) == 1000
    beats = [one.seq for one in items if one.device == STRAP]
    assert beats == sorted(beats)
    assert beats[0] > 5000
    found = declared(spool)
    assert all(one.reason == "spool_full" for one in found)
    assert all(one.devices == {STRAP: one.count} for one in found)
    assert found[0].first == NOW
    assert sum(one.count for one in found) == ranges.count(lost(found)) == 9000 - len(beats)
    accounted(spool)


def test_without_streams_the_oldest_go_and_a_declared_gap_never_does(spool: Spool):
    fill(spool, pressure, 6000)
    spool.declare()
    first = declared(spool)
    fill(spool, pressure, 6000)
    spool.declare()
    found = declared(spool)
    assert found[: len(first)] == first
    assert len(found) > len(first)
    assert min(one.seq for one in waiting(spool) if one.gap is None) > 6000
    accounted(spool)


def test_a_gap_of_many_pieces_is_told_in_more_than_one_item(spool: Spool):
    for number in range(4000):
        spool.put(beat(number), pressure(number))
    spool.declare()
    found = declared(spool)
    assert len(found) > 1
    assert all(len(gaps.item(one)) < 32_000 for one in found)
    accounted(spool)


def test_a_full_spool_drains_and_is_then_as_good_as_new(spool: Spool):
    fill(spool, beat)
    spool.declare()
    given = spool.given()
    spool.receipt([(1, given)], NOW)
    assert spool.depth() == 0
    while spool.forget(NOW + timedelta(days=9)):
        pass
    lost_before = spool.status().lost
    fill(spool, beat, 1000)
    status = spool.status()
    assert (status.waiting, status.lost) == (1000, lost_before)


def test_what_is_larger_than_the_spool_is_refused_and_nothing_goes_for_it(spool: Spool):
    fill(spool, pressure, 100)
    with pytest.raises(SpoolFull):
        spool.put(b"x" * 2_000_000)
    assert (spool.depth(), spool.status().lost) == (100, 0)
    spool.put(pressure(1))


def test_what_was_passed_over_for_a_put_that_failed_is_not_passed_over_for_ever(spool: Spool):
    fill(spool, beat, 2000)
    with pytest.raises(SpoolFull):
        spool.put(b"x" * 2_000_000)
    fill(spool, pressure, 2000)
    spool.declare()
    assert all(one.devices == {STRAP: one.count} for one in declared(spool))
    accounted(spool)


def test_a_smaller_bound_than_the_file_already_has_is_kept_to_from_then_on(tmp_path: Path):
    large = Spool(tmp_path / "spool.db")
    fill(large, beat, 10_000, 1000)
    large.close()
    spool = Spool(tmp_path / "spool.db", megabytes=1)
    spool.put(beat(1))
    assert spool.status().bytes <= 1024 * 1024
    accounted(spool)
    spool.close()


def test_a_declared_gap_ends_as_one_refusal_that_says_what_is_missing(spool: Spool):
    fill(spool, beat)
    spool.declare()
    payload = encode_message(spool.epoch, spool.newer(0, 100_000)[-1:])
    (refused,) = validate(Landed(1, 1, NOW, "home-1", "t", payload), Registry({}, {}))
    assert "gap (spool_full): " in refused.detail  # type: ignore[union-attr]
    assert "of 1 devices, captured 2026-11-25 09:00:00+00:00 to " in refused.detail  # type: ignore[union-attr]


def test_an_unreadable_item_is_counted_in_a_gap_like_any_other():
    gap = gaps.of([(1, b"\xff"), (2, b'{"device":"D","captured_at":"x"}'), (5, beat(1))], "r")
    assert (gap.ranges, gap.count) == (((1, 2), (5, 5)), 3)
    assert gap.devices == {"": 2, STRAP: 1}
    assert gaps.read(gaps.encode(gap)) == gap
    assert msgspec.json.decode(gaps.item(gap), type=Item).gap == gap


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB, really full when it is full."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("this kernel or container lets nobody mount")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_disk_that_others_filled_refuses_and_keeps_every_committed_row(
    small_disk: Path, seed: int
):
    spool = Spool(small_disk / "spool.db")
    kept = refused = 0
    for number in range(20_000):
        try:
            spool.put(beat(number), beat(number + seed))
            kept += 2
        except sqlite3.Error:
            refused += 1
            if refused > 50:
                break
    assert refused
    assert kept > 1000
    (small_disk / "spool.db").stat()
    assert spool.depth() == kept
    again = Spool(small_disk / "spool.db")
    assert again.depth() == len(again.newer(0, 100_000)) == kept
    assert again._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    again.close()
    spool.close()


def test_a_bound_below_the_disk_drains_where_others_filled_the_disk(small_disk: Path):
    spool = Spool(small_disk / "spool.db", megabytes=1)
    fill(spool, beat)
    with pytest.raises(OSError, match="No space left"):
        fill_disk(small_disk / "ballast")
    # The log has no room to grow, so that the first to meet its end fails and the next doesn't.
    again(spool.declare)
    again(lambda: spool.receipt([(1, spool.given())], NOW))
    assert spool.depth() == 0
    while again(lambda: spool.forget(NOW + timedelta(days=9))):
        pass
    for number in range(3000):
        again(lambda number=number: spool.put(beat(number)))
    assert spool.depth() >= 3000
    assert spool._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    spool.close()


def fill_disk(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def again(do: Callable[[], Answer]) -> Answer:
    """Do something, once more where the disk was full."""
    try:
        return do()
    except sqlite3.OperationalError:
        return do()
