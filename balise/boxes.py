"""What the server asks of its gateways and sets on them: `balise gateway list` and `set`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from rich.console import Console
from rich.table import Column, Table

import sql
from balise import remote
from balise.authority import Authority, check_name
from balise.database import needed
from balise.errors import SettingsRefused, UsageError
from balise.plain import plain
from balise.remote import Value
from balise.run import print_answer, read_settings
from balise.settings import Settings
from ingest import boxes, importer, send_settings
from ingest.boxes import Box
from ingest.mqtt import Broker

_SECONDS = 10.0
_NAMES = 30
"""Columns of a terminal that names may take before they are cut."""


def list_boxes(*, as_json: bool) -> None:
    """Print every gateway, who needs care first."""
    settings = read_settings("database_url", "mqtt_url")
    now = datetime.now(UTC)
    said = boxes.look(Broker(settings))
    shut_out = Authority(settings.home).ledger.shut_out()
    found = boxes.in_order(boxes.boxes(said, _known(settings), shut_out), now)
    if as_json:
        for box, needs in found:
            answer = {**msgspec.to_builtins(box), "since": box.since, "needs": needs}
            print(msgspec.json.encode(answer).decode())  # noqa: T201 - the answer
        return
    widest = max((len(box.name) for box, _ in found), default=0)
    names = Column("gateway", min_width=min(widest, _NAMES))
    table = Table(names, "", "since, UTC", "waiting", "devices", "what it needs")
    for box, needs in found:
        table.add_row(*map(plain, (*_cells(box), needs)))
    Console().print(table)


def _known(settings: Settings) -> dict[str, datetime | None]:
    """Return the boxes of the database, with when data last came of each."""
    with needed(), psycopg.connect(settings.database_url) as connection:
        rows = connection.execute(sql.get("care.gateways")).fetchall()
    return {name: at for name, at in rows if name != importer.GATEWAY}


def _cells(box: Box) -> tuple[str, ...]:
    known = len(box.said.devices) if box.said else 0
    return (
        box.name,
        str(box.presence),
        f"{box.since:%m-%d %H:%M}" if box.since else "",
        str(box.waiting) if box.said else "",
        str(known or ""),
    )


def set_values(
    name: str, pairs: Sequence[str], unset: Sequence[str], seconds: float, *, as_json: bool
) -> None:
    """Set settings on a box from afar, and say what the box made of them."""
    settings = read_settings("mqtt_url")
    try:
        values = remote.checked(_parsed(pairs))
        remote.checked_names(unset)
    except SettingsRefused as error:
        raise UsageError(str(error)) from error
    site, broker = Authority(settings.home), Broker(settings)
    if not site.ledger.issued(check_name(name)):
        raise UsageError(f"no box {name} was let in here: see `balise gateway list`")
    before = send_settings.last_said(broker, name, _SECONDS)

    def change(held: dict[str, Value]) -> dict[str, Value]:
        return {key: value for key, value in (held | values).items() if key not in unset}

    sent, payload = site.set(name, change, above=before.version)
    answer: dict[str, Any] = {"gateway": name, "version": sent.version, "values": sent.values}
    found = send_settings.send(broker, name, sent.version, payload, before, seconds)
    answer |= {"state": str(found.state), "set_on_the_box": list(found.own)}
    print_answer(answer, as_json=as_json)


def _parsed(pairs: Sequence[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} is no setting: write KEY=VALUE")
        found[key.strip()] = value
    return found
