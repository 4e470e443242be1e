"""Ascensia Contour meters."""

from __future__ import annotations

from devices.models.model import ClockHabit, Kind, Memory, Model, Pairing, Steps

CONTOUR_NEXT_ONE = Model(
    key="contour-next-one",
    maker="Ascensia",
    name="Contour Next One and Plus One",
    kind=Kind.GLUCOSE,
    names=("Contour78",),
    sends=("1808/2A18", "1808/2A34"),
    pairing=Pairing.JUST_WORKS,
    memory=Memory.RECORDS,
    clock=ClockHabit.SET_BY_HAND,
    steps=Steps(
        fr=(
            "Sur le téléphone, coupez le Bluetooth ou fermez l'application Contour.",
            "Vérifiez que le lecteur a au moins un résultat en mémoire.",
            "Éteignez le lecteur.",
            "Gardez le doigt sur le bouton OK jusqu'à voir une lumière bleue qui clignote.",
            "Attendez que la page dise que le lecteur est trouvé.",
            "Faites un test de glycémie, puis vérifiez sur la page qu'il est arrivé.",
        ),
        en=(
            "On the phone, switch Bluetooth off or close the Contour app.",
            "Check that the meter holds at least one result.",
            "Switch the meter off.",
            "Hold the OK button until a blue light blinks.",
            "Wait until the page says that the meter has been found.",
            "Do a blood sugar test, then check on the page that it has arrived.",
        ),
    ),
    notes="A log of its pairing shows a plain consent, no code. Seen as Contour7830H and"
    " Contour7804H plus its number. A Plus One was reported to lose its bond overnight. The blue"
    " light and the clock's setting are from knowledge.",
    sources=(
        "NightscoutFoundation/xDrip issue #104",
        "NightscoutFoundation/xDrip issue #634",
        "NightscoutFoundation/xDrip issue #1076",
        "ermolnik, gist of 2021-09-02 (log of pairing Contour7804H6282382)",
    ),
)

MODELS: tuple[Model, ...] = (CONTOUR_NEXT_ONE,)
