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

from balise.model import Refused
from flows import claims
from flows.claims import Outcomes
from sql.replay import Again, Change, Figure, Kept, Key, Place, Stored


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
    CONFLICTING = "conflicting"
    """Says another value for what an earlier message says."""
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
    duplicates: list[Again] = field(default_factory=list[Again])
    refused: list[Refused] = field(default_factory=list[Refused])
    became: list[Place] = field(default_factory=list[Place])
    counts: Counter[tuple[Kind, str]] = field(default_factory=Counter[tuple[Kind, str]])
    differences: list[Difference] = field(default_factory=list[Difference])
    before: dict[int, Counter[str]] = field(default_factory=dict[int, Counter[str]])
    after: dict[int, Counter[str]] = field(default_factory=dict[int, Counter[str]])
    noted_otherwise: set[int] = field(default_factory=set[int])
    """Messages whose duplicates are not those that are noted."""
    told: Collection[int] = ()
    """Messages of which was told before: judged once more, for the sake of others."""

    def count(self, kind: Kind, metric: str, landing: int) -> None:
        """Count what is found of a message."""
        self.counts[kind, metric] += landing not in self.told

    def say(self, difference: Difference) -> None:
        """Count a difference and keep its line."""
        self.count(difference.kind, difference.metric, difference.landing)
        if difference.landing not in self.told:
            self.differences.append(difference)


def compare(
    outcomes: Outcomes, stored: Stored, *, decoder: int, told: Collection[int] = ()
) -> Plan:
    """Return what is to be written of messages, judged together; nothing is told of some twice."""
    plan = Plan(told=told)
    left = claims.left_alone(outcomes, stored)
    found = claims.of_messages(outcomes, stored, left, decoder)
    now = _refused_now(outcomes, left)
    _judge_readings(plan, outcomes, stored, found, now)
    _judge_refusals(plan, stored, now)
    _count(plan, outcomes, stored)
    return plan


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
    claimed: Mapping[Key, list[Figure]],
    refused: Mapping[Place, Refused],
) -> None:
    ours = {key: one for key, one in stored.held.items() if one.landing in outcomes}
    winners: dict[Key, Figure] = {}
    for key, some in claimed.items():
        holder = stored.held.get(key)
        # An earlier message that isn't read again keeps what it holds.
        if holder is not None and key not in ours:
            _note(plan, key, holder, some)
        else:
            winners[key] = some[0]
            _note(plan, key, winners[key], some[1:])
    replaced = _replaced(ours, winners)
    reasons = {place[:2]: str(one.reason) for place, one in refused.items()}
    for key in sorted(ours.keys() | winners.keys(), key=_in_order):
        old, new, became = ours.get(key), winners.get(key), replaced.get(key)
        if old is not None and new is not None and _same(old, new):
            plan.count(Kind.UNCHANGED, key[1], new.landing)
            continue
        plan.changes.append(Change(key=key, old=old, new=new, became=became))
        # What is read otherwise is one difference: the old one and what it became.
        if key not in replaced.values():
            plan.say(_difference(plan.changes[-1], winners, reasons))


def _note(plan: Plan, key: Key, holder: Figure, again: Sequence[Figure]) -> None:
    """Note who claims what another message holds."""
    for claim in again:
        value = claim.value if claim.value != holder.value else None
        plan.duplicates.append(Again(claim.landing, claim.item, key, value))
        kind = Kind.DUPLICATE if value is None else Kind.CONFLICTING
        plan.count(kind, key[1], claim.landing)


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
            plan.count(Kind.DISCARDED, "", place[0])
        elif kept.state == "new" and place not in now:
            plan.became.append(place)


def _judge_refusal(plan: Plan, one: Refused, kept: Kept | None) -> None:
    if kept is None or kept.state == "replayed":
        plan.refused.append(one)
    elif kept.state == "new" and kept.reason != one.reason:
        plan.say(_reason_difference(Kind.OTHER_REASON, one, {"reason": kept.reason}))
        plan.refused.append(one)
    elif kept.state == "new":
        plan.count(Kind.STILL_REFUSED, "", one.landing)
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
    for one in stored.duplicates:
        plan.before[one.landing].update(_counted(one))
    for place, kept in stored.refused.items():
        plan.before[place[0]]["refused"] += kept.state != "replayed"
    unlike = Counter(plan.duplicates)
    unlike.subtract(stored.duplicates)
    plan.noted_otherwise = {one.landing for one, count in unlike.items() if count}
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
    for one in plan.duplicates:
        for name in _counted(one):
            yield one.landing, name
    refused = {place for place, kept in stored.refused.items() if kept.state != "replayed"}
    refused -= set(plan.became)
    refused |= {(one.landing, one.item, one.part) for one in plan.refused}
    for landing, _, _ in refused:
        yield landing, "refused"


def _counted(one: Again) -> tuple[str, ...]:
    """Return the columns of an account that a duplicate counts in."""
    return ("duplicate",) if one.value is None else ("duplicate", "conflicting")
