"""A virtual activity monitor: steps 0x2B40 and sleep 0x2B42 from memory, sleep now 0x2B41."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from devices.activity import SLEEP_INSTANTANEOUS, SLEEP_SUMMARY, STEPS
from devices.frame import Frame
from devices.virtual import encode, gatt
from devices.virtual.gateway import Settings
from devices.virtual.peripheral import Peripheral
from devices.virtual.segments import Cutter


class ActivityMonitor(Peripheral):
    """A monitor that advertises while there is a summary nobody has confirmed."""

    SERVICE = 0x183E
    STORED = 0x2B40
    STREAMED = 0x2B41
    GATT: ClassVar[gatt.Gatt] = {
        0x183E: {0x2B40: gatt.INDICATE, 0x2B41: gatt.NOTIFY, 0x2B42: gatt.INDICATE}
    }

    def __init__(self, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        self._cutter = Cutter()
        self._sequence = 0
        self._asleep: dict[str, Any] | None = None

    def walk(self, *, seconds: int, session: int = 1, **figures: int) -> list[bytes]:
        """Keep a summary of steps, and return its segments; figures such as step_count."""
        return self._keep(STEPS, 0x2B40, seconds, session, figures)

    def sleep(self, *, seconds: int, session: int = 1, **figures: int) -> list[bytes]:
        """Keep a summary of sleep, and return its segments; figures such as total_sleep_time."""
        return self._keep(SLEEP_SUMMARY, 0x2B42, seconds, session, figures)

    def fall_asleep(self, *, heart_rate: int, stage: int) -> None:
        """Notify each `period` from now on how the sleep is; `stage` holds the bits."""
        self._asleep = {"heart_rate": heart_rate, "sleep_stage": stage}
        self.wake()

    def wake_up(self) -> None:
        """Stop the stream."""
        self._asleep = None
        self.wake()

    def live(self) -> bytes | None:
        """Return how the sleep is, None while awake: it fits one segment."""
        if self._asleep is None:
            return None
        (segment,) = Cutter(64).cut(self._message(SLEEP_INSTANTANEOUS, 0, 1, self._asleep))
        return segment

    def _keep(
        self, layout: Frame, uuid: int, seconds: int, session: int, figures: dict[str, int]
    ) -> list[bytes]:
        self._sequence += 1
        message = self._message(layout, seconds, session, figures)
        return [self.keep(segment, uuid) for segment in self._cutter.cut(message)]

    def _message(self, layout: Frame, seconds: int, session: int, figures: dict[str, Any]) -> bytes:
        return encode.frame(
            layout,
            session=session,
            sub_session=0,
            session_seconds=seconds,
            sequence=self._sequence,
            **figures,
        )
