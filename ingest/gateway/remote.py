"""Settings that the server has set on this box: checked, kept, and in effect after a start.

The file `settings.json` is the message as it came, seal and all, so that a start checks it as its
arrival did: a box that was enrolled elsewhere leaves the old site's settings aside by itself.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from balise import remote, sealed
from balise.errors import (
    SettingsForged,
    SettingsOfAnother,
    SettingsOlder,
    SettingsRefused,
    SettingsUncheckable,
    SettingWrong,
)
from balise.files import write
from balise.remote import SHOWN
from balise.sealed import Sent
from balise.settings import Settings
from ingest.gateway.certificate import Identity
from ingest.gateway.health import Remote, RemoteState
from ingest.gateway.spool import Spool

_log = structlog.get_logger(__name__)
_POLL, _PATIENCE = 1.0, 900.0
"""Seconds between two looks, and seconds that a change waits for devices to hang up."""


class RemoteSettings:
    """What the server sets on one box; `own` is what the box is told by its environment.

    `settings` are those in effect. `take` may be called from any thread.
    """

    def __init__(self, folder: Path, own: Settings) -> None:
        self._folder = folder
        self._file = folder / "settings.json"
        self._own = own
        self._lock = threading.Lock()
        self._refused: SettingsRefused | None = None
        self._refused_at: datetime | None = None
        self._held = self._read()
        self.settings = self._wanted = self._with(self._held)
        self.due = False

    def _read(self) -> Sent | None:
        """Return what is kept, None where there is nothing or it is another authority's."""
        if not self._file.exists():
            return None
        try:
            return self._checked(self._file.read_bytes())
        except SettingsRefused as error:
            self._refuse(error)
            return None

    def take(self, payload: bytes) -> None:
        """Take a message of the broker's, or say why not; an empty one changes nothing."""
        if not payload:
            return
        with self._lock:
            try:
                self._take(payload)
            except SettingsRefused as error:
                self._refuse(error)
            except (OSError, sqlite3.Error) as error:
                self._refuse(SettingsRefused(f"the box can't keep them: {error}"))

    def _take(self, payload: bytes) -> None:
        sent, held = self._checked(payload), self._held
        if held is not None and sent != held and sent.version <= held.version:
            raise SettingsOlder(
                f"version {sent.version} of {sent.at:%Y-%m-%d %H:%M} UTC came, and version"
                f" {held.version} is held: set them again (`balise gateway set`)"
            )
        self._refused = self._refused_at = None
        if sent == held:
            self._keep_lasting(payload)
            return
        wanted = self._with(sent)
        self._has_room(wanted.spool_mb)
        write(self._file, payload, 0o600)
        self._held, self._wanted = sent, wanted
        shown = {name: getattr(wanted, name) for name in SHOWN}
        self.settings = self.settings.model_copy(update=shown)
        _log.info("settings_taken", gateway=sent.gateway, version=sent.version)

    def _keep_lasting(self, payload: bytes) -> None:
        """Keep what is held with the seal of the newest who is trusted: the former's ends."""
        newest = Identity(self._folder).trusted[0]
        with suppress(SettingsForged):
            sealed.opened(payload, newest)
            if payload != self._file.read_bytes():
                write(self._file, payload, 0o600)

    def _checked(self, payload: bytes) -> Sent:
        """Return what the message says, if it is of whom we trust, for us, and can be used."""
        try:
            trusted = Identity(self._folder).trusted
        except (OSError, ValueError) as error:
            raise SettingsUncheckable from error
        sent = sealed.opened(payload, *trusted)
        if sent.gateway != self._own.gateway_name:
            raise SettingsOfAnother
        remote.checked(sent.values)
        return sent

    def _has_room(self, megabytes: int) -> None:
        """Refuse a spool smaller than what it holds: a setting must let no measurement go."""
        path = self._folder / "spool.db"
        if megabytes >= self.settings.spool_mb or not path.exists():
            return
        spool = Spool(path)
        try:
            holds = spool.status().bytes / 2**20
        finally:
            spool.close()
        if holds > megabytes:
            raise SettingWrong(f"spool_mb: the spool holds {holds:.0f} MB; set a larger one")

    def _with(self, sent: Sent | None) -> Settings:
        values = {} if sent is None else remote.checked(sent.values)
        return remote.over(self._own, values)[0]

    def _refuse(self, error: SettingsRefused) -> None:
        # The broker says a retained message again at each connection; it is logged once.
        if str(error) != str(self._refused):
            _log.warning("settings_refused", kind=type(error).__name__, says=str(error))
        self._refused, self._refused_at = error, datetime.now(UTC)

    @property
    def changed(self) -> bool:
        """Whether what is held differs from what is in effect."""
        return self._wanted != self.settings

    def standing(self) -> Remote:
        """Return what there is to say of them, without their values."""
        held = self._held
        own = () if held is None else remote.over(self._own, held.values)[1]
        state = RemoteState.NONE
        if held is not None:
            state = RemoteState.PENDING if self.changed else RemoteState.APPLIED
        return Remote(
            state=state,
            version=held.version if held else 0,
            made_at=held.at if held else None,
            own=own,
            refused=str(self._refused or ""),
            refused_kind=type(self._refused).__name__ if self._refused else "",
            refused_at=self._refused_at,
        )

    async def watch(
        self, busy: Callable[[], bool], stop: Callable[[], object], patience: float = _PATIENCE
    ) -> None:
        """Have the gateway stop, and start anew, once something was changed and nobody is busy.

        A device that is connected all day is not waited for longer than `patience` seconds.
        """
        waited = 0.0
        while not self.changed or (busy() and waited < patience):
            await asyncio.sleep(_POLL)
            waited = waited + _POLL if self.changed else 0.0
        self.due = True
        stop()
