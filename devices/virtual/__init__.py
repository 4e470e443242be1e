"""Virtual Bluetooth devices on bumble, for the demo and for tests: one class a kind.

They are put on an `air.Air`, where a gateway finds them as it finds real ones.
"""

from __future__ import annotations

from devices.virtual.activity import ActivityMonitor
from devices.virtual.blood_pressure import BloodPressureCuff
from devices.virtual.body_composition import BodyCompositionScale
from devices.virtual.cgm import ContinuousGlucoseSensor
from devices.virtual.enhanced_blood_pressure import EnhancedBloodPressureCuff
from devices.virtual.glucose import GlucoseMeter
from devices.virtual.health_sensor import GenericHealthSensor
from devices.virtual.heart_rate import HeartRateStrap
from devices.virtual.mi_scale import MiScale, MiScaleOne
from devices.virtual.oximeter import Oximeter
from devices.virtual.peripheral import Peripheral
from devices.virtual.thermometer import Thermometer
from devices.virtual.weight_scale import WeightScale

KINDS: tuple[type[Peripheral], ...] = (
    HeartRateStrap,
    BloodPressureCuff,
    EnhancedBloodPressureCuff,
    Thermometer,
    WeightScale,
    BodyCompositionScale,
    MiScaleOne,
    MiScale,
    GlucoseMeter,
    ContinuousGlucoseSensor,
    Oximeter,
    GenericHealthSensor,
    ActivityMonitor,
)
"""Every kind of virtual device."""
