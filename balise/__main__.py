"""The command line: nouns, then verbs; each command imports only what it needs."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from balise.errors import BaliseError, Exit, exit_code

app = App(
    name="balise",
    help="From a patient's health device at home to the clinician who acts on it.",
)
flows_app = App(name="flows", help="Validate, aggregate, assess and summarise.")
gateway_app = App(name="gateway", help="The box at home.")
db_app = App(name="db", help="The database's schema.")
refused_app = App(name="refused", help="What landed and is no reading.")
bench_app = App(name="bench", help="Measure this machine.")
for _sub in (flows_app, gateway_app, db_app, refused_app, bench_app):
    app.command(_sub)

Json = Annotated[bool, Parameter(name="--json", negative="", help="one JSON object a line")]


@app.command
def up(*, demo: bool = True, bluetooth: bool = True) -> None:
    """Run everything on this machine, with virtual patients and virtual Bluetooth devices.

    Parameters
    ----------
    demo
        Enrol virtual patients and give them a past.
    bluetooth
        Run the virtual devices and their gateways.

    """
    from balise.up import run_up

    run_up(demo=demo, bluetooth=bluetooth)


@app.command
def receive(*, name: str = "1") -> None:
    """Land what gateways send: broker to database.

    Parameters
    ----------
    name
        Tells several receivers apart; each keeps its own session at the broker.

    """
    from balise import run

    run.receive(name)


@flows_app.command(name="serve")
def flows_serve(*, schedules: bool = True) -> None:
    """Run the flows whenever something lands, and on their schedules."""
    from balise import run

    run.flows(schedules=schedules)


@flows_app.command(name="run")
def flows_run(name: str, *, json: Json = False) -> None:
    """Run one flow now, or `line` for all four in order, without a Prefect server."""
    from balise import run

    run.flow(name, as_json=json)


@flows_app.command(name="backfill")
def flows_backfill(
    *, since: Annotated[date, Parameter("--from")], until: Annotated[date, Parameter("--to")]
) -> None:
    """Mark the days of a period to be aggregated again, then do it."""
    from balise import run

    run.backfill(since, until)


@app.command
def web() -> None:
    """Serve the clinician pages."""
    from balise import run

    run.web()


@gateway_app.command(name="run")
def gateway_run() -> None:
    """Serve this home's devices: Bluetooth to spool to broker."""
    from balise import run

    run.gateway()


@gateway_app.command(name="status")
def gateway_status(*, json: Json = False) -> None:
    """Say what the spool of this gateway holds."""
    from balise import run

    run.gateway_status(as_json=json)


@app.command(name="air", show=False)
def virtual_air(*, port: int = 0) -> None:
    """Run the virtual patients' Bluetooth devices."""
    from balise import run

    run.air(port)


@app.command
def decode(
    characteristic: str,
    data: str,
    *,
    service: str | None = None,
    json: Json = False,
) -> None:
    """Say what Balise makes of these bytes.

    Parameters
    ----------
    characteristic
        2A35, or 1810/2A35.
    data
        The bytes in hexadecimal.
    service
        The service, where a characteristic is in several.
    json
        One JSON object.

    """
    from balise.decode import decode_command

    decode_command(characteristic, data, service=service, as_json=json)


@app.command(name="import")
def import_command(*paths: Path, patient: str | None = None, json: Json = False) -> None:
    """Send files through the line: Open mHealth, FHIR, CGM series.

    Parameters
    ----------
    paths
        Files, or folders with files.
    patient
        The code of the patient whose data they are; without it, one is made for each person.
    json
        One JSON object.

    """
    from balise import run

    run.import_paths(paths, patient=patient, as_json=json)


@db_app.command(name="migrate")
def db_migrate() -> None:
    """Bring the database to this version's schema."""
    from balise import run

    run.migrate()


@refused_app.command(name="list")
def refused_list(*, limit: int = 50, json: Json = False) -> None:
    """List what was refused, and why."""
    from balise import run

    run.refused(limit, as_json=json)


@app.command
def account(name: str) -> None:
    """Make a clinician's account, or give it a new password; the password is shown once."""
    from balise import run

    run.account(name)


@app.command
def doctor(*parts: str, json: Json = False) -> None:
    """Check database, broker, flows and Prefect, or only the parts named."""
    from balise import run

    run.doctor(parts, as_json=json)


@bench_app.command(name="latency")
def bench_latency(*, readings: int = 40) -> None:
    """Measure from a device's notification to the clinician's page, on servers of its own."""
    from bench.latency import main as latency

    latency(readings)


def main() -> None:
    """Run a command; errors of ours end with their exit code and say what to do next."""
    try:
        app()
    except BaliseError as error:
        Console(stderr=True).print(f"[bold red]{type(error).__name__}[/]: {error}")
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(Exit.OK)


if __name__ == "__main__":
    main()
