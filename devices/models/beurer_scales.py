"""Beurer scales: a bond by 6 digits, then a 4-digit consent code for each person."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

_SENDS = ("181D/2A9D", "181B/2A9C")
_OPENSCALE = (
    "oliexdev/openScale android_app/app/src/main/java"
    "/com/health/openscale/core/bluetooth/scales/StandardBeurerSanitasHandler.kt"
)
_TWO_CODES = "KristianP26/ble-scale-sync issue #335"
_SHOWN_CODE = "oliexdev/openScale issue #1149"
_UNPROVEN = "Whether it erases what it sent isn't known; taken as erasing."

_STEPS = Steps(
    fr=(
        "Sur le téléphone, coupez le Bluetooth ou fermez l'application beurer.",
        "Appuyez du pied sur la balance, puis sur son bouton SET.",
        "Lisez les 6 chiffres sur l'écran et tapez-les sur la page.",
        "Si la balance attend encore, appuyez sur SET pour accepter ces 6 chiffres.",
        "Tapez sur la page le code à 4 chiffres de la personne, autre code que les 6 chiffres.",
        "Pesez-vous pieds nus et restez jusqu'au dernier chiffre affiché.",
    ),
    en=(
        "On the phone, switch Bluetooth off or close the beurer app.",
        "Press the scale with your foot, then press its SET button.",
        "Read the 6 digits on the display and type them on the page.",
        "If the scale is still waiting, press SET to accept these 6 digits.",
        "Type the person's 4-digit code on the page: it is another code than the 6 digits.",
        "Weigh yourself barefoot and stay on until the last figure shows.",
    ),
)

BF500 = Model(
    key="beurer-bf500",
    maker="Beurer",
    name="BF 500",
    kind=Kind.BODY_COMPOSITION,
    names=("BF500",),
    sends=_SENDS,
    pairing=Pairing.CONFIRM,
    memory=Memory.ERASES,
    clock=ClockHabit.SET_BY_GATEWAY,
    slots=8,
    consent=True,
    steps=_STEPS,
    notes="It confirms its 6 digits with SET, and may ask again at each"
    " connection. It sends 15 to 20 seconds after the last figure. It can't list its users."
    " Eight persons are from knowledge. " + _UNPROVEN,
    sources=(
        "KristianP26/ble-scale-sync issue #83",
        "oliexdev/openScale pull request #1262",
        "oliexdev/openScale issue #1034",
        _OPENSCALE,
        _TWO_CODES,
    ),
)

BF600 = Model(
    key="beurer-bf600",
    maker="Beurer",
    name="BF 600",
    kind=Kind.BODY_COMPOSITION,
    names=("BF600",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.ERASES,
    clock=ClockHabit.SET_BY_GATEWAY,
    slots=8,
    consent=True,
    steps=_STEPS,
    notes="Body composition comes without weight, user or time: it joins the 2A9D of its session."
    " The 6 digits and eight persons are taken from its sisters. " + _UNPROVEN,
    sources=(
        "oliexdev/openScale issue #219",
        "oliexdev/openScale issue #759",
        _OPENSCALE,
        _TWO_CODES,
    ),
)

BF720 = Model(
    key="beurer-bf720",
    maker="Beurer",
    name="BF 720",
    kind=Kind.BODY_COMPOSITION,
    names=("BF720",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.ERASES,
    clock=ClockHabit.SET_BY_GATEWAY,
    slots=8,
    consent=True,
    steps=_STEPS,
    notes="Its manual: 8 persons, the last 30 measurements kept if they couldn't be sent. A wrong"
    " user slot may be met with silence. " + _UNPROVEN,
    sources=(
        "KristianP26/ble-scale-sync issue #168",
        "Beurer BF 720, instructions for use",
        _OPENSCALE,
        _TWO_CODES,
        _SHOWN_CODE,
    ),
)

BF105 = Model(
    key="beurer-bf105",
    maker="Beurer",
    name="BF 105",
    kind=Kind.BODY_COMPOSITION,
    names=("BF105",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.ERASES,
    clock=ClockHabit.SET_BY_GATEWAY,
    slots=8,
    consent=True,
    steps=_STEPS,
    notes="Driven as a BF 720 by both projects; eight persons are taken from it. " + _UNPROVEN,
    sources=(_OPENSCALE, "KristianP26/ble-scale-sync docs/guide/supported-scales.md", _TWO_CODES),
)

BF950 = Model(
    key="beurer-bf950",
    maker="Beurer",
    name="BF 950",
    kind=Kind.BODY_COMPOSITION,
    names=("BF950",),
    sends=_SENDS,
    pairing=Pairing.PASSKEY_ON_DEVICE,
    memory=Memory.ERASES,
    clock=ClockHabit.SET_BY_GATEWAY,
    slots=8,
    consent=True,
    steps=_STEPS,
    notes="It may forget its half of the bond. Eight persons and the clock's setting are taken"
    " from its sisters. " + _UNPROVEN,
    sources=(
        "KristianP26/ble-scale-sync issue #255",
        "KristianP26/ble-scale-sync issue #290",
        _OPENSCALE,
        _TWO_CODES,
    ),
)

MODELS: tuple[Model, ...] = (BF500, BF600, BF720, BF105, BF950)
