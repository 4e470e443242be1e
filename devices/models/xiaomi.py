"""Xiaomi scales: heard, never connected to; only a stabilised figure counts."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

_OPENSCALE = (
    "oliexdev/openScale android_app/app/src/main/java"
    "/com/health/openscale/core/bluetooth/scales/MiScaleHandler.kt"
)
_SCALES = "KristianP26/ble-scale-sync docs/guide/supported-scales.md"
_STABLE = "Figures without the stabilised bit are somebody stepping on or off. "
_CLOCK = "Its stored weighings and its clock need a connection, which Balise doesn't make."
_STEPS = Steps(
    fr=(
        "Posez la balance sur un sol dur, à moins de cinq mètres du boîtier.",
        "Montez pieds nus sur la balance.",
        "Restez immobile jusqu'à ce que le poids clignote ou ne bouge plus.",
        "Vérifiez sur la page que le poids est arrivé.",
    ),
    en=(
        "Put the scale on a hard floor, less than five metres from the gateway.",
        "Step on the scale barefoot.",
        "Stand still until the weight blinks or no longer moves.",
        "Check on the page that the weight has arrived.",
    ),
)

MI_SCALE = Model(
    key="xiaomi-mi-scale",
    maker="Xiaomi",
    name="Mi Smart Scale (v1)",
    kind=Kind.SCALE,
    names=("MI_SCALE",),
    sends=("181D/service_data",),
    pairing=Pairing.ADVERTISEMENT,
    memory=Memory.NONE,
    clock=ClockHabit.VENDOR,
    steps=_STEPS,
    notes=_STABLE + "Set to pounds, it sends pounds. " + _CLOCK,
    sources=(
        "AlCalzone/ioBroker.ble issue #148",
        "1technophile/OpenMQTTGateway issue #787",
        _OPENSCALE,
    ),
)

MI_SCALE_2 = Model(
    key="xiaomi-mi-smart-scale-2",
    maker="Xiaomi",
    name="Mi Smart Scale 2 (XMTZC04HM)",
    kind=Kind.SCALE,
    names=("MI SCALE2",),
    sends=("181D/service_data",),
    pairing=Pairing.ADVERTISEMENT,
    memory=Memory.NONE,
    clock=ClockHabit.VENDOR,
    steps=_STEPS,
    notes=_STABLE + "No impedance is sent. openScale takes it for a v2; ble-scale-sync hears it"
    " under 181D. " + _CLOCK,
    sources=(_SCALES, _OPENSCALE),
)

MI_BODY_COMPOSITION_SCALE = Model(
    key="xiaomi-mi-body-composition-scale",
    maker="Xiaomi",
    name="Mi Body Composition Scale 1 and 2 (v2, XMTZC05HM)",
    kind=Kind.BODY_COMPOSITION,
    names=("MIBCS", "MIBFS"),
    sends=("181B/service_data",),
    pairing=Pairing.ADVERTISEMENT,
    memory=Memory.NONE,
    clock=ClockHabit.VENDOR,
    steps=_STEPS,
    notes=_STABLE + "Its 2A9C lacks the fat field that the SIG demands: never decode it as such. "
    "No user is sent. " + _CLOCK,
    sources=("wiecosystem/Bluetooth issue #9", _SCALES, _OPENSCALE),
)

MODELS: tuple[Model, ...] = (MI_SCALE, MI_SCALE_2, MI_BODY_COMPOSITION_SCALE)
