"""Processes of one machine, kept running: what systemd or Docker does elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_STOP_SECONDS = 15.0


@dataclass(slots=True)
class Member:
    """A `balise` command that should always run."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    started_at: float = 0.0


@dataclass(slots=True)
class Fleet:
    """Starts members in order, starts again those that end, stops them in reverse."""

    logs: Path
    members: dict[str, Member] = field(default_factory=dict[str, Member])

    def add(self, name: str, *command: str, **environment: str) -> Member:
        """Start `balise <command>` with its log in a file of its name."""
        member = Member(name, command, environment)
        self.members[name] = member
        self._start(member)
        return member

    def _start(self, member: Member) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{member.name}.log").open("ab") as log:
            member.process = subprocess.Popen(
                [sys.executable, "-m", "balise", *member.command],
                env={**os.environ, **member.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the parent, which stops everyone in order.
                start_new_session=True,
            )
        member.starts += 1
        member.started_at = time.monotonic()

    def keep_running(self) -> list[str]:
        """Start again what has ended, not faster than once a second; return the names."""
        again: list[str] = []
        for member in self.members.values():
            ended = member.process is None or member.process.poll() is not None
            if ended and time.monotonic() - member.started_at > 1:
                self._start(member)
                again.append(member.name)
        return again

    def kill(self, name: str) -> None:
        """End a member as a power cut does: kill -9."""
        process = self.members[name].process
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End everyone, the last started first."""
        for member in reversed(self.members.values()):
            if member.process is not None and member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + _STOP_SECONDS
        for member in reversed(self.members.values()):
            if member.process is not None:
                try:
                    member.process.wait(timeout=max(0.1, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    member.process.kill()
                    member.process.wait()
