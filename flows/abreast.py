"""Validate on a second connection while much waits: one decodes while the other's is copied."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import psycopg

import sql
from flows import steps
from flows.steps import drain
from flows.work import Done, look, work_off
from sql.readings import Accounting
from sql.roles import Role, connect

_WAITING = "flows.waiting_batches"
_CROWDED = {"messages": 4 * steps.MESSAGES_AT_ONCE, "bytes": 4 * steps.BYTES_AT_ONCE}
"""What has to wait for a second connection: less is done before the two are out of step."""


def validate(connection: psycopg.Connection, database_url: str) -> Done[Accounting]:
    """Validate what landed until what is left, if anything, is in other runs' hands."""
    helped = list[Future[Accounting]]()
    with ThreadPoolExecutor(1) as beside:

        def step(one: psycopg.Connection) -> Accounting:
            if all(help_.done() for help_ in helped) and _crowded(one):
                helped.append(beside.submit(_help, database_url))
            return steps.validate(one)

        done = work_off(connection, _WAITING, step, Accounting())
    if not helped:
        return done
    # What the second connection had in hand is done by now, and was no other run's.
    left = look(connection, _WAITING)
    counts = sum((one.result() for one in helped), done.counts)
    return replace(done, counts=counts, held=0 if left.free else left.count)


def _help(database_url: str) -> Accounting:
    """Validate until nothing is left: to connect anew costs as much as a batch."""
    with connect(database_url, Role.FLOWS) as connection:
        return drain(lambda: steps.validate(connection), Accounting())


def _crowded(connection: psycopg.Connection) -> bool:
    row = connection.execute(sql.get("flows.crowded"), _CROWDED).fetchone()
    return bool(row and row[0])
