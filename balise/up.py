"""`balise up`: the local stack, the line's processes and the virtual patients, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psycopg
from rich.console import Console

from balise.fleet import Fleet
from balise.settings import Settings, local_file
from balise.stack import Endpoints, Stack
from balise.stack.ports import free, is_free
from balise.stack.progress import Terminal
from ingest.mqtt import Broker, wait_for
from ingest.receive import ONLINE, STATUS
from sql import roles
from sql.migrate import migrate
from sql.roles import Role

_console = Console()
_START_SECONDS = 60.0


def run_up(*, demo: bool, bluetooth: bool) -> None:
    """Start everything, say where it is, keep it running, stop it in order."""
    settings = Settings()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    began = time.monotonic()
    stack = Stack(
        settings.home,
        progress=Terminal(),
        names=settings.broker_names.split(","),
        listen=settings.broker_listen,
        run_days=settings.flow_run_days,
    )
    fleet = Fleet(settings.home / "log")
    try:
        endpoints = stack.start()
        _up(stack, fleet, endpoints, demo=demo, bluetooth=bluetooth, began=began)
        _watch(stack, fleet, stopped)
    finally:
        _console.print("Stopping; the data are kept.")
        local_file().unlink(missing_ok=True)
        fleet.stop()
        stack.stop()


def _up(
    stack: Stack,
    fleet: Fleet,
    endpoints: Endpoints,
    *,
    demo: bool,
    bluetooth: bool,
    began: float,
) -> None:
    port = Settings().web_port
    web_port = port if port and is_free(port) else free()
    settings = use(endpoints, web_port)
    _tell_other_terminals(endpoints)
    migrate(settings.database_url)
    first = _first_accounts(settings, demo=demo)
    fleet.add("receive", "receive", BALISE_DATABASE_URL=let_in(stack, Role.RECEIVE))
    with Terminal().step("Waiting for the receiver"):
        wait_for(Broker(settings), f"{STATUS}/1", ONLINE, _START_SECONDS)
    fleet.add("web", "web", BALISE_DATABASE_URL=let_in(stack, Role.WEB))
    page = _enrol(stack, fleet, settings, bluetooth=bluetooth) if demo else None
    # Not awaited before the data come in: they need no dashboard.
    with Terminal().step("Waiting for the Prefect server"):
        stack.wait_prefect()
    fleet.add("flows", "flows", "serve", BALISE_DATABASE_URL=let_in(stack, Role.FLOWS))
    _tell(endpoints, web_port, first, page, time.monotonic() - began)


def let_in(stack: Stack, role: Role) -> str:
    """Let a process sign in at the database as its role; return its own address of it."""
    address, password = stack.as_role(role)
    with psycopg.connect(stack.endpoints.database_url, autocommit=True) as connection:
        roles.let_in(connection, role, password)
    return address


def use(endpoints: Endpoints, web_port: int = 0) -> Settings:
    """Make the running stack the settings of this process and its children."""
    os.environ.update(_variables(endpoints))
    if web_port:
        os.environ["BALISE_WEB_PORT"] = str(web_port)
        os.environ.setdefault("BALISE_SERVER_URL", f"http://127.0.0.1:{web_port}")
    os.environ.update(
        PREFECT_API_URL=endpoints.prefect_api_url,
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    return Settings()


def _variables(endpoints: Endpoints) -> dict[str, str]:
    return {
        "BALISE_DATABASE_URL": endpoints.database_url,
        "BALISE_MQTT_URL": endpoints.mqtt_url,
        "BALISE_BROKER_PORT": endpoints.boxes_url.rpartition(":")[2],
        **{f"BALISE_{name.upper()}": str(path) for name, path in endpoints.mqtt_files.items()},
    }


def _tell_other_terminals(endpoints: Endpoints) -> None:
    """Write where the servers are, so that `balise import` in another terminal finds them."""
    path = local_file()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        server = os.environ["BALISE_SERVER_URL"]
        for name, value in (_variables(endpoints) | {"BALISE_SERVER_URL": server}).items():
            file.write(f"{name}={value}\n")


def _enrol(stack: Stack, fleet: Fleet, settings: Settings, *, bluetooth: bool) -> str | None:
    """Enrol the virtual patients; return where the page of the first one's box is."""
    from demo.enrol import backfill, enrol
    from demo.patients import PATIENTS

    new = enrol(settings, datetime.now(UTC))
    with Terminal().step("Sixty days of the virtual patients, through the import path"):
        backfill(settings, new, lambda _done, _total: None)
    if not bluetooth:
        return None
    air, port = free(), settings.gateway_port
    fleet.add("air", "air", "--port", str(air))
    page_port = port if not port or is_free(port) else free()
    homes = [one.gateway for one in PATIENTS if one.devices and not one.silent_for]
    for number, name in enumerate(homes):
        fleet.add(
            name,
            "gateway",
            "run",
            BALISE_GATEWAY_NAME=gateway_settings(stack, settings, name).gateway_name,
            BALISE_GATEWAY_PORT="0" if number else str(page_port),
            BALISE_BLE=f"tcp-client:127.0.0.1:{air}",
            BALISE_GATEWAY_CLOCK="trusted",  # one machine, one clock
        )
    return _page_of(settings, homes[0], page_port) if page_port else None


def _page_of(settings: Settings, gateway: str, port: int) -> str:
    from ingest.gateway.devices import folder
    from ingest.gateway.page.door import Door
    from ingest.gateway.page.sheet import address

    return address(f"http://127.0.0.1:{port}", Door(folder(settings.home, gateway)).code)


def gateway_settings(stack: Stack, settings: Settings, name: str) -> Settings:
    """Return the settings of a gateway on this machine, which is enrolled if it isn't yet."""
    from ingest.gateway.certificate import enrol_here, enrolled

    url = urlsplit(stack.endpoints.boxes_url)
    enrol_here(stack.authority, settings, name, port=url.port or 0)
    return enrolled(settings.model_copy(update={"gateway_name": name}))


@dataclass(frozen=True, slots=True)
class First:
    """What lets the first people in, each told once: an admin's link, a password for the demo."""

    token: str | None
    password: str | None


def _first_accounts(settings: Settings, *, demo: bool) -> First:
    from care.web import accounts

    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        token = accounts.invite_first(connection)
        return First(token, accounts.ensure_first(connection) if demo else None)


def _watch(stack: Stack, fleet: Fleet, stopped: threading.Event) -> None:
    while not stopped.wait(timeout=1):
        for name in (*stack.keep_running(), *fleet.keep_running()):
            _console.print(f"{name} had ended and runs again; see {fleet.logs / name}.log")


def _tell(
    endpoints: Endpoints, web_port: int, first: First, page: str | None, seconds: float
) -> None:
    from care.web import accounts

    _console.rule(f"Balise runs ({seconds:.0f} s)")
    _console.print(f"Clinician pages   http://127.0.0.1:{web_port}/", highlight=False)
    if first.password:
        _console.print(
            f"Sign in           {accounts.FIRST_ACCOUNT} / {first.password}   (shown this once)",
            highlight=False,
        )
    if first.token:
        _console.print(
            f"Admin's link      http://127.0.0.1:{web_port}/welcome/{first.token}   (works once)",
            highlight=False,
            soft_wrap=True,
        )
    if page:
        _console.print(f"Patient's page    {page}", highlight=False)
    _console.print(f"Flows             {endpoints.prefect_ui_url}", highlight=False)
    _console.print("Ctrl-C stops everything; the data are kept.")
