"""How much waits in a spool, asked by any thread: a connection for each."""

from __future__ import annotations

import threading
from pathlib import Path

from ingest.gateway import health
from ingest.gateway.spool import Spool, Status


class Depth:
    """The spool of one box, looked at."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self._path = path
        self._megabytes = megabytes
        self._local = threading.local()

    def waiting(self) -> int:
        """Return how many items have no receipt yet."""
        return self._spool().depth()

    def full(self) -> bool:
        """Whether what waits takes nearly all the room, so that some of it must go soon."""
        share = self.status().share
        return share is not None and share > health.FULL

    def status(self) -> Status:
        """Return what there is to say of the spool."""
        return self._spool().status()

    def _spool(self) -> Spool:
        if not hasattr(self._local, "spool"):
            self._local.spool = Spool(self._path, self._megabytes)
        spool: Spool = self._local.spool
        return spool
