"""What a peer is to the bench: how it is installed and started, and what it understands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from balise.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a peer works: the servers, its installed files, a folder of its own, and its topic."""

    settings: Settings
    installed: Path
    folder: Path
    topic: str

    @property
    def broker(self) -> tuple[str, int]:
        """Host and port of the broker."""
        url = urlsplit(self.settings.mqtt_url)
        return url.hostname or "", url.port or 8883

    @property
    def tls(self) -> tuple[str, str, str]:
        """The files of our authority, our certificate and its key."""
        files = (
            self.settings.mqtt_ca_file,
            self.settings.mqtt_cert_file,
            self.settings.mqtt_key_file,
        )
        ca, certificate, key = (str(one) for one in files)
        return ca, certificate, key


@dataclass(frozen=True, slots=True)
class Command:
    """A peer's process."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A peer; `most` is how many readings it understands in one message."""

    name: str
    most: int
    install: Callable[[Path], None]
    command: Callable[[Place], Command]
