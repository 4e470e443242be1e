"""What the documents show works as shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from balise.__main__ import app
from ingest.gateway.local import declared

DOCS = Path(__file__).parent.parent / "docs"


def test_the_exercise_of_add_a_device_is_all_that_is_needed():
    text = (DOCS / "add-a-device.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in block.splitlines() if line]) < 20
    made: dict[str, Any] = {}
    exec(block, made)  # noqa: S102 - our own document
    (frame,) = made["CHARACTERISTICS"]
    (decoded,) = frame.decode(bytes((58,)))
    assert [(one.metric, str(one.value), one.unit) for one in decoded.readings] == [
        ("heart_rate", "58", "/min")
    ]


def test_the_local_devices_of_the_gateway_s_page_can_be_declared(tmp_path: Path):
    text = (DOCS / "gateway.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    shipped = Path(__file__).parent.parent / "devices/payloads/mappings/xiaomi_mi_scale.toml"
    (tmp_path / "cuff.toml").write_text(shipped.read_text())
    path = tmp_path / declared.NAME
    path.write_text(block, encoding="utf-8")
    said = [line.partition("#")[2].strip() for line in block.splitlines() if "#" in line]
    found = declared.read(path)
    assert [one.topic for one in found][:3] == [one.partition(",")[0] for one in said][:3]
    assert len(found) == 4


NO_COMMANDS = {"bluetooth", "test"}
"""What `run` itself does."""
PAGES = sorted([*DOCS.glob("*.md"), DOCS.parent / "README.md"])
FOLDERS = "tests|balise|ingest|flows|care|devices|sql|bench|ops|demo"
CITED = re.compile(rf"`((?:{FOLDERS})/(?!v1/)[\w./-]+)(?:::(\w+))?`")  # but for topics
COMMAND = re.compile(
    r"(?:^|`|\s)(?:balise|\./run|--rm (?:-T )?(?:authority|migrate)) ([a-z][a-z -]*)"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_cites_is_there(page: Path):
    cited = CITED.findall(page.read_text(encoding="utf-8"))
    gone = [path for path, _ in cited if not (DOCS.parent / path).exists()]
    assert gone == []
    for path, name in cited:
        assert not name or f"def {name}(" in (DOCS.parent / path).read_text(encoding="utf-8"), name


def test_every_alert_has_its_row_in_the_run_books():
    rules = (DOCS.parent / "ops/prometheus/alerts.yml").read_text(encoding="utf-8")
    books = (DOCS / "runbooks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", books, re.MULTILINE)
    assert {*re.findall(r"- alert: (\w+)", rules)} <= {*rows}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one(page: Path):
    """In a block or in a line, as `balise …`, `./run …` or run in its container."""
    for words in COMMAND.findall(page.read_text(encoding="utf-8")):
        group, *more = words.split()
        if group not in NO_COMMANDS:
            asked = (group, *more[:1]) if app[group].default_command is None else (group,)
            assert app.parse_commands(asked)[0] == asked
