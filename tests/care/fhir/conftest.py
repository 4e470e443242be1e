from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from balise.model import Quality
from care.fhir.observation import Measured

Make = Callable[..., Measured]


@pytest.fixture
def measure() -> Make:
    """A measurement of p-one's device 7, at 7 in the morning of a French winter day."""

    def make(quality: Quality = Quality.NONE, **values: str | None) -> Measured:
        exact: dict[str, Any] = {
            name: None if one is None else Decimal(one) for name, one in values.items()
        }
        at = datetime(2026, 11, 6, 7, tzinfo=timezone(timedelta(hours=1)))
        return Measured(
            key="7-1794031200000000-0",
            patient="p-one",
            device="7",
            taken_at=at,
            values=exact,
            qualities=dict.fromkeys(exact, quality),
        )

    return make
