"""A prefix: the distribution's packages unpacked in a folder, without root and without dpkg."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from balise.stack.archive import Archive
from balise.stack.patch import patch
from balise.stack.progress import Progress
from balise.stack.refusal import check_room, unavailable
from balise.stack.sources import Suite, sources, suite

RECIPE = 1
"""Counted up when what a prefix holds changes, so that older ones are built anew."""

ROOM = 1_500_000_000
MACHINES = ("x86_64", "aarch64")
SYSTEM_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
BULK = ("man", "locale", "lintian", "bash-completion", "gcc", "gdb")


def built(folder: Path, progress: Progress) -> tuple[Path, bool]:
    """Return the prefix and whether it is borrowed from a newer Debian; build it if need be.

    It lies in the folder, or in that of BALISE_PREFIX, under a name that says what it holds: one
    that servers run from is never written over.
    """
    _check_system()
    chosen = suite()
    key = f"{chosen.name}-{platform.machine()}-{RECIPE}"
    prefix = Path(os.environ.get("BALISE_PREFIX") or folder).absolute() / key
    if not is_whole(prefix):
        with _alone(prefix):
            # Another process may have built it while this one waited.
            if not is_whole(prefix):
                _build(prefix, chosen, progress)
    return prefix, chosen.borrowed


def is_whole(prefix: Path) -> bool:
    """Say whether this prefix was finished, and here: patched programs name their own folder."""
    return _stamp(prefix).get("path") == str(prefix)


def library_folders(prefix: Path) -> list[Path]:
    """Return the folders the dynamic loader has to look in."""
    return [*prefix.glob("usr/lib/*-linux-gnu*"), *prefix.glob("lib/*-linux-gnu*")]


def _check_system() -> None:
    if sys.platform != "linux":
        raise unavailable(f"the local stack is made of Linux packages, and this is {sys.platform}")
    if not platform.libc_ver()[0]:
        raise unavailable("the local stack needs a distribution built on glibc")
    if platform.machine() not in MACHINES:
        raise unavailable(f"the local stack was never tried on {platform.machine()}")


def _stamp(prefix: Path) -> Mapping[str, object]:
    try:
        stamp: dict[str, object] = json.loads((prefix / "stamp.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return stamp


@contextmanager
def _alone(prefix: Path) -> Generator[None, None, None]:
    """Hold the right to build this prefix."""
    try:
        prefix.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = prefix.with_name(f".{prefix.name}.lock").open("w", encoding="ascii")
    except OSError as error:
        raise unavailable(f"no prefix can be made in {prefix.parent}: {error}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(prefix: Path, chosen: Suite, progress: Progress) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise unavailable(f"this system has no {tool} to get PostgreSQL and mosquitto with")
    # What a build that was killed left behind; nobody else builds while this one does.
    for left in prefix.parent.glob(f".{prefix.name}.*/"):
        shutil.rmtree(left)
    check_room(prefix.parent, ROOM)
    with tempfile.TemporaryDirectory(dir=prefix.parent, prefix=f".{prefix.name}.") as folder:
        work = Path(folder)
        root = work / "root"
        names = _fetch(work, chosen, progress)
        with progress.step("Unpacking"):
            _unpack(work / "debs", root)
            if chosen.borrowed:
                patch(root, prefix)
            _seal(root, {"path": str(prefix), "packages": names})
        if prefix.exists():
            prefix.rename(work / "moved-here")
        root.rename(prefix)


def _fetch(work: Path, chosen: Suite, progress: Progress) -> list[str]:
    archive = Archive(work / "apt", sources(chosen))
    debs = work / "debs"
    debs.mkdir()
    with progress.step(f"Reading the package lists of {chosen.name}"):
        archive.update()
        version = archive.postgres_version()
        server = [f"postgresql-{version}", f"postgresql-client-{version}"]
        names = archive.needed([*server, f"postgresql-{version}-timescaledb", "mosquitto"])
        if not chosen.borrowed:
            # Two versions of libc in one process don't go together; the machine's own serves.
            names.remove("libc6")
    archive.download(names, debs, progress)
    return sorted(path.name for path in debs.iterdir())


def _unpack(debs: Path, root: Path) -> None:
    for deb in sorted(debs.iterdir()):
        _tool("dpkg-deb", "-x", str(deb), str(root))
    for name in BULK:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    # Some packages leave the links named after the library's SONAME to ldconfig.
    for folder in library_folders(root):
        _tool("ldconfig", "-n", str(folder))


def _seal(root: Path, stamp: Mapping[str, object]) -> None:
    root.chmod(0o755)
    (root / "stamp.json").write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    # The rename that follows must not reach the disk before the files do.
    _tool("sync", "-f", str(root))


def _tool(*command: str) -> None:
    env = os.environ | {"PATH": SYSTEM_PATH}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise unavailable(f"{command[0]} failed: {done.stderr.strip()}")
