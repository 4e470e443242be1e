"""What the documents show works as shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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
