"""Beurer cuffs and their Silvercrest sister: 6 digits on the display, the memory sent each time."""

from __future__ import annotations

from devices.blood_pressure import PRESSURES, status
from devices.clock import Clock
from devices.frame import Frame
from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps
from devices.parts import SFLOAT_BIG, Number, User

_SENDS = ("1810/2A35",)
_VECTORS = (
    "derdilla/blood-pressure-monitor-fl"
    " app/test/features/bluetooth/logic/characteristics/ble_measurement_data_test.dart"
)
_TIMING = "Home Assistant timing constants for Beurer (Python; repository not named by the index)"

_STEPS = Steps(
    fr=(
        "Sur le téléphone, coupez le Bluetooth ou fermez l'application beurer.",
        "Prenez une mesure, brassard au bras.",
        "Attendez que le signe Bluetooth clignote et que 6 chiffres paraissent sur l'écran.",
        "Tapez ces 6 chiffres sur la page avant qu'ils disparaissent.",
        "Vérifiez sur la page que la mesure est arrivée.",
    ),
    en=(
        "On the phone, switch Bluetooth off or close the beurer app.",
        "Take a measurement, with the cuff on the arm.",
        "Wait until the Bluetooth sign blinks and 6 digits show on the display.",
        "Type these 6 digits on the page before they disappear.",
        "Check on the page that the measurement has arrived.",
    ),
)

BM59 = Model(
    key="beurer-bm59",
    maker="Beurer",
    name="BM 59",
    kind=Kind.BLOOD_PRESSURE,
    names=("BM59",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.REPLAYS,
    clock=ClockHabit.SET_BY_GATEWAY,
    slots=2,
    settle_seconds=3,
    steps=_STEPS,
    notes="The 6 digits, the advertised name, two persons and the replayed memory are from"
    " knowledge.",
    sources=(_TIMING,),
)

BM85_MEASUREMENT = Frame(
    name="blood_pressure_measurement",
    service="1810",
    characteristic="2A35",
    parts=(
        *PRESSURES,
        Clock(when=0x02),
        Number("pulse_rate", SFLOAT_BIG, "/min", when=0x04, absent=0, optional=True),
        User(),  # always there, though no flag says so
        status("big"),
    ),
)
"""Pulse and status high byte first, and a user octet that no flag announces."""

BM85 = Model(
    key="beurer-bm85",
    maker="Beurer",
    name="BM 85",
    kind=Kind.BLOOD_PRESSURE,
    names=("BM85",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.REPLAYS,
    clock=ClockHabit.SET_BY_HAND,
    slots=2,
    first_slot=0,
    settle_seconds=3,
    frames=(BM85_MEASUREMENT,),
    steps=_STEPS,
    notes="The 6 digits, the advertised name and the replayed memory are from knowledge.",
    sources=(_VECTORS, _TIMING),
)

SBM69 = Model(
    key="silvercrest-sbm69",
    maker="Silvercrest",
    name="SBM 69",
    kind=Kind.BLOOD_PRESSURE,
    names=("SBM69",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.REPLAYS,
    clock=ClockHabit.SET_BY_HAND,
    slots=2,
    steps=Steps(
        fr=(
            "Sur le téléphone, coupez le Bluetooth ou fermez l'application HealthForYou.",
            "Appuyez sur le bouton M du tensiomètre.",
            "Lisez les 6 chiffres sur l'écran du tensiomètre.",
            "Tapez ces 6 chiffres sur la page avant qu'ils disparaissent.",
            "Prenez une vraie mesure, brassard au bras.",
            "Vérifiez sur la page que la mesure est arrivée.",
        ),
        en=(
            "On the phone, switch Bluetooth off or close the HealthForYou app.",
            "Press the monitor's M button.",
            "Read the 6 digits on the monitor's display.",
            "Type these 6 digits on the page before they disappear.",
            "Take a real measurement, with the cuff on the arm.",
            "Check on the page that the measurement has arrived.",
        ),
    ),
    notes="It ends the connection itself after sending all it holds. Two persons and a clock set"
    " by hand are from knowledge.",
    sources=(
        "1technophile/OpenMQTTGateway issue #806",
        "derdilla/blood-pressure-monitor-fl docs/bluetooth.md",
        "sbm69 README (Python command line; repository not named by the index)",
    ),
)

MODELS: tuple[Model, ...] = (BM59, BM85, SBM69)
