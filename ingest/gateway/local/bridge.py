"""Broker at home to spool: a message is acknowledged only after its item is committed."""

from __future__ import annotations

import math
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from balise import unreadable
from balise.errors import UsageError
from balise.settings import Settings
from devices.payloads.balise_v1 import QUEUED, RETAINED, Item, encode_item
from ingest.gateway import files, gaps
from ingest.gateway.clock import Timekeeper
from ingest.gateway.local import items, topics
from ingest.gateway.local.board import Board
from ingest.gateway.local.declared import Source
from ingest.gateway.local.flood import Flood
from ingest.gateway.local.link import Arrived, Heard, Joined, Link
from ingest.gateway.local.told import Told
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker

_log = structlog.get_logger(__name__)

_LOOKED_BACK = 20_000
_RETRY_SECONDS, _WAIT_SECONDS, _MARK_SECONDS = 1.0, 1.0, 5.0


def broker_at_home(settings: Settings) -> Broker:
    """Return the broker at home; UsageError names the setting to mend."""
    try:
        return Broker(
            settings.model_copy(
                update={
                    "mqtt_url": settings.local_mqtt_url,
                    "mqtt_ca_file": settings.local_mqtt_ca_file,
                    "mqtt_cert_file": None,
                    "mqtt_key_file": None,
                }
            )
        )
    except UsageError as error:
        raise UsageError(str(error).replace("BALISE_MQTT", "BALISE_LOCAL_MQTT")) from error


class Bridge:
    """Spools what the local devices of one home say, in threads of its own."""

    def __init__(
        self,
        settings: Settings,
        spool: Path,
        sources: Sequence[Source],
        board: Board,
        timekeeper: Timekeeper,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._spool_path, self._megabytes = spool, settings.spool_mb
        self._sources = sources
        self._board = board
        self._timekeeper = timekeeper
        self._wake = wake
        self._mark, self._marked = f"{board.root}/mark", b""
        self._mark_due = math.inf
        self._session = spool.with_name("local-session.json")
        self._flood = Flood()
        self._behind = False
        self.ready = False
        self._stop = threading.Event()
        name = f"balise-{settings.gateway_name}"
        self._link = Link(broker_at_home(settings), name, board.will)
        self._thread = threading.Thread(target=self._run, name="local", daemon=True)
        self.told_at: dict[str, datetime] = {}

    def start(self) -> None:
        """Connect, now or as soon as the broker is there, and spool."""
        self._link.start()
        self._thread.start()

    def stop(self) -> None:
        """End; what is not committed the broker keeps."""
        if self._link.connected:
            self._board.leave(self._link)
        self._stop.set()
        self._link.stop()
        self._thread.join()

    @property
    def state(self) -> str:
        """How the connection is: connected, connecting, unreachable or refused."""
        return self._link.state if self._thread.is_alive() else "ended"

    def _run(self) -> None:
        spool = Spool(self._spool_path, self._megabytes)
        told = Told(self._known(), self._sources, (body for _, body in spool.newest(_LOOKED_BACK)))
        try:
            while not self._stop.is_set():
                heard = self._link.take(_WAIT_SECONDS)
                while heard and not self._stop.is_set():
                    heard = self._keep(spool, told, heard)
                self._mark_the_end()
                self._declare(spool)
                with suppress(sqlite3.Error):  # what is said of us must not end us
                    self._board.show(self._link)
                self._link.revive()
            # What came at QoS 0 is with us alone.
            self._keep(spool, told, self._link.take(0))
            self._declare(spool, now=True)
        finally:
            spool.close()

    def _declare(self, spool: Spool, *, now: bool = False) -> None:
        """Put the account of a flood into the spool; on a full disk, later."""
        gap = self._flood.gap(now=now)
        if gap is not None:
            with suppress(sqlite3.Error):
                spool.put(gaps.item(gap))
                self._flood.declared()

    def _keep(self, spool: Spool, told: Told, heard: list[Heard]) -> list[Heard]:
        """Take what was heard, in its order; return what is to be tried again."""
        for place, one in enumerate(heard):
            try:
                if isinstance(one, Joined):
                    self._join(told, one)
                else:
                    self._take(spool, told, one)
            except (sqlite3.Error, OSError) as error:
                # A full disk: nothing in hand is acknowledged, and the network waits with us.
                _log.warning("local_spool_failed", error=type(error).__name__)
                self._stop.wait(_RETRY_SECONDS)
                return heard[place:]
        return []

    def _join(self, told: Told, joined: Joined) -> None:
        """Ask for what is declared, and for the end of what the broker has kept for us."""
        if not joined.resumed or not told.session:
            session = secrets.token_hex(8)
            files.write_json(self._session, session)
            told.start_over(session)
        self._behind, self.ready = joined.resumed, False
        self._link.subscribe(sorted({one.topic for one in self._sources} | {self._mark}))
        self._board.join(self._link)
        self._marked, self._mark_due = secrets.token_hex(8).encode(), 0.0
        self._mark_the_end()

    def _mark_the_end(self) -> None:
        """Send ourselves a word behind what the broker has kept; a full queue drops it."""
        if not self.ready and self._link.connected and time.monotonic() >= self._mark_due:
            self._mark_due = time.monotonic() + _MARK_SECONDS
            self._link.publish(self._mark, self._marked, retain=False)

    def _take(self, spool: Spool, told: Told, arrived: Arrived) -> None:
        if arrived.topic == self._mark:
            if arrived.message.payload == self._marked:
                self._behind, self.ready = False, True
        elif not self._board.heard(self._link, arrived):
            payload = bytes(arrived.message.payload)
            for source in self._meant(arrived.topic, payload):
                self._spool(spool, told, source, arrived)
        self._link.acknowledge(arrived)

    def _meant(self, topic: str, payload: bytes) -> list[Source]:
        """Return whose a message is; one that no field tells apart is the first source's."""
        found = [one for one in self._sources if topics.matches(topic, one.topic)]
        return [one for one in found if items.is_of(one, payload)][:1] or (
            found[:1] if not items.members(payload) else []
        )

    def _spool(self, spool: Spool, told: Told, source: Source, arrived: Arrived) -> None:
        item = self._item(told, source, arrived)
        if arrived.message.dup and told.redelivered(item):
            return
        if item.kept == RETAINED and told.known(item):
            return
        if told.repeated(source, item):
            return
        if not item.kept and self._flood.over(source.address, arrived.at):
            return
        spool.put(self._timekeeper.marked(encode_item(item)))
        told.note(source, item)
        self.told_at[source.address] = arrived.at
        self._wake()

    def _item(self, told: Told, source: Source, arrived: Arrived) -> Item:
        message = arrived.message
        kept = RETAINED if message.retain else QUEUED if self._behind else ""
        return items.item_of(
            source,
            bytes(message.payload),
            captured_at=arrived.at,
            kept=kept,
            session=told.packet(message.mid),
        )

    def _known(self) -> str:
        """Return what names the broker's memory of us, nothing where there is none yet."""
        try:
            return msgspec.json.decode(self._session.read_bytes(), type=str)
        except (OSError, *unreadable.JSON):
            return ""
