"""ForaCare and TaiDoc, one maker under two names."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

TNG_VOICE = Model(
    key="fora-tng-voice",
    maker="ForaCare",
    name="TN'G Voice",
    kind=Kind.GLUCOSE,
    names=("TNG VOICE",),
    sends=("1808/2A18", "1808/2A34"),
    pairing=Pairing.JUST_WORKS,
    memory=Memory.RECORDS,
    clock=ClockHabit.SET_BY_HAND,
    asks_from=False,
    steps=Steps(
        fr=(
            "Sur le téléphone, coupez le Bluetooth ou fermez l'application iFORA.",
            "Faites un test de glycémie.",
            "Retirez la bandelette et laissez le lecteur près du boîtier.",
            "Si 6 chiffres paraissent sur l'écran ou au dos du lecteur, tapez-les sur la page.",
            "Vérifiez sur la page que le test est arrivé.",
        ),
        en=(
            "On the phone, switch Bluetooth off or close the iFORA app.",
            "Do a blood sugar test.",
            "Take the strip out and leave the meter near the gateway.",
            "If 6 digits show on the display or the back of the meter, type them on the page.",
            "Check on the page that the test has arrived.",
        ),
    ),
    notes="It gives no maker's name, and asked for records since a number it doesn't answer: ask"
    " for all. The bond, the clock and the steps aren't verified.",
    sources=("tidepool-org/uploader lib/drivers/bluetoothLE/bluetoothLEDriver.js",),
)

TD1241 = Model(
    key="taidoc-td1241",
    maker="TaiDoc",
    name="TD-1241",
    kind=Kind.THERMOMETER,
    names=("TAIDOC TD1241",),
    sends=("1809/2A1C",),
    pairing=Pairing.NONE,
    memory=Memory.NONE,
    clock=ClockHabit.SET_BY_HAND,
    steps=Steps(
        fr=(
            "Laissez le thermomètre près du boîtier.",
            "Prenez la température comme d'habitude.",
            "Attendez la fin de la mesure.",
            "Vérifiez sur la page que la température est arrivée.",
        ),
        en=(
            "Keep the thermometer near the gateway.",
            "Take the temperature as usual.",
            "Wait for the end of the measurement.",
            "Check on the page that the temperature has arrived.",
        ),
    ),
    notes="Wait 40 seconds before connecting again. Memory, clock and the absence of a bond"
    " aren't verified.",
    sources=(
        "weliem/pi-health-hub src/main/kotlin/com/welie/healthhub/PeripheralExtensions.kt",
        "weliem/bluez_inc examples/central/main.c",
    ),
)

MODELS: tuple[Model, ...] = (TNG_VOICE, TD1241)
