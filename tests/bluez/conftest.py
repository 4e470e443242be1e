"""One boot of a machine with a real BlueZ, shared by all tests: each looks at one of its steps."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SECONDS = 1500
"""Then the machine is switched off; on two idle cores a boot with all steps takes a quarter."""

Step = Callable[[str], dict[str, Any]]


def load(name: str) -> ModuleType:
    """Load a sibling: the guest runs them as scripts, so that they are in no package."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def why_not(machine: ModuleType, install: Callable[..., None]) -> str:
    """Return what is missing for a machine, after root has tried to install it."""
    if platform.machine() != "x86_64":
        return f"the machine is an x86_64, and runs this one's programs: {platform.machine()}"
    if whole(machine):
        return ""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install(*machine.missing())
        try:
            machine.unpack()
        except (OSError, subprocess.SubprocessError) as error:
            return f"its parts could not be installed: {error}"
    lacking = machine.missing() + ([] if machine.kernel() else ["linux-image-amd64, unpacked"])
    return f"not here, and root would install it: {', '.join(lacking)}" if lacking else ""


def whole(machine: ModuleType) -> bool:
    return bool(machine.kernel()) and not machine.missing()


@pytest.fixture(scope="session")
def machine(distribution: Callable[..., None]) -> ModuleType:
    load("accelerator")
    loaded = load("machine")
    if missing := why_not(loaded, distribution):
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(f"a machine with BlueZ: {missing}")
    return loaded


@pytest.fixture(scope="session")
def report(machine: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a boot: what each step found, and where the logs are."""
    folder = tmp_path_factory.mktemp("bluez")
    compiled = f"--compiled={machine.CACHE / 'compiled'}"
    command = [sys.executable, HERE / "boot.py", compiled]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    outcome = machine.run(
        HERE / "boot.py",
        folder,
        python=Path(sys.executable),
        root=ROOT,
        seconds=SECONDS,
        arguments=compiled,
    )
    lines = outcome.report.read_text().splitlines() if outcome.report.exists() else []
    steps = {one["step"]: one for one in map(json.loads, lines)}
    serial = (folder / "serial.log").read_text(errors="replace")
    return {"steps": steps, "logs": folder, "console": outcome.console, "serial": serial}


@pytest.fixture
def step(report: dict[str, Any]) -> Step:
    """Return what a step found; a test whose step failed says why, and where the logs are."""

    def found(name: str) -> dict[str, Any]:
        one = report["steps"].get(name)
        if one is None:
            pytest.fail(f"{name} was not reached: {report['console'][-2000:]}")
        assert one["ok"], f"{one['why']}; see {report['logs']}/out"
        return dict(one)

    return found
