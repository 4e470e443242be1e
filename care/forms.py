"""What a clinician writes into a form's field, read or refused with what may stand there."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from balise.errors import FormUnsafe

_LONGEST, _DECIMALS = 12, 6
"""Of a number as somebody writes it: no rule and no column holds any number of digits."""


def within(
    kind: type[FormUnsafe],
    field: str,
    said: str,
    lowest: Decimal,
    highest: Decimal,
    *,
    whole: bool = False,
) -> Decimal:
    """Return a number as a form says it, with a comma or a point; raises `kind` for any other."""
    told = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
    unsafe = kind(field=field, said=told, lowest=str(lowest), highest=str(highest), whole=whole)
    if len(said.strip()) > _LONGEST or not said.isascii():
        raise unsafe
    try:
        value = Decimal(said.strip().replace(",", "."))
    except InvalidOperation:
        raise unsafe from None
    if not value.is_finite() or not lowest <= value <= highest:
        raise unsafe
    if value != round(value, _DECIMALS):
        raise unsafe
    if whole and value != int(value):
        raise unsafe
    return value
