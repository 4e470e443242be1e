"""A characteristic that is not flags and parts: its bytes are read by a function of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from balise.errors import FrameError, Reason
from balise.model import Decoded, Facts, State


class Characteristic(Protocol):
    """What every characteristic has, declared as a Frame or as a Codec."""

    @property
    def name(self) -> str:
        """The Bluetooth SIG's name."""
        ...

    @property
    def service(self) -> str:
        """The service it belongs to, 4 hexadecimal digits."""
        ...

    @property
    def characteristic(self) -> str:
        """Its own 4 hexadecimal digits."""
        ...

    @property
    def also(self) -> tuple[str, ...]:
        """Other services that have it."""
        ...

    @property
    def state(self) -> State:
        """What its frames are when they hold all their figures."""
        ...

    def decode(self, data: bytes) -> tuple[Decoded, ...]:
        """Return what the bytes say, one element a record; raise FrameError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A characteristic read by `read`, which raises FrameError where the bytes break its layout."""

    name: str
    service: str
    characteristic: str
    read: Callable[[bytes], tuple[Decoded, ...]]
    also: tuple[str, ...] = ()
    state: State = State.INFORMATION

    def decode(self, data: bytes) -> tuple[Decoded, ...]:
        """Return what the bytes say, one element a record."""
        return self.read(data)


def information(service: str, characteristic: str, facts: Facts) -> tuple[Decoded, ...]:
    """Return facts about the device or the session, without any figure of the patient's."""
    return (
        Decoded(
            readings=(),
            service=service,
            characteristic=characteristic,
            state=State.INFORMATION,
            facts=facts,
        ),
    )


def text(characteristic: str, data: bytes) -> str:
    """Return a UTF-8 string, without the zeros that some devices pad it with."""
    try:
        return data.rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise FrameError(
            f"{characteristic}: byte {error.start} is not UTF-8", reason=Reason.FRAME_NO_VALUE
        ) from error


@dataclass(slots=True)
class Cursor:
    """Reads a characteristic's bytes from the left and says which byte is missing."""

    characteristic: str
    data: bytes
    at: int = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.data) - self.at

    def take(self, size: int, what: str) -> bytes:
        """Return the next bytes; FrameError where they are not there."""
        chunk = self.data[self.at : self.at + size]
        if len(chunk) < size:
            raise FrameError(
                f"{self.characteristic}: {size} bytes of {what} expected at byte {self.at},"
                f" {len(chunk)} there"
            )
        self.at += size
        return chunk

    def number(self, size: int, what: str, *, signed: bool = False) -> int:
        """Return the next integer, low byte first."""
        return int.from_bytes(self.take(size, what), "little", signed=signed)

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(self.left, "rest")

    def end(self) -> None:
        """Raise FrameError where bytes are left over."""
        if self.left:
            raise FrameError(
                f"{self.characteristic}: {self.left} bytes too many after byte {self.at}",
                reason=Reason.FRAME_OVERLONG,
            )
