"""Settings on their way to a box: published, and what the box says of them waited for."""

from __future__ import annotations

import queue
import time

from balise import sealed
from balise.errors import BoxAway, SettingsRefused
from ingest.gateway import health
from ingest.gateway.health import Health, Remote, RemoteState
from ingest.mqtt import Broker, leave, listening, retain, retained

_LARGEST = 2**31
_ABSENT_SECONDS = 5.0
"""How long to wait for a box that is offline: it may just be starting again."""


def last_said(broker: Broker, gateway: str, seconds: float) -> Remote:
    """Return what a box said last of the settings it holds."""
    topic = health.report_topic(gateway)
    return _held(health.read(retained(broker, [topic], seconds).get(topic, b"")))


def _held(report: Health | None) -> Remote:
    """Return the settings of a report; a number nobody could reach is no number."""
    found = (report and report.box and report.box.settings) or Remote()
    return found if 0 <= found.version < _LARGEST else Remote()


def send(
    broker: Broker, gateway: str, version: int, payload: bytes, before: Remote, seconds: float
) -> Remote:
    """Publish sealed settings and return what became of them: applied, or pending.

    SettingsRefused says why the box did not take them, BoxAway that it is not there to ask,
    BrokerDown that they are not at the broker.
    """
    heard: queue.Queue[Health | None] = queue.Queue()

    def hear(_topic: str, said: bytes) -> None:
        heard.put(health.read(said))

    with listening(broker, [health.topic(gateway)], hear, seconds) as client:
        retain(client, sealed.topic(gateway), payload, seconds)
        return _outcome(heard, version, before, seconds)


def post(broker: Broker, gateway: str, payload: bytes, seconds: float) -> None:
    """Publish sealed settings and leave them for the box. Raises BrokerDown."""
    leave(broker, sealed.topic(gateway), payload, seconds)


def _outcome(
    heard: queue.Queue[Health | None], version: int, before: Remote, seconds: float
) -> Remote:
    began, last = time.monotonic(), None
    found = before
    while True:
        there = last is not None and last.state == health.ONLINE
        patience = seconds if there or found.version == version else min(seconds, _ABSENT_SECONDS)
        try:
            last = heard.get(timeout=max(0.01, began + patience - time.monotonic()))
        except queue.Empty:
            break
        if last is None or last.state != health.ONLINE:
            continue
        found = _held(last)
        if found.version == version and found.state is RemoteState.APPLIED:
            return found
        if found.refused and found.refused_at != before.refused_at:
            raise SettingsRefused(f"the box refused them: {found.refused}")
    if found.version == version:
        return found
    if last is not None and last.state == health.ONLINE:
        raise BoxAway(
            f"the box is online and has said nothing of them within {seconds:.0f} s: is its Balise"
            " older than this one?"
        )
    raise BoxAway
