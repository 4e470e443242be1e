"""Patients, devices, and messages that land: what tests of the steps speak of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from devices.payloads import balise_v1
from ingest.receive import Delivery, land

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"


def weighing(kilograms: str, at: datetime, device: str = SCALE, **more: Any) -> bytes:
    """A weight scale's frame without a clock of its own, as a gateway spools it."""
    raw = int(Decimal(kilograms) / Decimal("0.005"))
    return balise_v1.encode_item(
        balise_v1.Item(
            device=device,
            captured_at=at,
            service="181D",
            characteristic="2A9D",
            data=(b"\x00" + raw.to_bytes(2, "little")).hex(),
            **more,
        )
    )


@pytest.fixture
def weight() -> Callable[..., bytes]:
    return weighing


def landing(
    database: psycopg.Connection, *bodies: bytes, at: datetime = NOW, gateway: str = "home-one"
) -> None:
    payload = balise_v1.encode_message(uuid4(), enumerate(bodies, 1))
    land(database, [Delivery(1, 1, f"balise/v1/{gateway}/frames", payload)], at)


@pytest.fixture
def send() -> Callable[..., None]:
    return landing
