"""A server of ours as a child process: its log, its pid file, its orderly end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from balise.errors import StackUnavailable
from balise.stack.home import Home

LOG_LIMIT = 10_000_000

Ladder = Sequence[tuple[signal.Signals, float]]
"""Signals to send one after the other, each with the seconds it is given."""

POLITE: Ladder = ((signal.SIGTERM, 20), (signal.SIGKILL, 5))


def cmdline(pid: int) -> bytes:
    """Return a process's command line; nothing for one that is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def end(pid: int, ladder: Ladder, gone: Callable[[], bool]) -> None:
    """Send a process one signal after another until it is gone."""
    for number, seconds in ladder:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if _within(seconds, gone):
            return


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Service:
    """One server, known again by the next run through its pid file should this one die."""

    def __init__(self, home: Home, name: str, ladder: Ladder = POLITE) -> None:
        self.name = name
        self.log = home.root / "log" / f"{name}.log"
        self._home = home
        self._ladder = ladder
        self._memory = home.root / "run" / f"{name}.pid"
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id; 0 while it doesn't run."""
        if self._child is not None:
            return 0 if self._child.poll() is not None else self._child.pid
        return self._stale()

    def launch(self, command: Sequence[str], env: Mapping[str, str], *, served: bool) -> None:
        """Start the server with its output in the log; in a session of its own, out of Ctrl-C."""
        self.stop()
        for name in ("log", "run"):
            self._home.folder(name)
        account = self._home.account if served else None
        with self._open_log() as log:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd="/",
                start_new_session=True,
                umask=0o077,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        # After a vfork the parent may run before the kernel has set the new command line.
        child = self._child
        _within(1, lambda: bool(cmdline(child.pid)) or child.poll() is not None)
        self._memory.write_bytes(b"%d\n" % child.pid + cmdline(child.pid))

    def stop(self) -> None:
        """End it in an orderly way, whether this run started it or one that died."""
        if pid := self.pid:
            end(pid, self._ladder, lambda: not self.pid)
        self._child = None
        self._memory.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, with nothing written."""
        if pid := self.pid:
            end(pid, ((signal.SIGKILL, 5),), lambda: not self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if pid := self.pid:
            os.kill(pid, number)

    def wait(self, healthy: Callable[[], bool], timeout: float) -> None:
        """Wait until it is healthy; say why, from its own log, if it ends first."""
        if not _within(timeout, lambda: healthy() or not self.pid):
            raise StackUnavailable(f"{self.name} did not answer in {timeout:g} s; see {self.log}")
        if not self.pid:
            raise StackUnavailable(f"{self.name} did not start: {self.last_words()}")

    def finish(self, timeout: float) -> None:
        """Wait for the end of one that is no server but has a single thing to do."""
        if not _within(timeout, lambda: not self.pid):
            self.stop()
            raise StackUnavailable(f"{self.name} took longer than {timeout:g} s; see {self.log}")
        if self._child and self._child.returncode:
            raise StackUnavailable(f"{self.name} failed: {self.last_words()}")
        self.stop()

    def last_words(self) -> str:
        """Return the end of what it logged since its last start, on one line."""
        end_of_log = self._read(max(self._log_start, self.log.stat().st_size - 2_000))
        return f"{' / '.join(end_of_log.strip().splitlines()[-3:])} (all of it in {self.log})"

    def first_words(self) -> str:
        """Return the beginning of what it logged since its last start."""
        return self._read(self._log_start, 20_000)

    def _read(self, start: int, size: int = -1) -> str:
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read(size).decode(errors="replace")

    def note(self, text: str) -> None:
        """Write a line of ours into its log."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"balise: {text}\n")

    def _open_log(self) -> IO[bytes]:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        log = self.log.open("ab")
        self._log_start = log.tell()
        return log

    def _stale(self) -> int:
        """Return the pid a run that died left behind, if that process is still ours."""
        try:
            first, _, command = self._memory.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return 0
        pid = int(first) if first.isdigit() else 0  # a power cut may leave NUL bytes
        return pid if pid and command and cmdline(pid) == command else 0
