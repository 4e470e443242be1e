"""What reading landed messages again would change: pure, from what is stored and what is read now.

Of several messages that claim one key (device, metric, moment, number) the earliest landed
holds it, the others are its duplicates. The end is then the same whatever came to be known first,
and equal to a fresh validation of the same messages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from balise.model import Reading, Refused
from sql.replay import Change, Figure, Kept, Key, Place, Stored

Outcomes = Mapping[int, Sequence[Reading | Refused]]
"""What each message gives today, in its order."""


class Kind(StrEnum):
    """What a replay finds of an item."""

    UNCHANGED = "unchanged"
    NEW = "new"
    """Was refused, is a reading."""
    CHANGED = "changed"
    """Another value, quality, time or patient under the same key."""
    REPLACED = "replaced"
    """The device's bytes are read as another moment or metric: withdrawn, and linked to that."""
    NOW_REFUSED = "now_refused"
    """Was a reading, is withdrawn."""
    STILL_REFUSED = "still_refused"
    OTHER_REASON = "other_reason"
    DUPLICATE = "duplicate"
    """Says what an earlier message says."""
    DISCARDED = "discarded"
    """Somebody decided that it is none; left alone until it is reopened."""


DIFFERENCES = frozenset(
    {Kind.NEW, Kind.CHANGED, Kind.REPLACED, Kind.NOW_REFUSED, Kind.OTHER_REASON}
)
"""The kinds that change something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One line of what a replay says: `was` and `becomes` by field, as text."""

    kind: Kind
    landing: int
    item: int
    metric: str
    was: dict[str, str]
    becomes: dict[str, str]


@dataclass(slots=True)
class Plan:
    """What is to be written of some messages, and what is said of it."""

    changes: list[Change] = field(default_factory=list[Change])
    duplicates: list[tuple[int, int, Key]] = field(default_factory=list[tuple[int, int, Key]])
    refused: list[Refused] = field(default_factory=list[Refused])
    became: list[Place] = field(default_factory=list[Place])
    counts: Counter[tuple[Kind, str]] = field(default_factory=Counter[tuple[Kind, str]])
    differences: list[Difference] = field(default_factory=list[Difference])
    before: dict[int, Counter[str]] = field(default_factory=dict[int, Counter[str]])
    after: dict[int, Counter[str]] = field(default_factory=dict[int, Counter[str]])
    noted_otherwise: set[int] = field(default_factory=set[int])
    """Messages whose duplicates are not those that are noted."""

    def say(self, difference: Difference) -> None:
        """Count a difference and keep its line."""
        self.counts[difference.kind, difference.metric] += 1
        self.differences.append(difference)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A message's word that a key is such and such."""

    key: Key
    figure: Figure


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


def compare(outcomes: Outcomes, stored: Stored, *, decoder: int) -> Plan:
    """Return what is to be written of messages, judged together."""
    plan = Plan()
    left = _left_alone(outcomes, stored)
    claims = _claims(outcomes, stored, left, decoder)
    now = _refused_now(outcomes, left)
    _judge_readings(plan, outcomes, stored, claims, now)
    _judge_refusals(plan, stored, now)
    _count(plan, outcomes, stored)
    return plan


def _left_alone(outcomes: Outcomes, stored: Stored) -> set[int]:
    """Return the messages of which nothing is but what somebody discarded."""
    alive = {figure.landing for figure in stored.held.values()}
    alive |= {landing for landing, _, _ in stored.duplicates}
    alive |= {place[0] for place, kept in stored.refused.items() if kept.state != "discarded"}
    discarded = {place[0] for place, kept in stored.refused.items() if kept.state == "discarded"}
    return (discarded - alive) & outcomes.keys()


def _claims(
    outcomes: Outcomes, stored: Stored, left: Collection[int], decoder: int
) -> dict[Key, list[_Claim]]:
    """Return who claims which key now, the first to land first."""
    discarded = {place[:2] for place, kept in stored.refused.items() if kept.state == "discarded"}
    found: defaultdict[Key, list[_Claim]] = defaultdict(list)
    for landing in sorted(outcomes.keys() - left):
        readings = [one for one in outcomes[landing] if isinstance(one, Reading)]
        if any((landing, one.item) in discarded for one in readings):
            readings = _without_discarded(readings, stored, discarded)
        for one in readings:
            found[key_of(one)].append(_Claim(key_of(one), _figure(one, decoder)))
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
    for landing, item, key in stored.duplicates:
        before[landing, item].add(key)
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


def _refused_now(outcomes: Outcomes, left: Collection[int]) -> dict[Place, Refused]:
    return {
        (one.landing, one.item, one.part): one
        for landing, some in outcomes.items()
        if landing not in left
        for one in some
        if isinstance(one, Refused)
    }


def _judge_readings(
    plan: Plan,
    outcomes: Outcomes,
    stored: Stored,
    claims: Mapping[Key, list[_Claim]],
    refused: Mapping[Place, Refused],
) -> None:
    ours = {key: one for key, one in stored.held.items() if one.landing in outcomes}
    winners: dict[Key, Figure] = {}
    for key, some in claims.items():
        holder = stored.held.get(key)
        # An earlier message that isn't read again keeps what it holds.
        stays = holder is not None and key not in ours
        if not stays:
            winners[key] = some[0].figure
        again = some if stays else some[1:]
        plan.duplicates += [(one.figure.landing, one.figure.item, key) for one in again]
        plan.counts[Kind.DUPLICATE, key[1]] += len(again)
    replaced = _replaced(ours, winners)
    reasons = {place[:2]: str(one.reason) for place, one in refused.items()}
    for key in sorted(ours.keys() | winners.keys(), key=_in_order):
        old, new, became = ours.get(key), winners.get(key), replaced.get(key)
        if old is not None and new is not None and _same(old, new):
            plan.counts[Kind.UNCHANGED, key[1]] += 1
            continue
        plan.changes.append(Change(key=key, old=old, new=new, became=became))
        # What is read otherwise is one difference: the old one and what it became.
        if key not in replaced.values():
            plan.say(_difference(plan.changes[-1], winners, reasons))


def _in_order(key: Key) -> tuple[object, ...]:
    device, metric, position, unit, stamped_at, sequence = key
    return (stamped_at, device, metric, position, unit, sequence)


def _replaced(ours: Mapping[Key, Figure], winners: Mapping[Key, Figure]) -> dict[Key, Key]:
    """Return as what an item's own bytes are read, where they give another key than they did."""
    free: defaultdict[tuple[int, int], list[Key]] = defaultdict(list)
    for key in sorted(winners.keys() - ours.keys(), key=_in_order):
        free[winners[key].landing, winners[key].item].append(key)
    found: dict[Key, Key] = {}
    for key in sorted(ours.keys() - winners.keys(), key=_in_order):
        candidates = free[ours[key].landing, ours[key].item]
        same = [one for one in candidates if one[1:3] == key[1:3]] or candidates
        if same:
            found[key] = same[0]
            candidates.remove(same[0])
    return found


def _difference(
    change: Change, winners: Mapping[Key, Figure], reasons: Mapping[tuple[int, int], str]
) -> Difference:
    key, old, new = change.key, change.old, change.new
    some = old or new
    if some is None:
        raise ValueError("a change from nothing to nothing")
    kind, was, becomes = Kind.CHANGED, _fields(key, old), _fields(key, new)
    if old is None:
        kind = Kind.NEW
    elif change.became is not None:
        kind, becomes = Kind.REPLACED, _fields(change.became, winners[change.became])
    elif new is None:
        kind, becomes = Kind.NOW_REFUSED, {"reason": reasons.get((old.landing, old.item), "")}
    else:
        was, becomes = _only_different(was, becomes)
    return Difference(
        kind=kind,
        landing=some.landing,
        item=some.item,
        metric=key[1],
        was=was,
        becomes=becomes,
    )


def _same(old: Figure, new: Figure) -> bool:
    """Say whether nothing but the decoder's number differs; "36.50" is not "36.5"."""
    return (
        (old.landing, old.item, old.subject, old.taken_at, old.quality)
        == (new.landing, new.item, new.subject, new.taken_at, new.quality)
        and str(old.value) == str(new.value)
        and str(old.sent) == str(new.sent)
    )


def _fields(key: Key, figure: Figure | None) -> dict[str, str]:
    if figure is None:
        return {}
    return {
        "metric": key[1],
        "value": str(figure.value),
        "sent": f"{figure.sent} {key[3]}",
        "quality": str(figure.quality),
        "taken_at": figure.taken_at.isoformat(),
        "subject": str(figure.subject),
        "message": f"{figure.landing}/{figure.item}",
    }


def _only_different(
    was: dict[str, str], becomes: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    names = [name for name, said in was.items() if becomes[name] != said]
    return {name: was[name] for name in names}, {name: becomes[name] for name in names}


def _judge_refusals(plan: Plan, stored: Stored, now: Mapping[Place, Refused]) -> None:
    said = {(one.landing, one.item) for one in plan.differences if one.kind is Kind.NOW_REFUSED}
    for place, one in now.items():
        kept = stored.refused.get(place)
        _judge_refusal(plan, one, kept)
        if (kept is None or kept.state == "replayed") and place[:2] not in said:
            plan.say(_reason_difference(Kind.NOW_REFUSED, one, {}))
    for place, kept in stored.refused.items():
        if kept.state == "discarded":
            plan.counts[Kind.DISCARDED, ""] += 1
        elif kept.state == "new" and place not in now:
            plan.became.append(place)


def _judge_refusal(plan: Plan, one: Refused, kept: Kept | None) -> None:
    if kept is None or kept.state == "replayed":
        plan.refused.append(one)
    elif kept.state == "new" and kept.reason != one.reason:
        plan.say(_reason_difference(Kind.OTHER_REASON, one, {"reason": kept.reason}))
        plan.refused.append(one)
    elif kept.state == "new":
        plan.counts[Kind.STILL_REFUSED, ""] += 1
        if kept.detail != one.detail:
            plan.refused.append(one)


def _reason_difference(kind: Kind, one: Refused, was: dict[str, str]) -> Difference:
    return Difference(
        kind=kind,
        landing=one.landing,
        item=one.item,
        metric="",
        was=was,
        becomes={"reason": str(one.reason)},
    )


def _count(plan: Plan, outcomes: Outcomes, stored: Stored) -> None:
    """Count each message's part of its batch's account, before and after."""
    plan.before = {landing: Counter() for landing in outcomes}
    for figure in stored.held.values():
        if figure.landing in plan.before:
            plan.before[figure.landing]["accepted"] += 1
    for landing, _, _ in stored.duplicates:
        plan.before[landing]["duplicate"] += 1
    for place, kept in stored.refused.items():
        plan.before[place[0]]["refused"] += kept.state != "replayed"
    unlike = Counter(plan.duplicates)
    unlike.subtract(stored.duplicates)
    plan.noted_otherwise = {one[0] for one, count in unlike.items() if count}
    plan.after = {landing: Counter() for landing in outcomes}
    for landing, name in _afterwards(plan, outcomes, stored):
        plan.after[landing][name] += 1


def _afterwards(plan: Plan, outcomes: Outcomes, stored: Stored) -> Iterator[tuple[int, str]]:
    held = {key: one.landing for key, one in stored.held.items() if one.landing in outcomes}
    for change in plan.changes:
        held.pop(change.key, None)
        if change.new is not None:
            held[change.key] = change.new.landing
    for landing in held.values():
        yield landing, "accepted"
    for landing, _, _ in plan.duplicates:
        yield landing, "duplicate"
    refused = {place for place, kept in stored.refused.items() if kept.state != "replayed"}
    refused -= set(plan.became)
    refused |= {(one.landing, one.item, one.part) for one in plan.refused}
    for landing, _, _ in refused:
        yield landing, "refused"
