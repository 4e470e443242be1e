"""Patients with three months of readings, that went through the line as any do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg

from care.plan import Plan
from devices.payloads import balise_v1
from flows import steps
from ingest.receive import Delivery, land
from sql import people, plans

PATHWAY = "heart_failure"
SILENT = timedelta(days=3)
_ITEMS, _MESSAGES = 500, 20
"""Items of a message, and messages that land at once."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A characteristic and what it says at its n-th measurement."""

    service: str
    characteristic: str
    data: Callable[[int], str]


SENSORS = (
    Sensor("180D", "2A37", lambda n: f"00{60 + n % 40:02x}"),
    Sensor("1809", "2A1C", lambda n: f"00{(360 + n % 20).to_bytes(3, 'little').hex()}ff"),
    Sensor("181D", "2A9D", lambda n: f"00{(14_400 + n % 200).to_bytes(2, 'little').hex()}"),
    Sensor("1822", "2A5E", lambda n: f"00{90 + n % 10:02x}00{60 + n % 40:02x}00"),
)
"""Five metrics: an oximeter says two."""


@dataclass(frozen=True, slots=True)
class Clinic:
    """Patients who measure everything so many times a day; the first does so every minute.

    Every fifth stopped three days ago: of a list some have something open.
    """

    patients: int
    days: int
    a_day: int
    until: datetime = field(default_factory=lambda: datetime.now(UTC))

    def code(self, patient: int) -> str:
        """Return the patient's code, which is the gateway's name too."""
        return f"clinic-{patient:04d}"

    def address(self, patient: int) -> str:
        """Return the address of the patient's device."""
        return f"C0:00:00:00:{patient >> 8:02X}:{patient & 255:02X}"

    def build(self, database_url: str) -> int:
        """Enrol everybody and run the line over what they have measured; return the readings."""
        with psycopg.connect(database_url, autocommit=True) as connection:
            with connection.transaction():
                self._enrol(connection)
            deliveries: list[Delivery] = []
            for delivery in self._measured():
                deliveries.append(delivery)
                if len(deliveries) == _MESSAGES:
                    land(connection, deliveries, self.until)
                    deliveries = []
            land(connection, deliveries, self.until)
        return steps.run_line(database_url, self.until).accounting.accepted

    def _enrol(self, connection: psycopg.Connection) -> None:
        since = self.until - timedelta(days=self.days + 1) - SILENT
        for patient in range(self.patients):
            name = self.code(patient)
            subject = people.add_subject(connection, name, pathway=PATHWAY)
            people.set_identity(connection, subject, family=f"Test {patient}", given=name)
            people.add_gateway(connection, name)
            people.give(connection, self.address(patient), subject, since=since, gateway=name)
            plans.sign(connection, subject, Plan().content(), over=0, who="bench")

    def _measured(self) -> Iterator[Delivery]:
        for patient in range(self.patients):
            a_day = self.a_day if patient else 24 * 60
            topic = f"balise/v1/{self.code(patient)}/frames"
            for sensor in SENSORS:
                for first in range(0, self.days * a_day, _ITEMS):
                    numbers = range(first, min(first + _ITEMS, self.days * a_day))
                    items = [(n + 1, self._item(patient, sensor, n, a_day)) for n in numbers]
                    yield Delivery(1, 1, topic, balise_v1.encode_message(uuid4(), items))

    def _item(self, patient: int, sensor: Sensor, number: int, a_day: int) -> bytes:
        start = self.until - timedelta(days=self.days) - (timedelta() if patient % 5 else SILENT)
        return balise_v1.encode_item(
            balise_v1.Item(
                device=self.address(patient),
                captured_at=start + timedelta(days=1) * (number / a_day),
                service=sensor.service,
                characteristic=sensor.characteristic,
                data=sensor.data(number),
            )
        )
