"""What `balise gateway` does on the box at home."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from dataclasses import asdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from balise.errors import BaliseError, DependencyDown, UsageError
from balise.run import log, print_answer, read_settings, until_stopped
from balise.settings import Settings
from devices.models import find
from ingest.gateway.box import Box
from ingest.gateway.certificate import enrolled
from ingest.gateway.devices import folder
from ingest.gateway.doctor import check
from ingest.gateway.enrol import Invitation, read_uri
from ingest.gateway.enrol import enrol as ask_in
from ingest.gateway.page.door import Door
from ingest.gateway.page.sheet import address as address_of
from ingest.gateway.page.sheet import square
from ingest.gateway.pairing.terminal import pair_here
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.report import device_row, look, moment, words
from ingest.gateway.run import run as serve
from ingest.gateway.spool import Spool


def _remote(*needs: str) -> RemoteSettings:
    """Read the settings, with what enrolment left in the gateway's folder and the server set."""
    own = enrolled(read_settings())
    for need in needs:
        if not getattr(own, need):
            raise UsageError(
                f"BALISE_{need.upper()} is not set, and no box is enrolled in {own.home}:"
                " `balise gateway enrol`"
            )
    return RemoteSettings(folder(own.home, own.gateway_name), own)


def _settings(*needs: str) -> Settings:
    return _remote(*needs).settings


def enrol(uri: str, *, server: str, code: str) -> None:
    """Enrol this box at its server, by the QR code's address or by the eight digits."""
    digits = "".join(code.split())
    if not uri and not (server and digits):
        raise UsageError("give the QR code's address, or --server and --code")
    invitation = read_uri(uri) if uri else Invitation(server, code=digits)
    found = ask_in(read_settings().home, invitation)
    until = found.certificate.not_valid_after_utc
    Console().print(f"enrolled as {found.folder.name}; renewed by itself before {until:%Y-%m-%d}")


def run() -> None:
    """Run the gateway until stopped; anew where the server has changed a setting."""
    log()
    remote = _remote("mqtt_url", "gateway_name")
    log(remote.settings.log_level)
    until_stopped(serve(remote.settings, remote))
    if remote.due:
        # The same process, so that it is the same to whoever watches it, be it systemd or nobody.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def pair(name: str, *, language: str, many: bool) -> None:
    """Pair devices of a model with this machine's own radio; exit 1 where one fails."""
    settings = _settings("gateway_name")
    here = folder(settings.home, settings.gateway_name)
    spool = Spool(here / "spool.db", settings.spool_mb)
    box = Box(settings.gateway_name, here / "devices.json", spool.put)
    model = find(name)
    try:
        done = asyncio.run(pair_here(settings.ble, box, model, language))
        while many and done and input("another? [y/n] ").strip().lower() == "y":
            done = asyncio.run(pair_here(settings.ble, box, model, language))
    finally:
        spool.close()
    if not done:
        raise BaliseError("the device is not paired; see above for what to do next")


def sheet(address: str, file: Path | None) -> None:
    """Print the square that opens the patient's page, and the six digits; write it to a file."""
    settings = _settings("gateway_name")
    if file is not None and file.suffix not in (".svg", ".png", ".pdf"):
        raise UsageError(f"{file}: give a name that ends in .svg, .png or .pdf")
    code = Door(folder(settings.home, settings.gateway_name)).code
    page_at = address or f"http://{socket.gethostname()}.local:{settings.gateway_port}"
    drawn = square(address_of(page_at, code))
    drawn.terminal(compact=True, border=2)
    Console().print(f"{page_at}   {code[:3]} {code[3:]}", highlight=False)
    if file is not None:
        drawn.save(str(file), scale=10, border=4)


def list_devices(*, as_json: bool) -> None:
    """Print the devices of this home, and what is known of each."""
    remote = _remote("gateway_name")
    report = look(remote.settings, remote)
    if as_json:
        for one in report.devices:
            print(msgspec.json.encode(one).decode())  # noqa: T201 - the answer
        return
    table = Table("address", "model", "last heard", "last told", "battery", "bond")
    for one in report.devices:
        table.add_row(*device_row(one))
    Console().print(table)
    if not report.running:
        since = f" of {moment(report.said_at)}" if report.said_at else ""
        Console().print(f"The gateway does not run; this is what it knew last{since}.")


def status(*, as_json: bool) -> None:
    """Print how this box is."""
    remote = _remote("gateway_name")
    report = look(remote.settings, remote)
    if as_json:
        print(msgspec.json.encode(report).decode())  # noqa: T201 - the answer
        return
    for about, says in words(report):
        Console().print(f"{about:12} {says}", highlight=False, markup=False, soft_wrap=True)


def doctor(*, as_json: bool) -> None:
    """Print how each part of the box is; exit 4 where one is not well."""
    remote = _remote("mqtt_url", "gateway_name")
    found = asyncio.run(check(remote.settings, remote))
    for one in found:
        if as_json:
            print_answer(asdict(one), as_json=True)
        else:
            Console().print(
                f"{'✓' if one.ok else '✗'} {one.part:11} {one.says}",
                highlight=False,
                soft_wrap=True,
            )
    if not all(one.ok for one in found):
        raise DependencyDown("not everything is well; see above")
