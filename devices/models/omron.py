"""Omron cuffs: bonded without a code while a blinking P is shown, read once for each measurement.

They sign their adverts "BLESmart_" plus a number, so their Model Number tells them apart.
"""

from __future__ import annotations

from datetime import datetime

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

_ADVERT = "BLESmart_"
_SENDS = ("1810/2A35",)
_ONE_READER = "tinkeringtuck/miscale2garmin manuals/Omron_BLE.md"
_SHOWN_P = "eigger/hass-omron README.md"
_ALIASES = "eigger/hass-omron custom_components/omron/omron_ble/model_aliases.py"
_UNPROVEN = (
    "Erasing after transfer is assumed from the X4 Smart; the clock's set-up isn't verified."
)

_STEPS = Steps(
    fr=(
        "Sur le téléphone, retirez le tensiomètre de l'application OMRON connect.",
        "Gardez le doigt sur le bouton Bluetooth du tensiomètre jusqu'à voir un P qui clignote.",
        "Attendez que l'écran affiche OK.",
        "Éteignez le tensiomètre, puis attendez une minute.",
        "Prenez une vraie mesure, brassard au bras.",
        "Vérifiez sur la page que la mesure est arrivée.",
    ),
    en=(
        "On the phone, remove the monitor from the OMRON connect app.",
        "Hold the monitor's Bluetooth button until a P blinks on its display.",
        "Wait until the display shows OK.",
        "Switch the monitor off, then wait one minute.",
        "Take a real measurement, with the cuff on the arm.",
        "Check on the page that the measurement has arrived.",
    ),
)

X4_SMART = Model(
    key="omron-x4-smart",
    maker="Omron",
    name="X4 Smart",
    kind=Kind.BLOOD_PRESSURE,
    names=("X4 Smart", _ADVERT),
    numbers=("X4 Smart", "HEM-7155T_ESL", "HEM-7155T_ESL1", "HEM-7155T_K4-ESL"),
    sends=_SENDS,
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.VENDOR,
    slots=2,
    erased_by_app=True,
    steps=_STEPS,
    notes="After a measurement it gives the latest one; its download mode gives and removes all."
    " One name covers two radio stacks, which only the Model Number may tell apart.",
    sources=(
        "derdilla/blood-pressure-monitor-fl docs/bluetooth.md",
        "eigger/hass-omron issue #67",
        _ALIASES,
        _ONE_READER,
        _SHOWN_P,
    ),
)

X2_SMART_PLUS = Model(
    key="omron-x2-smart-plus",
    maker="Omron",
    name="X2 Smart+",
    kind=Kind.BLOOD_PRESSURE,
    names=("X2 Smart+", _ADVERT),
    numbers=("X2 Smart+", "HEM-7146T2-ESL"),
    sends=_SENDS,
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.VENDOR,
    erased_by_app=True,
    steps=_STEPS,
    notes=_UNPROVEN,
    sources=("derdilla/blood-pressure-monitor-fl docs/bluetooth.md", _ALIASES, _ONE_READER),
)

X2_PLUS_CONNECT = Model(
    key="omron-x2-plus-connect",
    maker="Omron",
    name="X2+ Connect (HEM-7188T1)",
    kind=Kind.BLOOD_PRESSURE,
    names=("X2+ Connect", _ADVERT),
    numbers=("X2+ Connect", "X2+", "HEM-7188T1-LEO"),
    sends=_SENDS,
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.VENDOR,
    erased_by_app=True,
    steps=_STEPS,
    notes="The thread reads it by Omron's own service: 1810/2A35 isn't verified. " + _UNPROVEN,
    sources=("eigger/hass-omron issue #92", _ALIASES, _ONE_READER),
)

BP5150 = Model(
    key="omron-bp5150",
    maker="Omron",
    name="Bronze (BP5150)",
    kind=Kind.BLOOD_PRESSURE,
    names=(_ADVERT,),
    numbers=("BP5150", "HEM-7142T2-ZAZ"),
    sends=_SENDS,
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.VENDOR,
    erased_by_app=True,
    steps=_STEPS,
    notes="Its owner believes that records stay until deleted by hand; taken as erasing, which"
    " is the careful reading. The app's effect is assumed from other Omron cuffs.",
    sources=("derdilla/blood-pressure-monitor-fl pull request #659", _ALIASES, _ONE_READER),
)

COMPLETE = Model(
    key="omron-hem-7530t",
    maker="Omron",
    name="Complete (HEM-7530T)",
    kind=Kind.BLOOD_PRESSURE,
    names=("OMRON Complete", _ADVERT),
    numbers=("HEM-7530T", "HEM-7530T-Z", "HEM-7530T_E3", "BP7900"),
    sends=_SENDS,
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.VENDOR,
    clock_default=datetime(2017, 1, 1),  # noqa: DTZ001 - a device's wall clock has no zone
    erased_by_app=True,
    steps=_STEPS,
    notes="One record stood at 2017-01-01 00:00:59; that the clock starts at midnight is inferred."
    " Its electrocardiogram isn't read. " + _UNPROVEN,
    sources=("userx14/omblepy issue #2", _ALIASES, _ONE_READER),
)

RS7 = Model(
    key="omron-rs7-intelli-it",
    maker="Omron",
    name="RS7 Intelli IT (HEM-6232T)",
    kind=Kind.BLOOD_PRESSURE,
    names=(_ADVERT,),
    numbers=("RS7 Intelli IT", "HEM-6232T-D", "HEM-6232T-E"),
    sends=_SENDS,
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.VENDOR,
    slots=2,
    erased_by_app=True,
    steps=_STEPS,
    notes="It advertises service 1810; two persons are from knowledge. " + _UNPROVEN,
    sources=("eigger/hass-omron issue #11", _ALIASES, _ONE_READER),
)

EVOLV = Model(
    key="omron-evolv",
    maker="Omron",
    name="EVOLV (HEM-7600T)",
    kind=Kind.BLOOD_PRESSURE,
    names=("EVOLV", _ADVERT),
    numbers=("EVOLV", "HEM-7600T-E", "HEM-7600T-Z", "BP7000"),
    sends=_SENDS,
    pairing=Pairing.JUST_WORKS,
    memory=Memory.ERASES,
    clock=ClockHabit.VENDOR,
    erased_by_app=True,
    steps=_STEPS,
    notes="Its pairing request says no input, no output: the bond needs no code. " + _UNPROVEN,
    sources=("h2zero/NimBLE-Arduino issue #246", _ALIASES, _ONE_READER),
)

MODELS: tuple[Model, ...] = (
    X4_SMART,
    X2_SMART_PLUS,
    X2_PLUS_CONNECT,
    BP5150,
    COMPLETE,
    RS7,
    EVOLV,
)
