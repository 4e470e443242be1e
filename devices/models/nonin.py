"""Nonin oximeters."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

NONIN_3230 = Model(
    key="nonin-3230",
    maker="Nonin",
    name="NoninConnect 3230",
    kind=Kind.OXIMETER,
    names=("Nonin3230_", "Nonin 3230"),
    numbers=("Model 3230",),
    sends=("1822/2A5F", "1822/2A5E"),
    pairing=Pairing.NONE,
    memory=Memory.NONE,
    clock=ClockHabit.NONE,
    steps=Steps(
        fr=(
            "Retirez le vernis à ongles du doigt.",
            "Glissez le doigt à plat dans l'appareil, jusqu'au fond.",
            "Si l'écran le demande, enfoncez encore un peu le doigt.",
            "Gardez la main immobile pendant une minute, près du boîtier.",
            "Vérifiez sur la page que la mesure est arrivée.",
        ),
        en=(
            "Take nail polish off the finger.",
            "Slide the finger flat into the device, all the way in.",
            "If the display asks for it, push the finger in a little further.",
            "Keep the hand still for one minute, near the gateway.",
            "Check on the page that the measurement has arrived.",
        ),
    ),
    notes="On only while it holds a finger. A public library reads the maker's own service"
    " without a bond and says that the SIG's is there too; what 1822 asks for, its clock and its"
    " memory aren't verified. 2A5E is indicate only.",
    sources=(
        "andreasdri/nonin-3230-ble README.md",
        "NoninConnect Model 3230, instructions for use",
        "XCSoar/XCSoar pull request #2972",
        "weliem/pi-health-hub src/main/kotlin/com/welie/healthhub/PeripheralExtensions.kt",
    ),
)

MODELS: tuple[Model, ...] = (NONIN_3230,)
