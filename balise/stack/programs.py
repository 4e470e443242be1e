"""The servers' programs: those of this machine, or those of a prefix of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from balise.stack.account import run_as
from balise.stack.home import Home
from balise.stack.prefix import SYSTEM_PATH, built, library_folders
from balise.stack.progress import Progress
from balise.stack.refusal import unavailable


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the servers' programs are, and what they need in their environment."""

    postgres: Path
    mosquitto: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def bin(self) -> Path:
        """The folder of postgres, initdb and friends."""
        return self.postgres.parent

    @property
    def major(self) -> int:
        """PostgreSQL's major version, which its folder is named after."""
        return int(self.bin.parent.name)

    def environment(self) -> dict[str, str]:
        """Return a whole environment, without the caller's PG* variables and locale."""
        return {"PATH": SYSTEM_PATH, "LC_ALL": "C", **self.env}


Finder = Callable[[], Programs]
"""Finds the programs; each part of the stack asks when it starts."""


def find(home: Home, progress: Progress) -> Programs:
    """Return programs that run here, building a prefix on the first run."""
    programs = installed() or _of_prefix(home, progress)
    _check(programs, home)
    return programs


def installed(usr: Path = Path("/usr")) -> Programs | None:
    """Return what the machine itself has, if it has all of it."""
    mosquitto = shutil.which("mosquitto", path=SYSTEM_PATH)
    for control in sorted(usr.glob("share/postgresql/*/extension/timescaledb.control")):
        postgres = usr / "lib/postgresql" / control.parent.parent.name / "bin/postgres"
        contrib = control.with_name("btree_gist.control")
        if mosquitto and contrib.exists() and os.access(postgres, os.X_OK):
            return Programs(postgres, Path(mosquitto))
    return None


def _of_prefix(home: Home, progress: Progress) -> Programs:
    prefix, borrowed = built(home.root / "prefix", progress)
    postgres = next(prefix.glob("usr/lib/postgresql/*/bin/postgres"))
    paths = ":".join(map(str, library_folders(prefix)))
    # Patched programs find their libraries by themselves.
    env = {} if borrowed else {"LD_LIBRARY_PATH": paths}
    return Programs(postgres, prefix / "usr/sbin/mosquitto", env)


def _check(programs: Programs, home: Home) -> None:
    command = (str(programs.postgres), "--version")
    try:
        run_as(home.account, command, programs.environment())
    except (OSError, subprocess.CalledProcessError) as error:
        raise unavailable(
            f"{programs.postgres} can't be run by user {home.server_uid} ({error}); every folder "
            "above it must be open to that user, or delete it to have it built again"
        ) from error
    if not Path("/usr/share/zoneinfo/Europe/Paris").exists():
        raise unavailable("this machine has no time zones: install the package tzdata")
