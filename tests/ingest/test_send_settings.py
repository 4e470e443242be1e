"""What becomes of settings that were sent, by what the box says meanwhile."""

from __future__ import annotations

import queue
import time
from datetime import UTC, datetime

import msgspec
import pytest

from balise.errors import BoxAway, SettingsRefused
from ingest import send_settings
from ingest.gateway import health
from ingest.gateway.health import Condition, Health, Remote, RemoteState

NOW = datetime(2026, 11, 25, tzinfo=UTC)
BEFORE = Remote(state=RemoteState.APPLIED, version=2, refused="an old one", refused_at=NOW)
PENDING, APPLIED = (
    Remote(state=state, version=3) for state in (RemoteState.PENDING, RemoteState.APPLIED)
)


def outcome(*said: Health | None, seconds: float = 0.2) -> Remote:
    heard: queue.Queue[Health | None] = queue.Queue()
    for one in said:
        heard.put(one)
    return send_settings._outcome(heard, 3, BEFORE, seconds)


def online(settings: Remote) -> Health:
    return Health(box=Condition(settings=settings))


OFFLINE = health.read(health.LAST_WILL)


def test_a_box_that_starts_anew_meanwhile_is_waited_for():
    assert outcome(online(BEFORE), online(PENDING), OFFLINE, None, online(APPLIED)) == APPLIED


def test_a_box_whose_device_is_connected_says_that_it_will():
    assert outcome(online(BEFORE), online(PENDING)) == PENDING


def test_only_a_new_refusal_counts():
    with pytest.raises(BoxAway, match="has said nothing"):
        outcome(online(BEFORE))
    again = msgspec.structs.replace(BEFORE, refused="forged", refused_at=datetime.now(UTC))
    with pytest.raises(SettingsRefused, match="forged"):
        outcome(online(BEFORE), online(again))


def test_a_box_that_is_away_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(send_settings, "_ABSENT_SECONDS", 0.1)
    began = time.monotonic()
    with pytest.raises(BoxAway, match="when it is back"):
        outcome(OFFLINE, seconds=30)
    assert time.monotonic() - began < 5


def test_a_version_that_nobody_could_reach_is_no_version():
    forged = online(Remote(version=2**60))
    assert send_settings._held(forged) == Remote()
