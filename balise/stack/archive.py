"""The distribution's own archive, read through apt-get in folders of our own, without root."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from balise.stack.progress import Progress
from balise.stack.refusal import unavailable
from balise.stack.sources import Source

TIMESCALEDB = re.compile(r"postgresql-(\d+)-timescaledb")
# LLVM serves the JIT compiler alone, which stays off; perl serves Debian's cluster scripts.
UNUSED = re.compile(r"lib(llvm|z3-|perl|gdbm|c-).*|lib.*-perl")

CONFIG = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
#clear Acquire::IndexTargets;
Acquire::IndexTargets::deb::Packages {{
  MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages";
  flatMetaKey "Packages"; ShortDescription "Packages"; Description "$(RELEASE) Packages";
}};
Dir::State "{work}/state"; Dir::State::lists "{work}/state/lists"; Dir::State::status "/dev/null";
Dir::Cache "{work}/cache"; Dir::Cache::archives "{work}/cache/archives";
Dir::Etc::sourcelist "{work}/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User ""; APT::Install-Recommends "false";
APT::Get::AllowUnauthenticated "false"; Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false"; Acquire::Languages "none";
Acquire::Retries "2"; Acquire::http::Timeout "20"; Acquire::https::Timeout "20";
"""


class Archive:
    """apt-get with lists, cache and configuration of its own."""

    def __init__(self, work: Path, sources: Sequence[Source]) -> None:
        for name in ("state/lists/partial", "cache/archives/partial"):
            (work / name).mkdir(parents=True)
        text = "\n".join(map(str, sources))
        (work / "sources.list").write_text(text + "\n", encoding="utf-8")
        self._config = work / "apt.conf"
        self._config.write_text(CONFIG.format(work=work), encoding="utf-8")

    def update(self) -> None:
        """Fetch the lists and check their signatures."""
        self._run("apt-get", "-qq", "update")

    def postgres_version(self) -> int:
        """Return the newest PostgreSQL that has a TimescaleDB package."""
        names = self._run("apt-cache", "pkgnames", "postgresql-").split()
        versions = [int(match[1]) for match in map(TIMESCALEDB.fullmatch, names) if match]
        if not versions:
            raise unavailable("this distribution's archive has no TimescaleDB package")
        return max(versions)

    def needed(self, names: Sequence[str]) -> list[str]:
        """Return these packages and the libraries under them, as apt's own solver finds them."""
        plan = self._run("apt-get", "install", "-s", *names)
        every = re.findall(r"^Inst (\S+) ", plan, re.MULTILINE)
        libraries = [
            name for name in every if name.startswith(("lib", "zlib")) and not UNUSED.match(name)
        ]
        return [*names, *(name for name in libraries if name not in names)]

    def download(self, names: Sequence[str], folder: Path, progress: Progress) -> None:
        """Fetch the packages into the folder."""
        total = sum(
            int(shlex.split(line)[2])
            for line in self._run("apt-get", "download", "--print-uris", *names).splitlines()
        )
        command = ("apt-get", "-c", str(self._config), "-qq", "download", *names)
        with (
            progress.bytes("PostgreSQL, TimescaleDB, mosquitto", total) as done,
            subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as child,
        ):
            while child.poll() is None:
                done(sum(path.stat().st_size for path in folder.iterdir()))
                time.sleep(0.1)
            _check(child.returncode, child.stderr.read() if child.stderr else "")

    def _run(self, program: str, *arguments: str) -> str:
        command = (program, "-c", str(self._config), *arguments)
        env = os.environ | {"LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        _check(done.returncode, done.stderr)
        return done.stdout


def _check(code: int, errors: str) -> None:
    # A mirror that can't be reached is only a warning to `apt-get update`.
    if code or "Failed to fetch" in errors:
        last = " / ".join(errors.strip().splitlines()[-2:])
        raise unavailable(f"apt-get could not fetch the packages (is there a network?): {last}")
