from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from balise.settings import Settings
from bench.waiting import until
from devices.payloads.balise_v1 import encode_receipt
from ingest.gateway import publish
from ingest.gateway.publish import Publisher
from ingest.gateway.ranges import Ranges
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker


class Message:
    def __init__(self, payload: bytes) -> None:
        self.payload = payload


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    settings = Settings(mqtt_url="mqtt://127.0.0.1:1")
    return Publisher(Broker(settings), "home-1", tmp_path / "spool.db", 60)


def hear(publisher: Publisher, payload: bytes) -> None:
    message: Any = Message(payload)
    publisher._on_message(publisher._client, None, message)


def test_a_receipt_that_a_full_disk_refused_is_taken_when_there_is_room(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    refusals = [1, 2, 3]
    take = Spool.receipt

    def refuse(self: Spool, stored: Ranges, now: datetime) -> bool:
        if refusals:
            refusals.pop()
            raise sqlite3.OperationalError("database or disk is full")
        return take(self, stored, now)

    monkeypatch.setattr(Spool, "receipt", refuse)
    monkeypatch.setattr(publish, "_RETRY_SECONDS", 0.01)
    with closing(Spool(tmp_path / "spool.db")) as spool:
        spool.put(b"{}", b"{}")
        publisher.start()
        hear(publisher, encode_receipt({str(spool.epoch): ((1, 2),)}))
        until(lambda: spool.depth() == 0)
        assert publisher.alive
        publisher.stop()
    assert refusals == []


def test_of_many_receipts_the_last_says_it_all_and_an_unreadable_one_says_nothing(
    publisher: Publisher, tmp_path: Path
):
    with closing(Spool(tmp_path / "spool.db")) as spool:
        spool.put(*[b"{}"] * 100)
        for high in range(1, 91):
            hear(publisher, encode_receipt({str(spool.epoch): ((1, high),)}))
        hear(publisher, b"nonsense")
        publisher.start()
        until(lambda: spool.depth() == 10)
        publisher.stop()
    assert not publisher._receipts


def test_a_spool_that_can_not_be_opened_yet_is_opened_when_it_can(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(publish, "_RETRY_SECONDS", 0.01)
    file = tmp_path / "spool.db"
    file.mkdir()
    publisher.start()
    time.sleep(0.1)
    assert publisher.alive
    file.rmdir()
    with closing(Spool(file)) as spool:
        spool.put(b"{}")
        hear(publisher, encode_receipt({str(spool.epoch): ((1, 1),)}))
        until(lambda: spool.depth() == 0)
    publisher.stop()


def test_who_is_stopped_before_the_spool_can_be_opened_ends(publisher: Publisher, tmp_path: Path):
    (tmp_path / "spool.db").mkdir()
    publisher.start()
    publisher.stop()
    assert not publisher.alive
