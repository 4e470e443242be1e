"""Every field case with bytes is right; the table is printed by ble_cases.py itself."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "ble_cases", Path(__file__).parent / "ble_cases.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared
def test_every_case_with_bytes_is_right(table: ModuleType, shared: Path):
    cases = json.loads((shared / "cases/ble.json").read_text())["cases"]
    verdicts = {case["id"]: table.judge(case) for case in cases}
    bad = {name: one for name, one in verdicts.items() if one[0] not in {"right", "behaviour"}}
    assert not bad
    assert sum(one[0] == "right" for one in verdicts.values()) == sum(
        case["raw_hex"] is not None for case in cases
    )


def test_the_behaviours_name_what_holds_them(table: ModuleType):
    here = Path(__file__).parents[2]
    for where in table.BEHAVIOURS.values():
        assert where.startswith("issue ") or (here / where).exists()


@pytest.mark.shared
def test_every_link_case_is_named_in_the_test_that_holds_it(table: ModuleType, shared: Path):
    here = Path(__file__).parents[2]
    cases = json.loads((shared / "cases/ble.json").read_text())["cases"]
    links = [case["id"] for case in cases if case["kind"] == "link"]
    assert len(links) == 17
    for link in links:
        assert f"Case {link}" in (here / table.BEHAVIOURS[link]).read_text()
