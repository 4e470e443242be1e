"""i-SENS CareSens meters: a ketone wears the meal code 6."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

_SENDS = ("1808/2A18", "1808/2A34")
_DRIVER = "tidepool-org/uploader lib/drivers/bluetoothLE/bluetoothLEDriver.js"
_KETONE = "NightscoutFoundation/xDrip test glucosemeter/caresens/ContextRxTest.java"
_CLOCK = (
    "Its clock is set by C0 03 01 00 on service FFF0, or on c4dea010-... since profile 1.5."
    " Where the 6 digits show and the way into pairing are from knowledge."
)
_STEPS = Steps(
    fr=(
        "Sur le téléphone, coupez le Bluetooth ou fermez l'application SmartLog.",
        "Lecteur éteint, gardez le doigt sur un bouton fléché jusqu'à voir le signe Bluetooth.",
        "Lisez les 6 chiffres sur l'écran du lecteur.",
        "Tapez ces 6 chiffres sur la page.",
        "Faites un test, puis vérifiez sur la page qu'il est arrivé.",
    ),
    en=(
        "On the phone, switch Bluetooth off or close the SmartLog app.",
        "With the meter off, hold an arrow button until the Bluetooth sign shows.",
        "Read the 6 digits on the meter's display.",
        "Type these 6 digits on the page.",
        "Do a test, then check on the page that it has arrived.",
    ),
)

N_PREMIER = Model(
    key="caresens-n-premier",
    maker="i-SENS",
    name="CareSens N Premier BLE",
    kind=Kind.GLUCOSE,
    names=("CareSens N Premier",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.RECORDS,
    clock=ClockHabit.VENDOR,
    ketone_meal=6,
    steps=_STEPS,
    notes="It measures no ketone, but the code is never a meal. " + _CLOCK,
    sources=(_DRIVER, "tidepool-org/uploader pull request #973", _KETONE),
)

DUAL = Model(
    key="caresens-dual",
    maker="i-SENS",
    name="CareSens Dual",
    kind=Kind.GLUCOSE,
    names=("CareSens Dual",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.RECORDS,
    clock=ClockHabit.VENDOR,
    ketone_meal=6,
    steps=_STEPS,
    notes="A ketone's figure is in tenths of mmol/L; HI is above 8. " + _CLOCK,
    sources=(
        _DRIVER,
        "tidepool-org/uploader pull request #1040",
        "NightscoutFoundation/xDrip issue #305",
        _KETONE,
    ),
)

MODELS: tuple[Model, ...] = (N_PREMIER, DUAL)
