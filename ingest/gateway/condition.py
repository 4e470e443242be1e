"""Gathers how the box is, beside its devices: from its files, its disk and its settings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from balise.settings import Settings
from ingest.gateway.adapter import Adapter
from ingest.gateway.certificate import Identity
from ingest.gateway.health import Condition, SpoolHealth
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.spool import Status


def spool_health(found: Status) -> SpoolHealth:
    """Return what a status says of a spool."""
    return SpoolHealth(
        waiting=found.waiting,
        oldest=found.oldest,
        share=found.share,
        bytes=found.bytes,
        let_go=found.lost,
    )


def certificate_until(folder: Path) -> datetime | None:
    """Return until when the box's certificate is good, None where it has none."""
    try:
        return Identity(folder).certificate.not_valid_after_utc
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at, each time the box says how it is."""

    settings: Settings
    folder: Path
    spool: Callable[[], Status]
    connected_at: Callable[[], datetime | None]
    remote: RemoteSettings
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self, adapter: Adapter) -> Condition:
        """Return how it is now."""
        return Condition(
            started_at=self.started_at,
            connected_at=self.connected_at(),
            adapter=adapter,
            spool=spool_health(self.spool()),
            certificate_until=certificate_until(self.folder),
            page_port=self.settings.gateway_port,
            disk_free=shutil.disk_usage(self.folder).free,
            settings=self.remote.standing(),
        )
