"""What the site's authority has signed and taken back, in files beside its key."""

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
    by: int = 1  # which of the site's authorities signed it


class Ledger:
    """`issued`, a line of JSON each; `revoked`, a serial number each; `settings`, a file a box."""

    def __init__(self, folder: Path) -> None:
        self._issued = folder / "issued"
        self._revoked = folder / "revoked"
        self._settings = folder / "settings"

    def add(self, serial: int, name: str, until: datetime, by: int) -> None:
        """Write down a certificate; one line is one write, so that several processes may."""
        with self._issued.open("ab") as file:
            # On a line of its own, whatever a power cut left of the one before.
            file.write(b"\n" + msgspec.json.encode(Issued(f"{serial:x}", name, until, by)) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def issued(self, name: str) -> list[Issued]:
        """Return a gateway's certificates, the oldest first."""
        return [one for one in self._every() if one.name == name]

    def _every(self) -> list[Issued]:
        lines = self._issued.read_bytes().splitlines() if self._issued.exists() else []
        # A power cut may leave half a line, of a certificate that nobody was given.
        whole = [line for line in lines if line.endswith(b"}")]
        return [msgspec.json.decode(line, type=Issued) for line in whole]

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
        return name in self.shut_out()

    def shut_out(self) -> set[str]:
        """Return the gateways whose newest certificate was taken back."""
        newest, revoked = {one.name: one for one in self._every()}, set(self.revoked())
        return {name for name, one in newest.items() if int(one.serial, 16) in revoked}

    def still_of(self, former: int, now: datetime) -> list[str]:
        """Return the gateways whose newest certificate is good and of a former authority."""
        newest, revoked = {one.name: one for one in self._every()}, set(self.revoked())
        good = [one for one in newest.values() if one.until > now and one.by <= former]
        return sorted(one.name for one in good if int(one.serial, 16) not in revoked)

    def every_settings(self) -> dict[str, bytes]:
        """Return what was last sealed, for each gateway that was set anything."""
        return {path.stem: path.read_bytes() for path in sorted(self._settings.glob("*.json"))}

    def settings(self, name: str) -> bytes | None:
        """Return what was last sealed for a gateway, None where nothing was."""
        path = self._settings / f"{name}.json"
        return path.read_bytes() if path.exists() else None

    def keep_settings(self, name: str, sealed: bytes) -> None:
        """Keep what was sealed for a gateway."""
        self._settings.mkdir(mode=0o700, exist_ok=True)
        write(self._settings / f"{name}.json", sealed, 0o600)
