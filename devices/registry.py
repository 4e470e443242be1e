"""Find the characteristic of a service and decode its bytes, as its model lays them out."""

from __future__ import annotations

from balise.errors import FrameError, Reason
from balise.model import Decoded
from devices import (
    activity,
    blood_pressure,
    body_composition,
    cgm,
    device_information,
    enhanced_blood_pressure,
    glucose,
    health_sensor,
    heart_rate,
    medisana_scale,
    mi_scale,
    oximeter,
    racp,
    thermometer,
    time_services,
    user_data,
    weight_scale,
)
from devices.codec import Characteristic
from devices.models.model import Model

DECODER_VERSION = 2
"""Rises whenever the same bytes would give another reading; stored with every reading."""

CHARACTERISTICS: tuple[Characteristic, ...] = (
    *heart_rate.CHARACTERISTICS,
    *blood_pressure.CHARACTERISTICS,
    *enhanced_blood_pressure.CHARACTERISTICS,
    *thermometer.CHARACTERISTICS,
    *weight_scale.CHARACTERISTICS,
    *body_composition.CHARACTERISTICS,
    *mi_scale.CHARACTERISTICS,
    *medisana_scale.CHARACTERISTICS,
    *user_data.CHARACTERISTICS,
    *glucose.CHARACTERISTICS,
    *cgm.CHARACTERISTICS,
    *racp.CHARACTERISTICS,
    *oximeter.CHARACTERISTICS,
    *health_sensor.CHARACTERISTICS,
    *activity.CHARACTERISTICS,
    *time_services.CHARACTERISTICS,
    *device_information.CHARACTERISTICS,
)
"""Every characteristic Balise decodes; the registry test walks it."""

REFUSED_SERVICES = {"183A": "insulin delivery is a therapy device's service"}
"""Services whose bytes are refused by name, whatever their characteristic's number."""

_BY_KEY = {
    (service, one.characteristic): one
    for one in CHARACTERISTICS
    for service in (one.service, *one.also)
}


def short_uuid(uuid: str) -> str:
    """Return the 4 hexadecimal digits of a Bluetooth SIG UUID, or any other as it is."""
    lower = uuid.lower()
    if lower.startswith("0000") and lower.endswith("-0000-1000-8000-00805f9b34fb"):
        lower = lower[4:8]
    return lower.upper()


def find(
    characteristic: str, service: str | None = None, *, model: Model | None = None
) -> Characteristic:
    """Return what is declared for a characteristic, the model's own layout first."""
    short, of = short_uuid(characteristic), short_uuid(service) if service else None
    if of in REFUSED_SERVICES:
        raise FrameError(
            f"{of}/{short} is not supported: {REFUSED_SERVICES[of]}", reason=Reason.NOT_SUPPORTED
        )
    for frame in model.frames if model else ():
        if frame.characteristic == short and of in (None, frame.service):
            return frame
    if of is not None:
        found = _BY_KEY.get((of, short))
    else:
        candidates = [one for one in CHARACTERISTICS if one.characteristic == short]
        found = candidates[0] if len(candidates) == 1 else None
    if found is None:
        raise _unknown(short, of)
    return found


def _unknown(short: str, service: str | None) -> FrameError:
    known = ", ".join(f"{one}/{other}" for one, other in sorted(_BY_KEY))
    return FrameError(
        f"no decoder for characteristic {short} of service {service or 'any'}; known: {known}",
        reason=Reason.CHARACTERISTIC_UNKNOWN,
    )


def decode(
    characteristic: str, data: bytes, *, service: str | None = None, model: Model | None = None
) -> tuple[Decoded, ...]:
    """Return what the bytes say, one element a record; FrameError where they say nothing."""
    return find(characteristic, service, model=model).decode(data)
