"""User Data Service 181C: consent and user index of a shared scale (Bluetooth SIG UDS 1.1).

The 4-digit consent code is not the 6-digit passkey of pairing. Balise asks for consent and reads
the index; it never writes a birth date, a sex or a height to a device.
"""

from __future__ import annotations

from balise.errors import FrameError, Reason
from balise.model import Decoded, State
from devices.codec import Codec, Cursor, information
from devices.frame import Frame
from devices.parts import U8, U32, Code, Fact, word_of

SERVICE = "181C"
REGISTER, CONSENT, DELETE, LIST, DELETE_USERS, ANSWER = 1, 2, 3, 4, 5, 0x20
_OPERATIONS = {
    REGISTER: "register new user",
    CONSENT: "consent",
    DELETE: "delete user data",
    LIST: "list all users",
    DELETE_USERS: "delete users",
    ANSWER: "response",
}
_RESPONSES = {
    1: "success (1)",
    2: "op code not supported (2)",
    3: "invalid parameter (3)",
    4: "operation failed (4)",
    5: "user not authorized (5)",
}


def _read(data: bytes) -> tuple[Decoded, ...]:
    cursor = Cursor("2A9F", data)
    operation = cursor.number(1, "op code")
    facts = [("operation", word_of(_OPERATIONS, operation))]
    if operation == ANSWER:
        request, code = cursor.take(2, "request and response code")
        facts += [
            ("request", word_of(_OPERATIONS, request)),
            ("response", word_of(_RESPONSES, code)),
            *_parameter(request, cursor.rest()),
        ]
    elif operation == CONSENT:
        # The code opens a person's data: it is checked to be there and never repeated.
        facts.append(("user", str(cursor.take(3, "user and consent code")[0])))
        cursor.end()
    elif operation not in _OPERATIONS:
        raise FrameError(f"2A9F: no op code {operation}", reason=Reason.FRAME_NO_VALUE)
    return information(SERVICE, "2A9F", tuple(facts))


def _parameter(request: int, parameter: bytes) -> list[tuple[str, str]]:
    """Return what an answer brings along: the new user's index, or the number of users."""
    if not parameter:
        return []
    name = {REGISTER: "user", DELETE_USERS: "user", LIST: "users"}.get(request, "parameter")
    return [(name, str(parameter[0]) if len(parameter) == 1 else parameter.hex())]


def consent(user: int, code: int) -> bytes:
    """Return the request that opens a user's data; the code has 4 digits."""
    if not 0 <= code <= 9999:
        raise FrameError("a consent code has 4 digits, 0000 to 9999; the passkey of pairing has 6")
    return bytes((CONSENT, user)) + code.to_bytes(2, "little")


CONTROL_POINT = Codec(name="user_control_point", service=SERVICE, characteristic="2A9F", read=_read)

INDEX = Frame(
    name="user_index",
    service=SERVICE,
    characteristic="2A9A",
    flags_size=0,
    state=State.INFORMATION,
    parts=(Code("user", {0xFF: "unknown"} | {slot: str(slot) for slot in range(0xFF)}, U8),),
)
CHANGE_INCREMENT = Frame(
    name="database_change_increment",
    service=SERVICE,
    characteristic="2A99",
    flags_size=0,
    state=State.INFORMATION,
    parts=(Fact("database_change_increment", U32),),
)

CHARACTERISTICS = (CONTROL_POINT, INDEX, CHANGE_INCREMENT)
