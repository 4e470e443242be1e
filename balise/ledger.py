"""What the site's authority has signed and taken back, in files beside its key."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

from balise.files import write


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger: a certificate that was signed.

    `by` says which of the site's authorities signed it, `shown` the one whose certificate the box
    came with: until it comes with one of the heir, nobody knows that the heir's reached it.
    """

    serial: str
    name: str
    until: datetime
    by: int = 1
    shown: int = 0
    fingerprint: str = ""


class Ledger:
    """`issued`, a line of JSON each; `revoked`, a serial number each; `settings`, a file a box."""

    def __init__(self, folder: Path) -> None:
        self._issued = folder / "issued"
        self._revoked = folder / "revoked"
        self._settings = folder / "settings"

    def add(self, one: Issued) -> None:
        """Write down a certificate; one line is one write, so that several processes may."""
        with self._issued.open("ab") as file:
            # On a line of its own, whatever a power cut left of the one before.
            file.write(b"\n" + msgspec.json.encode(one) + b"\n")
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

    def has(self, name: str, serial: int, fingerprint: str) -> bool:
        """Say whether a certificate is one that was signed for a gateway, by all that is known."""
        known = [one for one in self.issued(name) if int(one.serial, 16) == serial]
        return any(one.fingerprint in {"", fingerprint} for one in known)

    def still_of(self, former: int, now: datetime) -> list[str]:
        """Return the gateways that may have no good certificate but a former authority's."""
        every, revoked = self._every(), set(self.revoked())
        newest = {one.name: one for one in every}
        good = {
            one.name
            for one in every
            if one.by <= former and one.until > now and int(one.serial, 16) not in revoked
        }
        return sorted(name for name in good if newest[name].shown <= former)

    def with_settings(self) -> list[str]:
        """Return the gateways that were set anything."""
        return sorted(path.stem for path in self._settings.glob("*.json"))

    def settings(self, name: str) -> bytes | None:
        """Return what was last sealed for a gateway, None where nothing was."""
        path = self._settings / f"{name}.json"
        return path.read_bytes() if path.exists() else None

    def keep_settings(self, name: str, sealed: bytes) -> None:
        """Keep what was sealed for a gateway."""
        self._settings.mkdir(mode=0o700, exist_ok=True)
        write(self._settings / f"{name}.json", sealed, 0o600)
