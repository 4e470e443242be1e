"""Who claims which reading: the messages' word that a device, metric, moment and number were such.

Of several that claim one key the earliest landed holds it, the others are its duplicates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from balise.model import Reading, Refused
from sql.replay import Figure, Key, Stored

Outcomes = Mapping[int, Sequence[Reading | Refused]]
"""What each message gives today, in its order."""


def key_of(reading: Reading) -> Key:
    """Return what a reading is for ever."""
    return (
        *(reading.device, reading.metric, reading.position, reading.unit),
        *(reading.stamped_at, reading.sequence),
    )


def claimed(outcomes: Outcomes) -> set[Key]:
    """Return the keys that messages claim."""
    return {key_of(one) for some in outcomes.values() for one in some if isinstance(one, Reading)}


def also(outcomes: Outcomes, stored: Stored) -> set[int]:
    """Return the messages without which these can't be judged.

    Those that hold a key which an earlier one claims now, and those that came again with a key
    whose holder lets go of it.
    """
    first: dict[Key, int] = {}
    for landing in sorted(outcomes):
        for key in claimed({landing: outcomes[landing]}):
            first.setdefault(key, landing)
    wanted = {
        figure.landing
        for key, figure in stored.held.items()
        if key in first and figure.landing > first[key]
    }
    wanted |= {
        landing
        for key, landing in stored.claims
        if stored.held.get(key) is not None
        and stored.held[key].landing in outcomes
        and (key not in first or landing < first[key])
    }
    return wanted - outcomes.keys()


def left_alone(outcomes: Outcomes, stored: Stored) -> set[int]:
    """Return the messages of which nothing is but what somebody discarded."""
    alive = {figure.landing for figure in stored.held.values()}
    alive |= {one.landing for one in stored.duplicates}
    alive |= {place[0] for place, kept in stored.refused.items() if kept.state != "discarded"}
    discarded = {place[0] for place, kept in stored.refused.items() if kept.state == "discarded"}
    return (discarded - alive) & outcomes.keys()


def of_messages(
    outcomes: Outcomes, stored: Stored, left: Collection[int], decoder: int
) -> dict[Key, list[Figure]]:
    """Return who claims which key now, the first to land first."""
    discarded = {place[:2] for place, kept in stored.refused.items() if kept.state == "discarded"}
    found: defaultdict[Key, list[Figure]] = defaultdict(list)
    for landing in sorted(outcomes.keys() - left):
        readings = [one for one in outcomes[landing] if isinstance(one, Reading)]
        if any((landing, one.item) in discarded for one in readings):
            readings = _without_discarded(readings, stored, discarded)
        for one in readings:
            found[key_of(one)].append(_figure(one, decoder))
    return found


def _without_discarded(
    readings: Sequence[Reading], stored: Stored, discarded: Collection[tuple[int, int]]
) -> list[Reading]:
    """Leave out the readings that an item with something discarded did not give before.

    It may give as many others as it gives no more: they are the same, read otherwise.
    """
    before: defaultdict[tuple[int, int], set[Key]] = defaultdict(set)
    for key, figure in stored.held.items():
        before[figure.landing, figure.item].add(key)
    for again in stored.duplicates:
        before[again.landing, again.item].add(again.key)
    now = {(one.landing, one.item, key_of(one)) for one in readings}
    free = {place: sum((*place, key) not in now for key in keys) for place, keys in before.items()}
    kept: list[Reading] = []
    for one in readings:
        place = (one.landing, one.item)
        if place in discarded and key_of(one) not in before[place]:
            if not free.get(place):
                continue
            free[place] -= 1
        kept.append(one)
    return kept


def _figure(reading: Reading, decoder: int) -> Figure:
    return Figure(
        landing=reading.landing,
        item=reading.item,
        subject=reading.subject,
        taken_at=reading.taken_at,
        value=reading.value,
        sent=reading.sent,
        quality=reading.quality.value,
        decoder=decoder,
    )
