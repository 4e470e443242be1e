"""Roche Accu-Chek meters."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

GUIDE = Model(
    key="accu-chek-guide",
    maker="Roche",
    name="Accu-Chek Guide",
    kind=Kind.GLUCOSE,
    names=("meter+",),
    sends=("1808/2A18", "1808/2A34"),
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.RECORDS,
    clock=ClockHabit.SET_BY_HAND,
    steps=Steps(
        fr=(
            "Sur le téléphone, coupez le Bluetooth ou fermez l'application mySugr.",
            "Allumez le lecteur et choisissez Réglages, puis Sans fil.",
            "Choisissez Couplage, puis Coupler un appareil.",
            "Lisez les 6 chiffres sur l'écran du lecteur.",
            "Tapez ces 6 chiffres sur la page.",
            "Faites un test de glycémie, puis vérifiez sur la page qu'il est arrivé.",
        ),
        en=(
            "On the phone, switch Bluetooth off or close the mySugr app.",
            "Switch the meter on and choose Settings, then Wireless.",
            "Choose Pairing, then Pair Device.",
            "Read the 6 digits on the meter's display.",
            "Type these 6 digits on the page.",
            "Do a blood sugar test, then check on the page that it has arrived.",
        ),
    ),
    notes="Other Accu-Chek meters may advertise meter+ too, with their 6 digits on a label: look at"
    " the back if the display shows none. Control solution is type 10, and type 4 isn't listed by"
    " the maker. The French menu words and the clock's setting aren't verified.",
    sources=(
        "NightscoutFoundation/xDrip issue #208",
        "innoveit/react-native-ble-manager issue #1162",
        "dotintent/react-native-ble-plx issue #652",
        "tidepool-org/uploader lib/drivers/bluetoothLE/bluetoothLEDriver.js",
        "Roche Diabetes Care 126 user's manual, Wireless Communication and Meter Pairing",
    ),
)

MODELS: tuple[Model, ...] = (GUIDE,)
