"""What the documents show works as shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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
