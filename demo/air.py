"""The virtual home: every virtual patient's devices on one air, measuring as their owners do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from demo.patients import PATIENTS, Habit, VirtualDevice, VirtualPatient
from devices.virtual.air import Air
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.heart_rate import HeartRateStrap
from devices.virtual.oximeter import Oximeter
from devices.virtual.peripheral import Peripheral
from devices.virtual.thermometer import Thermometer
from devices.virtual.weight_scale import WeightScale

_ZONE = ZoneInfo("Europe/Paris")
_FIRST_WAIT = 3.0
Measure = Callable[[Random], None]


async def serve(port: int) -> None:
    """Run every device until cancelled."""
    async with Air(port=port) as air, asyncio.TaskGroup() as group:
        for patient in PATIENTS:
            for device in patient.devices:
                if not patient.silent_for:
                    peripheral, measure = make(patient, device)
                    await air.add(peripheral)
                    group.create_task(_live(device, measure))


async def _live(device: VirtualDevice, measure: Measure) -> None:
    random = Random()  # noqa: S311 - a demo, no secret
    await asyncio.sleep(random.uniform(0, _FIRST_WAIT))
    while True:
        measure(random)
        await asyncio.sleep(device.every)


def _wall_clock() -> datetime:
    return datetime.now(_ZONE).replace(tzinfo=None)


def make(patient: VirtualPatient, device: VirtualDevice) -> tuple[Peripheral, Measure]:
    """Return a virtual device and what makes it measure once."""
    peripheral, measure = _MAKERS[device.kind](patient, device)
    peripheral.clock_offset = device.clock_off
    return peripheral, measure


def _today(patient: VirtualPatient, metric: str, random: Random) -> Decimal:
    """Return a value of today for a metric of the patient's habits."""
    for habit in patient.habits:
        if metric in habit.values:
            return _value(habit, metric, random)
    raise KeyError(metric)


def _value(habit: Habit, metric: str, random: Random) -> Decimal:
    series, _ = habit.values[metric]
    return series(random, 0)


def _cuff(patient: VirtualPatient, device: VirtualDevice) -> tuple[Peripheral, Measure]:
    cuff = BloodPressureCuff(address=device.address, name="Balise cuff", clock=_wall_clock)

    def measure(random: Random) -> None:
        cuff.measure(
            systolic=_today(patient, "systolic_blood_pressure", random),
            diastolic=_today(patient, "diastolic_blood_pressure", random),
            pulse=Decimal(random.randint(62, 84)),
            status=0,
        )

    return cuff, measure


def _scale(patient: VirtualPatient, device: VirtualDevice) -> tuple[Peripheral, Measure]:
    scale = WeightScale(address=device.address, name="Balise scale", clock=_wall_clock)

    def measure(random: Random) -> None:
        scale.measure(weight=_today(patient, "body_weight", random))

    return scale, measure


def _strap(_patient: VirtualPatient, device: VirtualDevice) -> tuple[Peripheral, Measure]:
    strap = HeartRateStrap(address=device.address, name="Balise strap")

    def measure(random: Random) -> None:
        bpm = random.randint(68, 78)
        strap.beat(bpm=bpm, rr_intervals=(round(60 / bpm * 1024),))

    return strap, measure


def _oximeter(patient: VirtualPatient, device: VirtualDevice) -> tuple[Peripheral, Measure]:
    oximeter = Oximeter(address=device.address, name="Balise oximeter", clock=_wall_clock)

    def measure(random: Random) -> None:
        oximeter.measure(
            saturation=_today(patient, "oxygen_saturation", random),
            pulse=Decimal(random.randint(70, 90)),
        )

    return oximeter, measure


def _thermometer(patient: VirtualPatient, device: VirtualDevice) -> tuple[Peripheral, Measure]:
    thermometer = Thermometer(address=device.address, name="Balise thermo", clock=_wall_clock)

    def measure(random: Random) -> None:
        thermometer.measure(temperature=_today(patient, "body_temperature", random))

    return thermometer, measure


_MAKERS: dict[str, Callable[[VirtualPatient, VirtualDevice], tuple[Peripheral, Measure]]] = {
    "blood_pressure": _cuff,
    "weight_scale": _scale,
    "heart_rate": _strap,
    "oximeter": _oximeter,
    "thermometer": _thermometer,
}
