"""Medisana: a cuff of the SIG's profile, scales of the maker's own."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

_SCALE_SENDS = ("78B2/8A21", "78B2/8A22")
_SCALE_FILE = (
    "oliexdev/openScale android_app/app/src/main/java"
    "/com/health/openscale/core/bluetooth/scales/MedisanaBs44xHandler.kt"
)
_SCALE_NOTES = (
    "Weight and composition come after the maker's time command, which Balise doesn't send:"
    " without it the scale may say nothing. Its seconds count from 2010 or from 1970, depending"
    " on the unit. Eight persons and the steps are from knowledge."
)
_SCALE_STEPS = Steps(
    fr=(
        "Sur le téléphone, coupez le Bluetooth ou fermez l'application VitaDock.",
        "Posez la balance sur un sol dur, à moins de cinq mètres du boîtier.",
        "Montez pieds nus sur la balance.",
        "Restez dessus jusqu'à ce que l'écran s'éteigne.",
        "Vérifiez sur la page que le poids est arrivé.",
    ),
    en=(
        "On the phone, switch Bluetooth off or close the VitaDock app.",
        "Put the scale on a hard floor, less than five metres from the gateway.",
        "Step on the scale barefoot.",
        "Stay on it until the display goes dark.",
        "Check on the page that the weight has arrived.",
    ),
)

BU570 = Model(
    key="medisana-bu570",
    maker="Medisana",
    name="BU 570 connect",
    kind=Kind.BLOOD_PRESSURE,
    names=("1872B",),
    sends=("1810/2A35",),
    pairing=Pairing.NONE,
    memory=Memory.REPLAYS,
    clock=ClockHabit.SET_BY_HAND,
    slots=2,
    steps=Steps(
        fr=(
            "Sur le téléphone, coupez le Bluetooth ou fermez l'application VitaDock.",
            "Prenez une mesure, brassard au bras.",
            "Attendez le signe Bluetooth sur l'écran.",
            "S'il ne vient pas, gardez le doigt sur le bouton de mise en marche.",
            "Vérifiez sur la page que la mesure est arrivée.",
        ),
        en=(
            "On the phone, switch Bluetooth off or close the VitaDock app.",
            "Take a measurement, with the cuff on the arm.",
            "Wait for the Bluetooth sign on the display.",
            "If it doesn't come, hold the power button.",
            "Check on the page that the measurement has arrived.",
        ),
    ),
    notes="Reachable for a short while after a measurement; what failed to go is sent next time."
    " Owners report the BU 530, BU 580 and BU 584 alike, under other adverts. No bond is seen in"
    " the public integrations; two persons and a clock set by hand are from knowledge.",
    sources=(
        "bkbilly/medisanabp_ble issue #1",
        "bkbilly/medisanabp_ble pull request #2",
        "bkbilly/medisanabp_ble issue #4",
        "Rudertier/medisana_blood_pressure README.md",
    ),
)

BS410 = Model(
    key="medisana-bs410",
    maker="Medisana",
    name="BS 410 and BS 430 connect",
    kind=Kind.BODY_COMPOSITION,
    names=("0203B",),
    sends=_SCALE_SENDS,
    pairing=Pairing.NONE,
    memory=Memory.REPLAYS,
    clock=ClockHabit.VENDOR,
    slots=8,
    steps=_SCALE_STEPS,
    notes="A BS 410 was seen as 0203B, which openScale takes for a BS 430. " + _SCALE_NOTES,
    sources=("keptenkurk/BS440 issue #56", "keptenkurk/BS440 README.md", _SCALE_FILE),
)

BS440 = Model(
    key="medisana-bs440",
    maker="Medisana",
    name="BS 440 and BS 444 connect",
    kind=Kind.BODY_COMPOSITION,
    names=("013197", "013198", "0202B6"),
    sends=_SCALE_SENDS,
    pairing=Pairing.NONE,
    memory=Memory.REPLAYS,
    clock=ClockHabit.VENDOR,
    slots=8,
    steps=_SCALE_STEPS,
    notes=_SCALE_NOTES,
    sources=("keptenkurk/BS440 README.md", "oliexdev/openScale issue #269", _SCALE_FILE),
)

MODELS: tuple[Model, ...] = (BU570, BS410, BS440)
