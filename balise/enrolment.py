"""What the server does for its gateways: its authority, an invitation, a revocation."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rich.console import Console

from balise.authority import Authority, check_name
from balise.errors import BrokerDown, DatabaseDown, DependencyDown, UsageError
from balise.run import print_answer, read_settings
from balise.settings import Settings

_SECONDS = 10.0


def authority(*, hand_over: bool, retire: bool, stolen: bool) -> None:
    """Make what is missing, begin a hand-over or end it, and say how things stand."""
    if hand_over and retire:
        raise UsageError("--hand-over begins, and --retire ends: weeks lie between them")
    if stolen and not retire:
        raise UsageError("--stolen goes with --retire")
    settings = read_settings()
    found, names = Authority(settings.home), settings.broker_names.split(",")
    said = Console()
    if retire:
        _tell_before_the_end(found, stolen=stolen)
        lost = found.retire(names, stolen=stolen)
        said.print("the former authority is retired; start broker and services again")
        if lost:
            said.print(f"to be invited again: {', '.join(lost)}", highlight=False)
    else:
        found.ensure(names)
    if hand_over:
        found.hand_over()
        _tell_boxes(found)
    said.print(f"{found.file.parent} is ready, for {settings.broker_names}", highlight=False)
    if found.heir:
        said.print(
            "it hands over; boxes that may have only its own certificate yet:"
            f" {', '.join(found.behind()) or 'none'}",
            highlight=False,
        )


def _tell_boxes(site: Authority) -> None:
    """Send boxes the settings that they hold, with the heir's seal."""
    from ingest.mqtt import Broker
    from ingest.send_settings import post

    every = {name: site.seal_anew(name) for name in site.ledger.with_settings()}
    for name in [name for name, payload in every.items() if payload is None]:
        Console(stderr=True).print(f"the settings of {name} can't be read: set them again")
    broker = Broker(read_settings("mqtt_url")) if any(every.values()) else None
    for name, payload in every.items():
        if broker and payload:
            # As they are by now: somebody may have set others meanwhile.
            post(broker, name, site.ledger.settings(name) or payload, _SECONDS)


def _tell_before_the_end(site: Authority, *, stolen: bool) -> None:
    """Send boxes the heir's seal; a broker that is away is no reason to leave a stolen key good."""
    try:
        _tell_boxes(site)
    except (DependencyDown, UsageError) as error:
        if not stolen:
            raise
        said = f"boxes were not told their settings ({error}): set them again"
        Console(stderr=True).print(said, highlight=False)


def invite(name: str, pdf: Path | None, days: float, *, as_json: bool) -> None:
    """Invite a gateway: its code and its QR code's address, said once and kept nowhere."""
    from sql import enrolment

    settings = read_settings("database_url", "server_url")
    site = Authority(settings.home)
    code, token = f"{secrets.randbelow(10**8):08}", secrets.token_urlsafe(16)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    uri = address(settings.server_url, check_name(name), token, site.fingerprint)
    digests = {"code": site.digest(code), "token": hashlib.sha256(token.encode()).digest()}
    _with_database(
        settings, lambda connection: enrolment.invite(connection, name, until=until, **digests)
    )
    shown = f"{code[:4]} {code[4:]}"
    if pdf:
        from balise import sheet

        phone = settings.gateway_phone
        pdf.write_bytes(
            sheet.make(sheet.Sheet(name, shown, uri, settings.server_url, until, phone))
        )
    answer = {"gateway": name, "code": shown, "address": uri, "until": until}
    print_answer(answer | ({"sheet": str(pdf)} if pdf else {}), as_json=as_json)


def address(server: str, name: str, token: str, fingerprint: bytes) -> str:
    """Return what the QR code holds: the server, the name, the token, and whom to trust."""
    known_by = urlsafe_b64encode(fingerprint).decode().rstrip("=")
    return "balise://enrol?" + urlencode({"s": server, "g": name, "t": token, "a": known_by})


def revoke(name: str, *, as_json: bool) -> None:
    """Shut a gateway out: its certificates, its open invitations, and its session at the broker."""
    from ingest.boxes import forget_devices
    from ingest.mqtt import Broker, end_session

    settings = read_settings("database_url", "mqtt_url")
    count = Authority(settings.home).revoke(check_name(name))
    _with_database(settings, lambda connection: _close(connection, name))
    try:
        end_session(Broker(settings), name)
        forget_devices(Broker(settings), name)
    except BrokerDown as error:
        raise BrokerDown(f"{error}; {name} comes in no more, but say this once again") from error
    print_answer({"gateway": name, "revoked": count, "connection": "dropped"}, as_json=as_json)
    if not count:
        raise UsageError(f"{name} had no certificate that was good; its invitations are closed")


def _close(connection: Any, name: str) -> None:
    from sql import enrolment

    enrolment.close(connection, name)
    enrolment.shut_out(connection, name)


def _with_database(settings: Settings, work: Callable[[Any], None]) -> None:
    import psycopg

    try:
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            work(connection)
    except psycopg.errors.UndefinedTable as error:
        raise DatabaseDown("the schema is missing: run `balise db migrate`") from error
    except psycopg.OperationalError as error:
        raise DatabaseDown from error
