"""Virtual Bluetooth devices on bumble, for the demo and for tests: one class a kind.

They are put on an `air.Air`, where a gateway finds them as it finds real ones.
"""

from __future__ import annotations

from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.heart_rate import HeartRateStrap
from devices.virtual.oximeter import Oximeter
from devices.virtual.peripheral import Peripheral
from devices.virtual.thermometer import Thermometer
from devices.virtual.weight_scale import WeightScale

KINDS: tuple[type[Peripheral], ...] = (
    HeartRateStrap,
    BloodPressureCuff,
    Thermometer,
    WeightScale,
    Oximeter,
)
"""Every kind of virtual device."""
