"""A&D Medical: paired while "Pr" is shown; otherwise asleep until a measurement ends."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

_OPENSCALE = (
    "oliexdev/openScale android_app/app/src/main/java"
    "/com/health/openscale/core/bluetooth/scales/AndUC352BLEHandler.kt"
)

UA_651BLE = Model(
    key="and-ua-651ble",
    maker="A&D Medical",
    name="UA-651BLE",
    kind=Kind.BLOOD_PRESSURE,
    names=("A&D_UA-651BLE_",),
    numbers=("UA-651BLE",),
    sends=("1810/2A35",),
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.DATE_TIME_BY_GATEWAY,
    connect_only_when_enrolled=True,
    steps=Steps(
        fr=(
            "Sur le téléphone, retirez le tensiomètre de l'application A&D.",
            "Gardez le doigt sur le bouton START jusqu'à voir « Pr » sur l'écran.",
            "Attendez que la page dise que le tensiomètre est trouvé.",
            "Prenez une vraie mesure, brassard au bras.",
            "Vérifiez sur la page que la mesure est arrivée.",
        ),
        en=(
            "On the phone, remove the monitor from the A&D app.",
            'Hold the START button until "Pr" shows on the display.',
            "Wait until the page says that the monitor has been found.",
            "Take a real measurement, with the cuff on the arm.",
            "Check on the page that the measurement has arrived.",
        ),
    ),
    notes="It shows E10 and goes off when its services are asked for outside pairing."
    " Its clock is Date Time 2A08, inside service 1810, and a maker's command asks for all it"
    ' holds: neither is written. "Pr", the bond without a code and the erasing are from knowledge.',
    sources=(
        "andengineering/AndroidSampleCode issue #1",
        "derdilla/blood-pressure-monitor-fl issue #724",
        "obniz parts UA651BLE (TypeScript; repository not named by the index)",
    ),
)

UC_352BLE = Model(
    key="and-uc-352ble",
    maker="A&D Medical",
    name="UC-352BLE",
    kind=Kind.SCALE,
    names=("A&D_UC-352BLE",),
    sends=("181D/2A9D",),
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.DATE_TIME_BY_GATEWAY,
    steps=Steps(
        fr=(
            "Posez la balance à l'envers, sur une surface douce.",
            "Dans le logement des piles, gardez le doigt sur le bouton jusqu'à voir « Pr ».",
            "Attendez que la page dise que la balance est trouvée.",
            "Remettez la balance à l'endroit.",
            "Pesez-vous, puis vérifiez sur la page que le poids est arrivé.",
        ),
        en=(
            "Lay the scale upside down, on something soft.",
            'In the battery compartment, hold the button until "Pr" shows.',
            "Wait until the page says that the scale has been found.",
            "Turn the scale the right way up.",
            "Weigh yourself, then check on the page that the weight has arrived.",
        ),
    ),
    notes="openScale writes its clock as 2A2B, other programs as 2A08: not written until tried."
    " The button, the bond without a code and the erasing are from knowledge.",
    sources=(
        _OPENSCALE,
        "weliem/pi-health-hub src/main/kotlin/com/welie/healthhub/PeripheralExtensions.kt",
    ),
)

MODELS: tuple[Model, ...] = (UA_651BLE, UC_352BLE)
