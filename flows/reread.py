"""Judge some landed messages again, together, and write what changes: one part of a replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

import sql
from balise.model import Reading, Refused
from devices import validation
from devices.registry import DECODER_VERSION
from devices.validation import Landed
from flows import claims, differences, intake
from flows.differences import Plan
from sql import readings
from sql import replay as store
from sql.readings import Accounting
from sql.replay import Figure, Key


@dataclass(frozen=True, slots=True)
class Today:
    """What messages are judged by, and what is taken for stored although it isn't.

    `told` are messages that were judged beside earlier ones: nothing is told of them twice.
    """

    known: validation.Registry
    unwritten: Mapping[Key, Figure | None]
    told: Collection[int]


@dataclass(frozen=True, slots=True)
class Judged:
    """Messages that were judged together, and what came of it."""

    landed: dict[int, Landed]
    plan: Plan
    gone: int


def messages(
    connection: psycopg.Connection,
    ids: Collection[int],
    today: Today,
    by: store.By | None,
) -> Iterator[Judged]:
    """Judge and write messages; those of which something can't be stored, one by one."""
    try:
        with connection.transaction():
            judged = _judge(connection, ids, today)
            if by is not None:
                _write(connection, judged, by)
    except intake.UNSTORABLE as error:
        if len(ids) == 1:
            yield _poisoned(connection, next(iter(ids)), today, by, error)
            return
        for one in sorted(ids):
            yield from messages(connection, [one], today, by)
    else:
        yield judged


def _poisoned(
    connection: psycopg.Connection,
    landing: int,
    today: Today,
    by: store.By | None,
    error: Exception,
) -> Judged:
    """Refuse whole a message of which something can't be stored."""
    refusal = intake.unstorable(landing, error)
    judged = _judge(connection, [landing], today, instead={landing: [refusal]})
    if by is not None:
        _write(connection, judged, by)
    return judged


def _judge(
    connection: psycopg.Connection,
    ids: Collection[int],
    today: Today,
    *,
    instead: claims.Outcomes | None = None,
) -> Judged:
    """Judge messages, with all those without which they can't be."""
    landed: dict[int, Landed] = {}
    outcomes: dict[int, Sequence[Reading | Refused]] = {}
    wanted = set(ids)
    while True:
        wanted |= _untraced(connection, landed)
        for row in _landed(connection, wanted - landed.keys()):
            landed[row.id] = row
            read = (instead or {}).get(row.id)
            outcomes[row.id] = validation.validate(row, today.known) if read is None else read
        claimed = claims.claimed(outcomes)
        stored = store.stored(connection, landed.keys(), claimed)
        _pretend(stored, {key: today.unwritten[key] for key in claimed & today.unwritten.keys()})
        more = (claims.also(outcomes, stored) | _untraced(connection, landed)) - wanted
        if not more:
            break
        wanted |= more
    plan = differences.compare(outcomes, stored, decoder=DECODER_VERSION, told=today.told)
    return Judged(landed, plan, gone=len(set(ids) - landed.keys()))


def _pretend(stored: store.Stored, unwritten: Mapping[Key, Figure | None]) -> None:
    for key, figure in unwritten.items():
        if figure is None:
            stored.held.pop(key, None)
        else:
            stored.held[key] = figure


def _landed(connection: psycopg.Connection, ids: Collection[int]) -> list[Landed]:
    if not ids:
        return []
    rows = connection.execute(sql.get("landing.of_ids"), {"ids": sorted(ids)})
    return [Landed(*row) for row in rows]


def _untraced(connection: psycopg.Connection, landed: dict[int, Landed]) -> set[int]:
    batches = sorted({row.batch for row in landed.values()})
    rows = connection.execute(sql.get("replay.untraced"), {"batches": batches})
    return {int(row[0]) for row in rows}


def _write(connection: psycopg.Connection, judged: Judged, by: store.By) -> None:
    plan, landed = judged.plan, judged.landed
    if not landed:
        return
    intake.log_faults(plan.refused)
    store.revise(connection, plan.changes, by, judged=landed.keys())
    if plan.noted_otherwise:
        some = plan.noted_otherwise
        rows = [one for one in plan.duplicates if one.landing in some]
        store.note_duplicates(connection, some, rows)
    origins = {row.id: readings.Origin(row.gateway, row.received_at) for row in landed.values()}
    store.settle_refusals(
        connection, plan.refused, plan.became, origins, decoder=DECODER_VERSION, who=by.who
    )
    _close(connection, landed, plan)
    connection.execute(sql.get("landing.notify"))


def _close(connection: psycopg.Connection, landed: dict[int, Landed], plan: Plan) -> None:
    """Bring the accounts of the messages' batches to what is stored now."""
    batches = {row.batch for row in landed.values()}
    rows = connection.execute(sql.get("replay.trace"), {"batches": sorted(batches)})
    whole = {int(row[0]) for row in rows}
    accounts = store.accounts(connection, batches)
    shifts: dict[tuple[int, str], Counter[str]] = {}
    for row in landed.values():
        shift = shifts.setdefault((row.batch, row.gateway), Counter())
        shift.update(plan.after[row.id])
        if row.batch not in whole:
            shift.subtract(plan.before[row.id])
    store.set_accounts(
        connection,
        {
            key: _shifted(accounts[key], shift, whole=key[0] in whole)
            for key, shift in shifts.items()
            if key[0] in whole or any(shift.values())
        },
    )


def _shifted(account: Accounting, shift: Counter[str], *, whole: bool) -> Accounting:
    base = Accounting(messages=account.messages) if whole else account
    accepted = base.accepted + shift["accepted"]
    duplicate = base.duplicate + shift["duplicate"]
    refused = base.refused + shift["refused"]
    return Accounting(
        messages=account.messages,
        landed=accepted + duplicate + refused,
        accepted=accepted,
        duplicate=duplicate,
        refused=refused,
        conflicting=base.conflicting + shift["conflicting"],
    )
