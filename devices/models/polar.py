"""Polar heart rate sensors: open, live only, no clock."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

_SENDS = ("180D/2A37",)
_NAMES = "weliem/pi-health-hub src/main/kotlin/com/welie/healthhub/PeripheralExtensions.kt"
_OPEN = "That it needs no bond for its heart rate is from knowledge and reference material."
_OPTICAL = (
    "It can't tell whether it is worn: off the skin it sends plausible figures, and on its charger"
    " the last one for ever. "
)

_STRAP_STEPS = Steps(
    fr=(
        "Mouillez les deux bandes noires de la ceinture.",
        "Serrez la ceinture autour de la poitrine, sous les seins ou les pectoraux.",
        "Clipsez le capteur sur la ceinture.",
        "Restez une minute près du boîtier.",
        "Vérifiez sur la page que le pouls s'affiche.",
    ),
    en=(
        "Wet the two black strips of the belt.",
        "Fasten the belt around the chest, below the chest muscles.",
        "Snap the sensor onto the belt.",
        "Stay near the gateway for one minute.",
        "Check on the page that the pulse shows.",
    ),
)

_ARM_STEPS = Steps(
    fr=(
        "Retirez le capteur de son chargeur.",
        "Glissez-le dans le brassard, lentille contre la peau.",
        "Placez le brassard sur l'avant-bras ou le haut du bras.",
        "Gardez le doigt sur le bouton jusqu'à voir une lumière.",
        "Vérifiez sur la page que le pouls s'affiche.",
    ),
    en=(
        "Take the sensor off its charger.",
        "Slide it into the armband, lens against the skin.",
        "Put the armband on the forearm or the upper arm.",
        "Hold the button until a light comes on.",
        "Check on the page that the pulse shows.",
    ),
)

H10 = Model(
    key="polar-h10",
    maker="Polar",
    name="H10",
    kind=Kind.HEART_RATE,
    names=("Polar H10",),
    sends=_SENDS,
    pairing=Pairing.NONE,
    memory=Memory.NONE,
    clock=ClockHabit.NONE,
    steps=_STRAP_STEPS,
    notes="For some seconds after connecting it may report no contact with an old figure; 0 is no"
    " signal. " + _OPEN,
    sources=(
        "polarofficial/polar-ble-sdk issue #83",
        "polarofficial/polar-ble-sdk issue #183",
        _NAMES,
    ),
)

H9 = Model(
    key="polar-h9",
    maker="Polar",
    name="H9",
    kind=Kind.HEART_RATE,
    names=("Polar H9",),
    sends=_SENDS,
    pairing=Pairing.NONE,
    memory=Memory.NONE,
    clock=ClockHabit.NONE,
    steps=_STRAP_STEPS,
    notes=_OPEN,
    sources=(
        "JanCBrammer/OpenHRV issue #3",
        "PolarModel test (Kotlin; repository not named by the index)",
    ),
)

OH1 = Model(
    key="polar-oh1",
    maker="Polar",
    name="OH1",
    kind=Kind.HEART_RATE,
    names=("Polar OH1",),
    sends=_SENDS,
    pairing=Pairing.NONE,
    memory=Memory.NONE,
    clock=ClockHabit.NONE,
    steps=_ARM_STEPS,
    notes=_OPTICAL + "Its beat intervals are smoothed: not for heart rate variability. " + _OPEN,
    sources=(
        "polarofficial/polar-ble-sdk issue #32",
        "polarofficial/polar-ble-sdk issue #135",
        "JanCBrammer/OpenHRV issue #3",
        _NAMES,
    ),
)

VERITY_SENSE = Model(
    key="polar-verity-sense",
    maker="Polar",
    name="Verity Sense",
    kind=Kind.HEART_RATE,
    names=("Polar Sense",),
    sends=_SENDS,
    pairing=Pairing.NONE,
    memory=Memory.NONE,
    clock=ClockHabit.NONE,
    steps=_ARM_STEPS,
    notes=_OPTICAL + "It sends no beat intervals. " + _OPEN,
    sources=(
        "polarofficial/polar-ble-sdk issue #430",
        "zHElEARN/polar-python issue #2",
        "JanCBrammer/OpenHRV issue #3",
    ),
)

MODELS: tuple[Model, ...] = (H10, H9, OH1, VERITY_SENSE)
