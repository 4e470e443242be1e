"""The broker at home as the gateway sees it: there where a setting names one, in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from balise.errors import BaliseError, BrokerDown, UsageError
from balise.settings import Settings
from ingest.gateway import health
from ingest.gateway.box import DeviceState, State
from ingest.gateway.clock import Timekeeper
from ingest.gateway.devices import KnownDevice
from ingest.gateway.health import Health
from ingest.gateway.local import declared, link
from ingest.gateway.local.board import Board
from ingest.gateway.local.bridge import Bridge, broker_at_home
from ingest.gateway.local.declared import Source
from ingest.gateway.local.homeassistant import Place

_log = structlog.get_logger(__name__)
_PROBE_SECONDS = 5.0
MISDECLARED = "misdeclared"


class LocalHome:
    """The bridge of a home, or none; what is declared wrongly stops nothing else."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        state: Callable[[], State],
        timekeeper: Timekeeper,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._state = state
        self._timekeeper = timekeeper
        self._sources: tuple[Source, ...] = ()
        self._bridge: Bridge | None = None
        self._without = ""
        self._board = Board(
            Place(settings.gateway_name, settings.local_language),
            self.health,
            readings=settings.local_readings,
        )
        if settings.local_mqtt_url:
            try:
                self._sources = sources(folder)
                self._bridge = Bridge(
                    settings, folder / "spool.db", self._sources, self._board, timekeeper, wake
                )
            except UsageError as error:
                self._without = MISDECLARED
                _log.warning("local_misdeclared", error=str(error))

    def start(self) -> None:
        """Start the bridge, if there is one."""
        if self._bridge is not None:
            self._bridge.start()

    def stop(self) -> None:
        """End it."""
        if self._bridge is not None:
            self._bridge.stop()

    def take(self, body: bytes) -> None:
        """Take a frame that was spooled, for Home Assistant where readings are asked for."""
        if self._bridge is not None:
            self._board.take(body)

    def seen(self, state: State) -> State:
        """Return a gateway's state with its local devices in it."""
        told = self._bridge.told_at if self._bridge else {}
        devices = {one.address: one.convention for one in self._sources}
        return replace(
            state,
            local=self._bridge.state if self._bridge else self._without,
            devices=(
                *state.devices,
                *(
                    DeviceState(
                        KnownDevice(address=address, model=convention),
                        told.get(address),
                        told.get(address),
                    )
                    for address, convention in devices.items()
                ),
            ),
        )

    def health(self) -> Health:
        """Return how the gateway is, its local devices included."""
        state = self.seen(self._state())
        return health.of(state, clock_known=self._timekeeper.known(), now=datetime.now(UTC))


def sources(folder: Path) -> tuple[Source, ...]:
    """Return what a gateway's file declares; without a file, Home Assistant alone is served."""
    path = folder / declared.NAME
    return declared.read(path) if path.exists() else ()


def check(settings: Settings, folder: Path) -> str:
    """Return how the broker at home is; BaliseError says what to do where it isn't well."""
    path = folder / declared.NAME
    if not settings.local_mqtt_url:
        if path.exists():
            raise UsageError(f"{path} is there, and BALISE_LOCAL_MQTT_URL names no broker")
        return "no broker at home is named"
    found = sources(folder)
    broker = broker_at_home(settings)
    where = f"{broker.host}:{broker.port}"
    answer = link.probe(broker, _PROBE_SECONDS)
    if not answer:
        raise BrokerDown(
            f"{where} does not answer: is the home's broker on, and the address right?"
        )
    if answer != link.SUCCESS:
        raise BaliseError(
            f"{where} says {answer}: see the name and password in BALISE_LOCAL_MQTT_URL; it must"
            " speak MQTT 5 (mosquitto 1.6 or later)"
        )
    return f"{where} answers; {len(found)} local devices are declared"
