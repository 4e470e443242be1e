"""The house rules, each kept by the tool that knows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in done.stdout.split("\0") if name]


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("basedpyright",),
        ("lint-imports",),
    ],
    ids=" ".join,
)
def test_checker(command: tuple[str, ...]):
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_no_registry_is_named_anywhere():
    host = re.compile(r"(pypi|pythonhosted|npmjs|deb\.debian|debian)\.(org|com)")
    named = []
    for path in tracked():
        if path.suffix in {".png", ".svg"} or path.name == Path(__file__).name:
            continue
        if host.search(path.read_text(encoding="utf-8", errors="replace")):
            named.append(path.name)
    assert named == []


def test_no_module_is_longer_than_400_lines():
    long = [path for path in tracked() if path.suffix == ".py" and lines(path) > 400]
    assert long == []


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_package_hides_another():
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_run_is_posix_sh_under_60_lines():
    run = ROOT / "run"
    assert lines(run) < 60
    subprocess.run(["sh", "-n", str(run)], check=True)


def test_the_locks_have_a_hash_for_everything():
    for lock in (ROOT / "requirements").glob("*.txt"):
        pins = re.findall(r"^\S+==\S+.*\\$", lock.read_text(), re.MULTILINE)
        assert pins
        assert lock.read_text().count("--hash=sha256:") >= len(pins)
        assert len(pins) == len(
            re.findall(r"^[a-z0-9]\S*==", lock.read_text(), re.MULTILINE | re.IGNORECASE)
        )


def test_help_is_quick_and_loads_neither_prefect_nor_polars():
    code = (
        "import sys; sys.argv = ['balise', '--help']\n"
        "from balise.__main__ import app\n"
        "app(result_action='return_value')\n"
        "assert not {'prefect', 'polars', 'fastapi', 'bleak'} & sys.modules.keys()"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "decode" in done.stdout
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_the_bill_of_materials_names_every_package(tmp_path: Path):
    file = tmp_path / "sbom.json"
    command = [str(ROOT / "requirements/materials"), "sbom", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    made = json.loads(file.read_text())
    assert made["bomFormat"] == "CycloneDX"
    installed = ("run", "gateway", "dask", "bootstrap")
    locks = "".join((ROOT / f"requirements/{one}.txt").read_text() for one in installed)
    pins = re.findall(r"^(\S+)==(\S+)", locks, re.MULTILINE)
    told = {(one["name"].lower(), one["version"]) for one in made["components"]}
    assert told == {(name.partition("[")[0].lower(), version) for name, version in pins}
