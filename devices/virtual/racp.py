"""What a Record Access Control Point is asked, and which records that means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from devices import racp

OP_UNSUPPORTED, INVALID_OPERATOR, OPERATOR_UNSUPPORTED, INVALID_OPERAND = 2, 3, 4, 5
OPERAND_UNSUPPORTED = 9


class Numbered(Protocol):
    """A record that has a number."""

    @property
    def number(self) -> int:
        """Its sequence number, or its minutes in the session."""
        ...


R = TypeVar("R", bound=Numbered)


class Refused(Exception):  # noqa: N818 - it is what is answered
    """A request that isn't carried out, with the code that says why."""

    def __init__(self, code: int) -> None:
        super().__init__(racp.RESPONSES[code])
        self.code = code


def chosen(records: Sequence[R], request: bytes, *, width: int, ranges: bool) -> list[R]:
    """Return the records of a request, whose numbers have `width` bytes; Refused if none can be."""
    operator, operand = request[1] if request[1:] else 0, request[2:]
    if operator in (racp.ALL, racp.FIRST, racp.LAST):
        if operand:
            raise Refused(INVALID_OPERAND)
        return list(records[_SLICES[operator]])
    if operator in (racp.FROM, racp.UP_TO, racp.WITHIN):
        if not ranges:
            raise Refused(OPERATOR_UNSUPPORTED)
        low, high = _range(operator, operand, width)
        return [one for one in records if low <= one.number <= high]
    raise Refused(INVALID_OPERATOR)


_SLICES = {racp.ALL: slice(None), racp.FIRST: slice(1), racp.LAST: slice(-1, None)}


def _range(operator: int, operand: bytes, width: int) -> tuple[int, int]:
    """Return the first and the last number that a filter asks for."""
    if operand[:1] != bytes((racp.SEQUENCE_FILTER,)):
        raise Refused(OPERAND_UNSUPPORTED)
    numbers = operand[1:]
    ends = [
        int.from_bytes(numbers[at : at + width], "little") for at in range(0, len(numbers), width)
    ]
    if len(numbers) != width * (2 if operator == racp.WITHIN else 1) or ends != sorted(ends):
        raise Refused(INVALID_OPERAND)
    return _ENDS[operator](ends)


_ENDS: dict[int, Callable[[list[int]], tuple[int, int]]] = {
    racp.FROM: lambda ends: (ends[0], 1 << 32),
    racp.UP_TO: lambda ends: (0, ends[0]),
    racp.WITHIN: lambda ends: (ends[0], ends[1]),
}


def response(request: int, code: int) -> bytes:
    """Return the answer that ends a procedure."""
    return bytes((racp.ANSWER, 0, request, code))


def number(operation: int, records: int, width: int) -> bytes:
    """Return the answer that counts."""
    return bytes((operation, 0)) + records.to_bytes(width, "little")
