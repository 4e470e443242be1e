"""What the site's authority has signed and taken back, in two files beside its key."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

from balise.files import write


class Issued(msgspec.Struct, frozen=True):
    """One line of the ledger: a certificate that was signed."""

    serial: str
    name: str
    until: datetime


class Ledger:
    """The two files: `issued`, a line of JSON each, and `revoked`, a serial number each."""

    def __init__(self, folder: Path) -> None:
        self._issued = folder / "issued"
        self._revoked = folder / "revoked"

    def add(self, serial: int, name: str, until: datetime) -> None:
        """Write down a certificate; one line is one write, so that several processes may."""
        with self._issued.open("ab") as file:
            # On a line of its own, whatever a power cut left of the one before.
            file.write(b"\n" + msgspec.json.encode(Issued(f"{serial:x}", name, until)) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def issued(self, name: str) -> list[Issued]:
        """Return a gateway's certificates, the oldest first."""
        lines = self._issued.read_bytes().splitlines() if self._issued.exists() else []
        # A power cut may leave half a line, of a certificate that nobody was given.
        whole = [line for line in lines if line.endswith(b"}")]
        found = [msgspec.json.decode(line, type=Issued) for line in whole]
        return [one for one in found if one.name == name]

    def revoked(self) -> list[int]:
        """Return the serial numbers that were taken back."""
        text = self._revoked.read_text("ascii") if self._revoked.exists() else ""
        return [int(serial, 16) for serial in text.split()]

    def revoke(self, name: str) -> int:
        """Take back what a gateway has; return how many certificates were good until now."""
        before = self.revoked()
        every = [int(one.serial, 16) for one in self.issued(name)]
        new = [serial for serial in every if serial not in before]
        lines = [f"{serial:x}\n" for serial in [*before, *new]]
        write(self._revoked, "".join(lines).encode(), 0o600)
        return len(new)

    def is_shut_out(self, name: str) -> bool:
        """Say whether the newest certificate of a gateway was taken back."""
        every = self.issued(name)
        return bool(every) and int(every[-1].serial, 16) in self.revoked()
