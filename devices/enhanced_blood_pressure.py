"""Enhanced blood pressure 2B34, cuff pressure 2B35 and stored record 2B36 (SIG BPS 1.1.1).

Time is counted in seconds from 1900 or 2000; where the user-facing time is there too, it is the
one the patient saw, and the base time stays as a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from balise.errors import FrameError, Reason
from balise.model import Decoded, State
from devices.blood_pressure import MEASUREMENT as PLAIN
from devices.blood_pressure import PRESSURES, PULSE, status
from devices.clock import EPOCH_1900, EPOCH_2000, Seconds
from devices.codec import Cursor
from devices.crc import e2e_crc
from devices.frame import Frame
from devices.parts import SFLOAT, Draft, Fact, Part, User
from devices.segments import Segmented

_TIME, _USER_FACING, _EPOCH_2000 = 0x02, 0x20, 0x40


@dataclass(frozen=True, slots=True)
class UserFacing(Seconds):
    """The clock as the user saw it, which counts before the base time."""

    def read(self, word: int, draft: Draft) -> None:
        """Keep the base time as a fact and set the device time to what was shown."""
        if draft.device_time is not None:
            draft.facts.append(("base_time", draft.device_time.isoformat()))
        super(UserFacing, self).read(word, draft)


_AFTER_PRESSURE: tuple[Part, ...] = (
    Seconds(EPOCH_1900, when=_TIME, unless=_EPOCH_2000),
    Seconds(EPOCH_2000, when=_TIME | _EPOCH_2000),
    PULSE,
    User(when=0x08),
    status(),
    UserFacing(EPOCH_1900, when=_USER_FACING, unless=_EPOCH_2000),
    UserFacing(EPOCH_2000, when=_USER_FACING | _EPOCH_2000),
)

MEASUREMENT = Frame(
    name="enhanced_blood_pressure_measurement",
    service="1810",
    characteristic="2B34",
    parts=(*PRESSURES, *_AFTER_PRESSURE),
)

INTERMEDIATE = Frame(
    name="enhanced_intermediate_cuff_pressure",
    service="1810",
    characteristic="2B35",
    state=State.LIVE,
    parts=(
        Fact("cuff_pressure", SFLOAT, "mm[Hg]", unless=0x01),
        Fact("cuff_pressure", SFLOAT, "kPa", when=0x01),
        *_AFTER_PRESSURE,
    ),
)

_CONTENTS = {0x2B34: MEASUREMENT, 0x2A35: PLAIN}


def _record(segments: Sequence[bytes]) -> tuple[Decoded, ...]:
    first = Cursor("2B36", segments[0], 1)
    sequence, content = first.number(2, "sequence number"), first.number(2, "content")
    head = segments[0][1:5]
    # A segment repeats sequence and content where its maker read the layout so.
    data = b"".join(
        segment[5:] if place == 0 or segment[1:5] == head else segment[1:]
        for place, segment in enumerate(segments)
    )
    frame = _CONTENTS.get(content)
    if frame is None:
        raise FrameError(
            f"2B36: a record of characteristic {content:04X}, not of a blood pressure",
            reason=Reason.CHARACTERISTIC_UNKNOWN,
        )
    try:
        (decoded,) = frame.decode(data)
    except FrameError as error:
        if error.reason is not Reason.FRAME_OVERLONG or not _crc_holds(segments):
            raise
        (decoded,) = frame.decode(data[:-2])
    return (replace(decoded, characteristic="2B36", sequence=sequence),)


def _crc_holds(segments: Sequence[bytes]) -> bool:
    whole = b"".join(segments)
    if e2e_crc(whole[:-2]) == int.from_bytes(whole[-2:], "little"):
        return True
    raise FrameError("2B36: the checksum at the end is wrong", reason=Reason.FRAME_CHECKSUM)


RECORD = Segmented(
    name="blood_pressure_record", service="1810", characteristic="2B36", read=_record
)

CHARACTERISTICS = (MEASUREMENT, INTERMEDIATE, RECORD)
