"""Peers come from their package registries into a cache, by the registries' own clients, once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from balise.errors import UsageError


def cache(name: str) -> Path:
    """Return where something the bench fetched is kept; root's servers need not reach it."""
    return platformdirs.user_cache_path("balise") / "bench" / name


def pip(installed: Path, lock: Path) -> None:
    """Install Python packages into a folder, by their hashes."""
    if _is(installed, lock):
        return
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    target = ["--target", str(installed), "--require-hashes", "-r", str(lock)]
    _run([uv, "pip", "install", "-q", "--python", sys.executable, *target], installed)
    _mark(installed, lock)


def npm(installed: Path, lock: Path) -> None:
    """Install what a package.json names; no script of a package runs."""
    if _is(installed, lock):
        return
    installed.mkdir(parents=True, exist_ok=True)
    shutil.copy(lock, installed / "package.json")
    quiet = ("--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts")
    _run(["npm", "install", *quiet], installed)
    _mark(installed, lock)


def _run(command: Sequence[str], where: Path) -> None:
    where.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(command, cwd=where, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise UsageError(f"{command[0]} is not here, and the peer comes by it") from error
    except subprocess.CalledProcessError as error:
        raise UsageError(f"{' '.join(command)}: {str(error.stderr)[-500:]}") from error


def _is(installed: Path, lock: Path) -> bool:
    stamp = installed / "installed"
    return stamp.exists() and stamp.read_bytes() == lock.read_bytes()


def _mark(installed: Path, lock: Path) -> None:
    shutil.copy(lock, installed / "installed")
