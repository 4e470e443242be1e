"""Makes the packages of a newer Debian run here, on the libc they bring along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from balise.stack.refusal import unavailable

# These two are the loader's own business: patched, nothing would start.
UNTOUCHED = ("ld-linux", "libc.so")


def patch(root: Path, final: Path) -> None:
    """Write the final folder's loader and libraries into every program under the root."""
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    search = ("--force-rpath", "--set-rpath", str(final / libraries.relative_to(root)))
    programs = list(_elf(root, "usr/lib/postgresql/*/bin/*", "usr/sbin/*", "usr/bin/mosquitto*"))
    shared = list(_elf(root, "usr/lib/*-linux-gnu/*.so*", "usr/lib/postgresql/*/lib/*.so"))
    interpreter = ("--set-interpreter", str(final / loader.relative_to(root)))
    _patchelf(*interpreter, *search, *programs)
    _patchelf(*search, *shared)


def _elf(root: Path, *patterns: str) -> Iterator[str]:
    for pattern in patterns:
        for path in root.glob(pattern):
            if path.is_symlink() or not path.is_file() or path.name.startswith(UNTOUCHED):
                continue
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield str(path)


def _patchelf(*arguments: str) -> None:
    # The venv is not in the PATH of someone who didn't activate it.
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    tool = shutil.which("patchelf", path=path)
    if tool is None:
        raise unavailable("this Debian needs patchelf: install balise[stack]")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise unavailable(f"patchelf failed: {done.stderr.strip()}")
