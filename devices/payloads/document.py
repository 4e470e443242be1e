"""Read JSON documents strictly: bounded types, decimals kept as written, aware times only."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec

from balise import unreadable
from balise.errors import PayloadError, Reason

Json = dict[str, Any]

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_LARGEST, _DECIMALS = Decimal("1e12"), 40
_decoder = msgspec.json.Decoder(Json, float_hook=Decimal)


def parse(text: str) -> Json:
    """Return a JSON object; its fractional numbers are Decimals with their digits."""
    try:
        return _decoder.decode(text)
    except (*unreadable.JSON, ArithmeticError) as error:
        raise PayloadError(f"not a JSON object: {type(error).__name__}") from error


def invalid(what: str) -> PayloadError:
    """Return the error of a document that breaks its convention."""
    return PayloadError(what, reason=Reason.PAYLOAD_INVALID)


def fact(name: str, value: object) -> tuple[str, str]:
    """Return a fact as it may be stored: PostgreSQL's text holds no NUL."""
    return name.replace("\0", ""), str(value).replace("\0", "")


def child(parent: Json, key: str) -> Json | None:
    """Return an object under a key, None where there is none; anything else is invalid."""
    value = parent.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid(f"{key} must be an object")
    return cast("Json", value)


def children(parent: Json, key: str) -> list[Json]:
    """Return the objects listed under a key; an empty list where the key is absent."""
    value: Any = parent.get(key) or []
    if not isinstance(value, list):
        raise invalid(f"{key} must be a list")
    return [cast("Json", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def number(value: Any, what: str) -> Decimal:
    """Return a finite number as a Decimal; text, true and null are none."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise invalid(f"{what} must be a number")
    found = Decimal(value)
    # copy_abs, for abs() rounds and overflows.
    if not found.is_finite() or found.copy_abs() > _LARGEST or _decimals(found) > _DECIMALS:
        raise invalid(f"{what} is out of all bounds")
    return found


def _decimals(found: Decimal) -> int:
    exponent = found.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def moment(value: Any, what: str) -> datetime:
    """Return an aware time in UTC; one not as in RFC 3339 or of the impossible is invalid."""
    if not isinstance(value, str):
        raise invalid(f"{what} must be a date and time")
    if not _RFC_3339.fullmatch(value.upper()):
        raise invalid(f"{what} is no date and time with its zone")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except ValueError as error:
        raise invalid(f"{what} is no date and time") from error
    except OverflowError as error:
        raise invalid(f"{what} is out of all bounds") from error
