"""The command line: nouns, then verbs; each command imports only what it needs."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from balise.account_app import account_app, panel_app
from balise.audit_app import audit_app
from balise.bench_app import bench_app
from balise.db_app import db_app
from balise.devices_app import devices_app
from balise.errors import BaliseError, Exit, exit_code
from balise.failures import keep_quiet
from balise.fhir_app import fhir_app
from balise.gateway_app import gateway_app
from balise.options import Json
from balise.replay_app import flows_replay, refused_app

app = App(
    name="balise",
    help="From a patient's health device at home to the clinician who acts on it.",
)
flows_app = App(name="flows", help="Validate, aggregate, assess and summarise.")
mappings_app = App(name="mappings", help="How a site's own payloads are read.")
for _sub in (
    flows_app,
    gateway_app,
    devices_app,
    mappings_app,
    account_app,
    panel_app,
    audit_app,
    db_app,
    fhir_app,
    refused_app,
    bench_app,
):
    app.command(_sub)
flows_app.command(flows_replay, name="replay")


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
    """Aggregate the days of a period again; one that was cut short goes on from where it was."""
    from balise import keeping

    keeping.backfill(since, until)


@flows_app.command(name="automations")
def flows_automations() -> None:
    """Let Prefect tell of failed and late runs, and close those whose process is gone."""
    from balise import keeping

    keeping.automations()


@app.command
def web() -> None:
    """Serve the clinician pages."""
    from balise import run

    run.web()


@app.command
def watch() -> None:
    """Tell Prometheus how the line is: what waits, what was refused, which boxes are silent."""
    from balise import run

    run.watch()


@app.command(name="air", show=False)
def virtual_air(*, port: int = 0) -> None:
    """Run the virtual patients' Bluetooth devices."""
    from balise import run

    run.air(port)


@app.command
def decode(
    target: str,
    data: str = "",
    *,
    service: str | None = None,
    model: str | None = None,
    companion: Annotated[tuple[str, ...], Parameter("--with", negative="")] = (),
    file: Path | None = None,
    base64: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> None:
    """Say what Balise makes of these bytes, of a document, or of a file.

    Parameters
    ----------
    target
        A characteristic (2A35, or 1810/2A35), a payload convention (fhir, senml …), or `file`.
    data
        The bytes in hexadecimal, the document's text, or the path after `file`.
    service
        The service, where a characteristic is in several.
    model
        The device's model, where it writes in a way of its own; see `balise devices list`.
    companion
        Another frame of the same connection, as 2A34:020400…; may be repeated.
    file
        Read the bytes or the document from a file.
    base64
        The bytes are base64.
    json
        One JSON object.

    """
    from balise.decode import decode_command, decode_file

    if target == "file":
        decode_file(Path(data), as_json=json)
        return
    decode_command(
        target,
        data,
        service=service,
        model=model,
        companions=companion,
        from_file=file,
        is_base64=base64,
        as_json=json,
    )


@app.command(name="import")
def import_command(
    *paths: Path,
    patient: str | None = None,
    mapping: str | None = None,
    dates: Literal["day-first", "month-first"] | None = None,
    json: Json = False,
) -> None:
    """Send files through the line: Open mHealth, FHIR, SenML, Apple Health, FIT, CGM, mapped CSV.

    Parameters
    ----------
    paths
        Files, or folders with files.
    patient
        The code of the patient whose data they are; without it, one is made for each person.
    mapping
        The mapping of JSON or CSV files of no known convention: a shipped name, or a TOML file.
    dates
        How a LibreView export writes its dates, where its rows don't tell.
    json
        One JSON object.

    """
    from balise import run

    run.import_paths(paths, patient=patient, mapping=mapping, dates=dates, as_json=json)


@mappings_app.command(name="lint")
def mappings_lint(*paths: Path) -> None:
    """Check mapping files: units, codes, pressures the right way round, samples read.

    Parameters
    ----------
    paths
        TOML files.

    """
    from balise import site

    site.lint(paths)


@mappings_app.command(name="add")
def mappings_add(path: Path) -> None:
    """Check a mapping file and keep it, for documents whose convention has its name.

    Parameters
    ----------
    path
        A TOML file; a mapping kept under the same name is replaced.

    """
    from balise import run, site

    site.keep(run.read_settings("database_url"), path)


@app.command(name="authority")
def site_authority(
    *,
    hand_over: Annotated[bool, Parameter(negative="")] = False,
    retire: Annotated[bool, Parameter(negative="")] = False,
    stolen: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make the site's certificate authority, and what broker and services need of it.

    Parameters
    ----------
    hand_over
        Begin the authority that comes next: boxes go over to it as they renew.
    retire
        End the hand-over, once every box has a certificate of the next one.
    stolen
        With --retire: at once, since the former one's key is in other hands. Boxes that have not
        renewed since the hand-over began must be invited again.

    """
    from balise import enrolment

    enrolment.authority(hand_over=hand_over, retire=retire, stolen=stolen)


@app.command
def report(
    patient: str,
    pdf: Path,
    *,
    days: Literal[7, 30, 90] = 30,
    language: Literal["fr", "en"] = "fr",
) -> None:
    """Write the page for the doctor: one A4 of a patient's last days.

    Parameters
    ----------
    patient
        The patient's code.
    pdf
        The file to write, for your eyes only.
    days
        How far back it reaches.
    language
        Of what it says.

    """
    from balise import run

    run.report(patient, pdf, days=days, language=language)


@app.command
def metrics(
    name: str,
    file: Path,
    *,
    day: date | None = None,
    time_zone: str = "Europe/Paris",
    protocol: str = "",
    json: Json = False,
) -> None:
    """Compute a clinical figure of a CSV file, as the patient's page does, to check it.

    Parameters
    ----------
    name
        The figure: home_blood_pressure, continuous_glucose, news2 … (a wrong one lists them all).
    file
        CSV with the columns time, metric, value and, if need be, unit; for news2 a column a part.
    day
        The last day of the period; the file's last one unless told.
    time_zone
        Where the patient lives: what a day is, and times without an offset.
    protocol
        Of home_blood_pressure: ESH7, FR3 or TRIPLET5; the first unless told.
    json
        One JSON object a figure.

    """
    from balise import figures

    figures.main(name, file, day=day, time_zone=time_zone, protocol=protocol.upper(), as_json=json)


@app.command
def doctor(*parts: str, json: Json = False) -> None:
    """Check every part, or only those named: how each is, and the mend where it isn't well."""
    from balise import run

    run.doctor(parts, as_json=json)


def main() -> None:
    """Run a command; errors of ours end with their exit code and say what to do next."""
    if not sys.stderr.isatty():  # a log, and nobody at a terminal of their own
        keep_quiet()
    try:
        app()
    except BaliseError as error:
        Console(stderr=True).print(f"[bold red]{type(error).__name__}[/]: {error}")
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(Exit.OK)
    except BrokenPipeError:
        # Whoever read our answer has had enough of it; at its end Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)


if __name__ == "__main__":
    main()
