"""One patient out of the database: who it is first, then what was measured, then whose it was."""

from __future__ import annotations

import psycopg

import sql
from sql.replay import BESIDE_VALIDATE

_FOUND = ("erasure.own_devices", "erasure.refusals", "erasure.duplicates", "erasure.messages")
_GONE = (
    "erasure.identity",
    "erasure.identity_revision",
    "erasure.dirty_window",
    "erasure.dirty_subject",
    "erasure.window_recheck",
    "erasure.window_last",
    "erasure.source",
    "erasure.finding",
    "erasure.rollup",
    "erasure.summary",
    "erasure.signal_event",
    "erasure.signal",
    "erasure.source_preference",
    "erasure.plan",
    "erasure.pause",
    "erasure.note",
    "erasure.team_member",
    "erasure.outbox",
    "erasure.message",
    "erasure.looked",
    "erasure.early_warning",
    "erasure.consent",
    "erasure.helper",
    "erasure.panel_subject",
    "erasure.break_glass",
    "erasure.asked_replay",
    "erasure.refused_event",
    "erasure.refused",
    "erasure.duplicate",
    "erasure.reading_revision",
    "erasure.forgotten_revision",
    "erasure.packed_beside",
    "erasure.packed_reading",
    "erasure.moved_up",
    "erasure.landing_dropped",
    "erasure.landing",
    "erasure.assignment",
    "erasure.series",
    "erasure.device",
    "erasure.subject",
)
"""In this order: what waits for a run that computes comes before what that run may still write."""


def erase(connection: psycopg.Connection, subject: int) -> dict[str, int]:
    """Delete all there is of a patient; return how many rows that was, by table.

    Runs in the caller's transaction, and waits for validations under way. A message that held
    something of others too goes whole: their readings stay, and say that its bytes are gone.
    """
    connection.execute(sql.get("replay.before_validate"), {"lock": BESIDE_VALIDATE})
    keys = {"subject": subject}
    for query in _FOUND:
        connection.execute(sql.get(query), keys)
    return {
        query.removeprefix("erasure."): connection.execute(sql.get(query), keys).rowcount
        for query in _GONE
    }
