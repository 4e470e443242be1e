"""For who does not know the model: what is heard around the box, by the name it gives itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from balise.errors import RadioDown
from devices.models import MODELS
from devices.models.model import Model
from ingest.gateway.kit import Kit

SECONDS = 10.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """A name on the air, and the models that call themselves so."""

    name: str
    models: tuple[Model, ...]


class Ear:
    """Listens when asked; of what Balise does not know, such as a neighbour's phone, no name."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._kit: Kit | None = None
        self._task: asyncio.Task[None] | None = None
        self._names: set[str] = set()

    def take(self, kit: Kit | None) -> None:
        """Take the radio, None where it is gone."""
        self._kit = kit

    @property
    def listening(self) -> bool:
        """Whether it listens now."""
        return self._task is not None and not self._task.done()

    @property
    def heard(self) -> list[Heard]:
        """What was heard and may be one of ours."""
        found = (Heard(name, models_of(name)) for name in sorted(self._names))
        return [one for one in found if one.models]

    def listen(self) -> bool:
        """Start to listen; False where there is no radio."""
        if self._kit is None:
            return False
        if not self.listening:
            self._names.clear()
            self._task = asyncio.create_task(self._listen(self._kit))
        return True

    async def done(self) -> None:
        """Wait until it has listened."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    async def _listen(self, kit: Kit) -> None:
        def on_heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            self._names.add(advertisement.local_name or device.name or "")

        try:
            async with kit.scan.listening(on_heard):
                await asyncio.sleep(self.seconds)
        except (BleakError, RadioDown, OSError) as error:
            _log.warning("ear_deaf", error=type(error).__name__)


def models_of(name: str) -> tuple[Model, ...]:
    """Return the models that advertise a name."""
    said = name.casefold()
    return tuple(
        model for model in MODELS if any(said.startswith(one.casefold()) for one in model.names)
    )
