"""The workbench by command: what was refused, why, what to do, and doing it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from balise import replays
from balise.database import needed
from balise.errors import UsageError
from balise.hand import who
from balise.languages import LANGUAGES
from balise.next_steps import step
from balise.plain import plain
from balise.settings import Settings
from flows import workbench
from flows.replay import Asked
from sql import audit
from sql import refused as store
from sql.rows import Row

_PLACE = re.compile(r"^(\d{1,18})(?:/(\d{1,5})(?:/(\d{1,5}))?)?$")


def which(place: str | None, reason: str | None, gateway: str | None = None) -> store.Which:
    """Return what a command means: MESSAGE, MESSAGE/ITEM, MESSAGE/ITEM/PART, or a reason."""
    replays.known_reason(reason)
    if place is None:
        return store.Which(reason=reason, gateway=gateway)
    found = _PLACE.match(place)
    if found is None:
        raise UsageError(f"{place}: write MESSAGE, MESSAGE/ITEM or MESSAGE/ITEM/PART, as 12/0")
    landing, item, part = (None if one is None else int(one) for one in found.groups())
    return store.Which(landing=landing, item=item, part=part, reason=reason, gateway=gateway)


def place(row: Row) -> str:
    """Return what to call a refusal by."""
    return f"{row['landing']}/{row['item']}" + (f"/{row['part']}" if row["part"] else "")


def list_refused(
    settings: Settings,
    *,
    state: str,
    reason: str | None,
    gateway: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print how much was refused by reason, and the newest of it."""
    replays.known_reason(reason)
    with needed(), psycopg.connect(settings.database_url) as connection:
        counts = store.counts(connection, gateway)
        rows = store.listed(connection, state=state, reason=reason, gateway=gateway, limit=limit)
        audit.add(connection, [], who=who(), action="list", what="balise refused list")
    if as_json:
        for row in rows:
            print(json.dumps({"id": place(row), **row}, default=str))  # noqa: T201 - the answer
        return
    _print_counts(
        [row for row in counts if row["state"] == state and reason in {None, row["reason"]}]
    )
    table = Table("id", "reason", "detail", "gateway", "device", "refused at")
    for row in rows:
        at = f"{row['refused_at']:%Y-%m-%d %H:%M}"
        said = (row["reason"], row["detail"], row["gateway"], row["device"], at)
        table.add_row(place(row), *map(plain, said))
    Console().print(table)


def _print_counts(counts: list[Row]) -> None:
    table = Table("reason", "count", "since", "what to do")
    for row in counts:
        since = f"{row['oldest']:%Y-%m-%d %H:%M}"
        table.add_row(row["reason"], str(row["count"]), since, step(row["reason"], "en").next)
    Console().print(table)


def show(settings: Settings, which_one: store.Which, *, as_json: bool) -> None:
    """Print all that is known of a refusal, its payload too: for the eyes of who asks."""
    with needed(), psycopg.connect(settings.database_url) as connection:
        looks = workbench.look(connection, which_one)
        audit.add(connection, [], who=who(), action="view", what="balise refused show")
    if not looks:
        raise UsageError("nothing was refused there; `balise refused list` says what was")
    for one in looks:
        if as_json:
            print(json.dumps(_as_json(one), default=str))  # noqa: T201 - the answer
        else:
            _show(one)


def _as_json(one: workbench.Look) -> dict[str, Any]:
    steps = {language: step(one.row["reason"], language).next for language in LANGUAGES}
    return {"id": place(one.row), **asdict(one), "next": steps}


def _show(one: workbench.Look) -> None:
    console, row = Console(), one.row
    facts: list[tuple[str, object]] = [
        ("id", place(row)),
        ("reason", f"{row['reason']}: {step(row['reason'], 'en').title}"),
        ("detail", row["detail"]),
        ("state", " ".join(filter(None, (row["state"], row["who"], row["note"])))),
        ("gateway", row["gateway"]),
        ("device", row["device"]),
        ("received at", row["received_at"] or "no longer kept"),
        ("decoder", row["decoder"] or "not kept"),
        *((fact.name, fact.value) for fact in one.facts),
        ("understood until", one.stops or "its end"),
        ("a replay gives", ", ".join(one.today) or "nothing"),
    ]
    for name, said in facts:
        console.print(f"{name:18} {said}", highlight=False, markup=False, soft_wrap=True)
    for event in one.events:
        said = f"{event['at']:%Y-%m-%d %H:%M} {event['who']}: {event['state']} {event['note']}"
        console.print(f"{'':18} {said}", highlight=False, markup=False)
    for language in LANGUAGES:
        said = step(row["reason"], language).next
        console.print(f"{'next (' + language + ')':18} {said}", highlight=False, markup=False)
    console.print(one.payload or "", highlight=False, markup=False, soft_wrap=True)
    if one.cut:
        console.print("… cut here; --json is cut too: all of it is in the table `landing`")


def replay(
    settings: Settings,
    some: store.Which,
    *,
    everything: bool,
    why: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Replay one message, a reason or all that waits; exit 3 where some is refused still."""
    one = some.landing is not None
    if sum((one, some.reason is not None, everything)) != 1:
        raise UsageError("say one of: an id, --reason, --all")
    asked = (
        Asked(messages=(some.landing,), gateway=some.gateway)
        if some.landing is not None
        else Asked(refused=True, reason=some.reason, gateway=some.gateway)
    )
    report = replays.run(settings, asked, why=why, dry_run=dry_run, as_json=as_json)
    if not dry_run:
        replays.partly(report)


def discard(settings: Settings, some: store.Which, note: str) -> None:
    """Decide, with a note, that something is no reading."""
    _meant(some)
    if not note.strip():
        raise UsageError("say in a note why it is discarded")
    with needed(), _connected(settings) as connection, connection.transaction():
        count = store.discard(connection, some, who=who(), note=note.strip())
        audit.add(connection, [], who=who(), action="change", what="balise refused discard")
    _said(count, "discarded", "refused and waiting")


def reopen(settings: Settings, some: store.Which, note: str) -> None:
    """Take a decision back."""
    _meant(some)
    with needed(), _connected(settings) as connection, connection.transaction():
        count = store.reopen(connection, some, who=who(), note=note.strip())
        audit.add(connection, [], who=who(), action="change", what="balise refused reopen")
    _said(count, "reopened", "discarded")


def _connected(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.database_url, autocommit=True)


def _meant(some: store.Which) -> None:
    if some.landing is None and some.reason is None:
        raise UsageError("say an id or --reason")


def _said(count: int, done: str, was: str) -> None:
    if not count:
        raise UsageError(f"nothing there is {was}; `balise refused list` says what is")
    Console().print(f"{count} {done}")
