"""The door: the six digits of the box's sheet open the page, guessed ones do not."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from balise.files import write

CODE, KEY = "page-code", "page-key"
ATTEMPTS = 5
SHUT_SECONDS, LONGEST_SHUT = 60.0, 900.0


class Door:
    """Who may come in: who knows the code gets the key, which a browser keeps in a cookie.

    `code` stands on the box's sheet, and inside its QR code.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.code = _kept(folder / CODE, lambda: f"{secrets.randbelow(1_000_000):06}")
        self._key = _kept(folder / KEY, lambda: secrets.token_urlsafe(32))
        self._clock = clock
        self._wrong = 0
        self._shut_until = 0.0
        self._shut_for = SHUT_SECONDS

    @property
    def shut(self) -> bool:
        """Whether too many wrong codes came a moment ago."""
        return self._clock() < self._shut_until

    def knock(self, code: str) -> str | None:
        """Return the key for the right code, None for a wrong one or while the door is shut."""
        if self.shut:
            return None
        if secrets.compare_digest(code.replace(" ", "").encode(), self.code.encode()):
            self._wrong, self._shut_for = 0, SHUT_SECONDS
            return self._key
        self._wrong += 1
        if self._wrong >= ATTEMPTS:
            self._wrong = 0
            self._shut_until = self._clock() + self._shut_for
            self._shut_for = min(2 * self._shut_for, LONGEST_SHUT)
        return None

    def knows(self, key: str | None) -> bool:
        """Whether a browser has the key."""
        return key is not None and secrets.compare_digest(key.encode(), self._key.encode())


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Return a secret kept in a file of ours alone, made where there is none."""
    text = path.read_text("ascii").strip() if path.exists() else ""
    if text:
        return text
    text = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, f"{text}\n".encode(), 0o600)
    return text
