"""The folder a stack lives in: who owns what in it, its secrets, its ports and its lock."""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
from pathlib import Path
from typing import IO

from balise.errors import StackUnavailable
from balise.stack import ports
from balise.stack.account import Account, run_as, service_account


class Home:
    """One stack's folder; every file in it is closed to other users."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.account = service_account(self.root)

    @property
    def server_uid(self) -> int:
        """The id of the user the database and the broker run as."""
        return self.account.uid if self.account else os.geteuid()

    def open(self) -> None:
        """Make the folder; root's lets the servers' user walk through, and no more."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackUnavailable(f"No folder can be made for the stack: {error}") from error
        if self.root.stat().st_uid != os.geteuid():
            raise StackUnavailable(
                f"{self.root} belongs to another user; run Balise as that user, or name another "
                "folder in BALISE_HOME."
            )
        self.root.chmod(0o711 if self.account else 0o700)

    def folder(self, name: str) -> Path:
        """Return a folder of the caller's own."""
        path = self.root / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def served(self, name: str) -> Path:
        """Return a folder that belongs to the servers' user, and that this user can get to."""
        path = self.folder(name)
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)
            try:
                run_as(self.account, ("test", "-w", str(path)), os.environ)
            except subprocess.CalledProcessError as error:
                raise StackUnavailable(
                    f"{path} can't be reached by user {self.account.uid}, who runs the servers for "
                    "root: open the folders above it (chmod o+x), or name another in BALISE_HOME."
                ) from error
        return path

    def give(self, path: Path, text: str) -> None:
        """Write a file for the servers' user."""
        _write(path, text, self.account)

    def secret(self, name: str) -> str:
        """Return a password, made on first use and kept in a file only the caller reads."""
        path = self.folder("secrets") / name
        if not path.exists():
            _write(path, secrets.token_urlsafe(24), None)
        return path.read_text(encoding="ascii")

    def secrets(self, start: str) -> list[str]:
        """Return the names of the passwords made so far, without the start they share."""
        made = self.folder("secrets").glob(f"{start}*")
        return [path.name.removeprefix(start) for path in made]

    def forget_secrets(self, start: str) -> None:
        """Delete the passwords whose names begin so."""
        for path in self.folder("secrets").glob(f"{start}*"):
            path.unlink()

    def port(self, name: str, before: int = 0) -> int:
        """Return a port: the one it had before, the remembered one, or a new one if that is taken.

        Only a server that was up already must have its old port back, as others know it by now.
        """
        if before:
            ports.await_free(before)
            return before
        remembered = self.remembered_port(name)
        if remembered and ports.is_free(remembered):
            return remembered
        port = ports.free()
        (self.folder("ports") / name).write_text(str(port), encoding="ascii")
        return port

    def remembered_port(self, name: str) -> int:
        """Return the port this server had when it last ran, or 0."""
        memory = self.root / "ports" / name
        text = memory.read_text(encoding="ascii") if memory.exists() else ""
        return int(text) if text.isdigit() else 0

    def lock(self) -> IO[str]:
        """Hold this home until the file is closed; the kernel lets go when the process dies."""
        file = (self.root / "stack.lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise StackUnavailable(
                f"The stack in {self.root} is already running, pid {owner}; stop that one first."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file


def _write(path: Path, text: str, owner: Account | None) -> None:
    """Write a file whole or not at all, for its owner alone."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    # O_EXCL: the folder may not be root's, and a link laid there must not be followed.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if owner:
            os.fchown(descriptor, owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
