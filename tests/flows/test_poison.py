"""A message that our own code stumbles over is refused, and its neighbours are readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from balise.model import Decoded, Value
from devices import weight_scale
from devices.codec import Characteristic
from devices.payloads import balise_v1, site
from devices.payloads.convention import Convention
from flows import steps
from sql.readings import Accounting

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCALE = "C0:00:00:00:00:01"
SECRET = "value-of-a-patient-81.5"


@pytest.fixture
def broken_decoder(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The weight scale's decoder, made to raise on one frame."""
    (scale, *_) = weight_scale.CHARACTERISTICS
    poison = bytes.fromhex("00" + int(Decimal(81) / Decimal("0.005")).to_bytes(2, "little").hex())
    whole: Callable[[Characteristic, bytes], tuple[Decoded, ...]] = type(scale).decode

    def decode(self: Characteristic, data: bytes) -> tuple[Decoded, ...]:
        if data == poison:
            raise ZeroDivisionError(SECRET)
        return whole(self, data)

    monkeypatch.setattr(type(scale), "decode", decode)
    return poison


def test_a_frame_that_breaks_the_decoder_is_refused_alone(
    database: psycopg.Connection,
    patient: int,
    broken_decoder: bytes,
    weight: Callable[..., bytes],
    send: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
):
    send(database, weight("80", NOW), weight("81", NOW), weight("82", NOW))
    send(database, weight("83", NOW))
    account = steps.validate(database)
    assert account == Accounting(messages=2, landed=4, accepted=3, refused=1)
    ((item, reason, detail, device),) = database.execute(
        "SELECT item, reason, detail, device FROM refused"
    ).fetchall()
    assert (item, reason, device) == (1, "decoder_error", SCALE)
    assert detail.startswith("ZeroDivisionError at decode:")
    said = capfd.readouterr()
    assert "decoder_error" in said.out + said.err
    assert SECRET not in said.out + said.err + detail


@pytest.fixture
def convention(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make `stub` a convention whose documents say these figures, in kilograms."""

    def make(*figures: Decimal) -> None:
        points = tuple(
            Decoded(readings=(Value(metric="body_weight", value=one, unit="kg"),))
            for one in figures
        )
        stub = Convention(name="stub", title="", read=lambda _: points)
        monkeypatch.setattr(site, "conventions", lambda _: {"stub": stub})

    return make


def document(device: str = SCALE) -> bytes:
    return balise_v1.encode_item(
        balise_v1.Item(device=device, captured_at=NOW, convention="stub", document="{}")
    )


def test_a_figure_that_no_column_holds_is_refused_with_its_message_alone(
    database: psycopg.Connection,
    patient: int,
    weight: Callable[..., bytes],
    send: Callable[..., None],
    convention: Callable[..., None],
):
    """More digits than PostgreSQL's numeric has: nobody knows before the COPY."""
    convention(Decimal("75." + "1" * 20_000))
    for kilograms in range(80, 85):
        send(database, weight(str(kilograms), NOW))
    send(database, weight("85", NOW), document())
    send(database, weight("86", NOW))
    account = steps.validate(database)
    assert account == Accounting(messages=7, landed=7, accepted=6, refused=1)
    rows = database.execute("SELECT item, reason FROM refused").fetchall()
    assert rows == [(0, "decoder_error")]
    assert steps.validate(database) == Accounting()


def test_a_message_of_more_items_than_can_be_numbered_holds_up_nobody(
    database: psycopg.Connection,
    patient: int,
    weight: Callable[..., bytes],
    send: Callable[..., None],
):
    send(database, *[weight("0.5", NOW)] * 32_769)
    send(database, weight("80", NOW))
    account = steps.drain(lambda: steps.validate(database), steps.Accounting())
    assert (account.accepted, account.refused) == (1, 1)
    assert database.execute("SELECT reason FROM refused").fetchall() == [("payload_invalid",)]


def test_two_data_points_of_one_document_are_refused_each(
    database: psycopg.Connection,
    patient: int,
    send: Callable[..., None],
    convention: Callable[..., None],
):
    """Parts are numbered through the whole item: two refusals never meet in one place."""
    convention(Decimal("0.1"), Decimal("0.2"))
    send(database, document())
    account = steps.validate(database)
    assert (account.landed, account.refused) == (2, 2)
    rows = database.execute("SELECT item, part, reason FROM refused ORDER BY part").fetchall()
    assert rows == [(0, 0, "value_impossible"), (0, 1, "value_impossible")]
