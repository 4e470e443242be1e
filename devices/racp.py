"""Record Access Control Point 2A52: how stored records are asked for, and what is answered.

The requests Balise makes are the functions at the end; none of them deletes (Bluetooth SIG GLS
1.0.1 §3.6, CGMS 1.0.2 §3.3.1). Insulin delivery has other codes on the same number: 183A is not
in this table.
"""

from __future__ import annotations

from balise.errors import FrameError, Reason
from balise.model import Decoded
from devices.codec import Codec, Cursor, information
from devices.parts import word_of

CHARACTERISTIC = "2A52"
REPORT, DELETE, ABORT, COUNT, COUNT_ANSWER, ANSWER, COMBINED, COMBINED_ANSWER = range(1, 9)
ALL, UP_TO, FROM, WITHIN, FIRST, LAST = 1, 2, 3, 4, 5, 6

OPERATIONS = {
    REPORT: "report stored records",
    DELETE: "delete stored records",
    ABORT: "abort operation",
    COUNT: "report number of stored records",
    COUNT_ANSWER: "number of stored records",
    ANSWER: "response",
    COMBINED: "combined report",
    COMBINED_ANSWER: "combined report response",
}
OPERATORS = {
    0: "null",
    ALL: "all records",
    UP_TO: "<=",
    FROM: ">=",
    WITHIN: "within range",
    FIRST: "first record",
    LAST: "last record",
}
SEQUENCE_FILTER = 1
FILTERS = {SEQUENCE_FILTER: "sequence number", 2: "user facing time"}
SUCCESS, NO_RECORDS, NOT_COMPLETED = 1, 6, 8
RESPONSES = {
    SUCCESS: "success (1)",
    2: "op code not supported (2)",
    3: "invalid operator (3)",
    4: "operator not supported (4)",
    5: "invalid operand (5)",
    NO_RECORDS: "no records found (6)",
    7: "abort unsuccessful (7)",
    NOT_COMPLETED: "procedure not completed (8)",
    9: "operand not supported (9)",
    10: "server busy (10)",
}


def _read(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor(CHARACTERISTIC, data)
    operation, operator = cursor.take(2, "op code and operator")
    facts = [
        ("operation", word_of(OPERATIONS, operation)),
        ("operator", word_of(OPERATORS, operator)),
    ]
    if operation == ANSWER:
        request, code = cursor.take(2, "request and response code")
        facts += [("request", word_of(OPERATIONS, request)), ("response", word_of(RESPONSES, code))]
    elif operation in (COUNT_ANSWER, COMBINED_ANSWER):
        # Two bytes in the glucose services, four in the Generic Health Sensor Service.
        size = 4 if cursor.left == 4 else 2
        facts.append(("records", str(cursor.number(size, "number of records"))))
    elif operation in OPERATIONS:
        facts += _filter(operator, cursor)
    else:
        raise FrameError(
            f"{CHARACTERISTIC}: op code {operation} is none of RACP's", reason=Reason.FRAME_NO_VALUE
        )
    cursor.end()
    return information("1808", CHARACTERISTIC, tuple(facts))


def _filter(operator: int, cursor: Cursor) -> list[tuple[str, str]]:
    """Return the filter of an operator that has one: sequence numbers, or a time as raw bytes."""
    if operator not in (UP_TO, FROM, WITHIN):
        return []
    kind = cursor.number(1, "filter type")
    facts = [("filter", word_of(FILTERS, kind))]
    if kind != SEQUENCE_FILTER:
        return [*facts, ("operand", cursor.rest().hex())]
    ends = ("sequence",) if operator != WITHIN else ("first_sequence", "last_sequence")
    size = 4 if cursor.left == 4 * len(ends) else 2
    return facts + [(name, str(cursor.number(size, "sequence number"))) for name in ends]


CONTROL_POINT = Codec(
    name="record_access_control_point",
    service="1808",
    characteristic=CHARACTERISTIC,
    also=("181F", "1822", "1810", "1840", "183E"),
    read=_read,
)

CHARACTERISTICS = (CONTROL_POINT,)


def report_all(operation: int = REPORT) -> bytes:
    """Return the request for every stored record; Generic Health Sensors want COMBINED."""
    return bytes((operation, ALL))


def report_from(sequence: int, operation: int = REPORT, *, size: int = 2) -> bytes:
    """Return the request for the records from a sequence number on, itself included."""
    return bytes((operation, FROM, SEQUENCE_FILTER)) + sequence.to_bytes(size, "little")


def report_last(operation: int = REPORT) -> bytes:
    """Return the request for the youngest record."""
    return bytes((operation, LAST))


def count_all() -> bytes:
    """Return the request for the number of records."""
    return bytes((COUNT, ALL))


def count_from(sequence: int, *, size: int = 2) -> bytes:
    """Return the request for the number of records from a sequence number on."""
    return bytes((COUNT, FROM, SEQUENCE_FILTER)) + sequence.to_bytes(size, "little")


def abort() -> bytes:
    """Return the request that ends a procedure."""
    return bytes((ABORT, 0))
