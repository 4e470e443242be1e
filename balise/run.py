"""What each command runs: settings read, the part started, answers printed."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from balise import failures, telemetry
from balise.errors import DependencyDown, PartlyRefused, UsageError
from balise.hand import who
from balise.plain import plain
from balise.settings import Settings, local_file


def read_settings(*needs: str) -> Settings:
    """Read the settings; where `balise up` runs on this machine, its servers are the default."""
    local = local_file()
    found = local if os.access(local, os.R_OK) else None
    # The argument is pydantic-settings' own; neither checker sees it in the synthesised signature.
    settings = Settings(_env_file=found)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    for need in needs:
        if not getattr(settings, need):
            raise UsageError(
                f"BALISE_{need.upper()} is not set, and no `balise up` runs here ({local})"
            )
    return settings


def log(level: str = "info") -> None:
    """Log as JSON lines on stderr: keys and counts, never a patient's value."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def begin(service: str, settings: Settings, at_work: Callable[[], bool] = lambda: True) -> None:
    """Let a service be seen: its log, its figures and how it is, its traces."""
    from balise import vitals

    log(settings.log_level)
    failures.keep_quiet()
    vitals.begin(service, settings, at_work)
    telemetry.begin(service)


def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run a service until SIGTERM or SIGINT."""

    async def main() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(failures.in_loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


def settle() -> None:
    """Have the collector of garbage pass over what stays: modules and their functions, mostly."""
    gc.collect()
    gc.freeze()


def receive(name: str) -> None:
    """Run a receiver until stopped."""
    from ingest.mqtt import Broker
    from ingest.receive import Receiver

    settings = read_settings("database_url", "mqtt_url")
    receiver = Receiver(
        Broker(settings), settings.database_url, name=name, batch_size=settings.batch_size
    )
    begin("receive", settings, lambda: receiver.at_work)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: receiver.stop())
    settle()
    receiver.run()


def flows(*, schedules: bool) -> None:
    """Run the resident flows process until stopped."""
    from flows.serve import serve

    settings = read_settings("database_url")
    begin("flows", settings)
    settle()
    until_stopped(serve(settings, schedules=schedules))


def flow(name: str, *, as_json: bool) -> None:
    """Run one flow's step without Prefect, or the whole line."""
    import psycopg

    from flows import judging, steps
    from flows.aggregate import recompute

    now = datetime.now(UTC)
    settings = read_settings("database_url")
    if name == "line":
        print_answer(
            asdict(_database(lambda: steps.run_line(settings.database_url))), as_json=as_json
        )
        return
    known: dict[str, Callable[[psycopg.Connection], Any]] = {
        "validate": steps.validate,
        "aggregate": recompute,
        "assess": lambda connection: judging.assess(connection, now, everyone=True),
        "summarise": lambda connection: judging.summarise(connection, now),
    }
    if name not in known:
        raise UsageError(f"no flow {name}; there are: {', '.join(known)}, line")

    def work() -> dict[str, int]:
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            return asdict(known[name](connection))

    print_answer(_database(work), as_json=as_json)


def report(patient: str, pdf: Path, *, days: int, language: str) -> None:
    """Write a patient's page for the doctor."""
    import psycopg

    from balise import files
    from care.web import pages
    from care.web.report import make
    from care.web.words import words
    from sql import audit

    now, url = datetime.now(UTC), read_settings("database_url").database_url

    def page() -> pages.PatientPage:
        with psycopg.connect(url) as connection:
            found = pages.patient(connection, patient)
            if found is None:
                raise UsageError(f"no patient {patient} is enrolled")
            audit.add(connection, [found["id"]], who=who(), action="export", what="balise report")
            return pages.patient_page(connection, found, days=days, now=now)

    made = make(_database(page), words(language), now)
    try:
        files.write(pdf, made, 0o600)
    except OSError as error:
        raise UsageError(f"{pdf} can't be written: {error.strerror}") from error
    print(pdf)  # noqa: T201 - the answer


def web() -> None:
    """Serve the clinician pages until stopped."""
    import uvicorn

    from care.web import accounts
    from care.web.app import create_app
    from sql.roles import Role, connect

    settings = read_settings("database_url")
    with connect(settings.database_url, Role.WEB) as connection:
        token = accounts.invite_first(connection)
    if token:
        Console().print(
            f"The first account, {accounts.FIRST_ADMIN}: {settings.server_url}/welcome/{token}"
            " (works once, and gives the other accounts)",
            highlight=False,
            soft_wrap=True,
        )
    begin("web", settings)
    uvicorn.run(
        create_app(settings),
        host=settings.web_host,
        port=settings.web_port,
        log_level="warning",
        server_header=False,
    )


def watch() -> None:
    """Tell Prometheus of the line until stopped."""
    from prometheus_client.core import REGISTRY

    from ingest.exposition import Line

    settings = read_settings("database_url", "mqtt_url", "metrics_port")
    REGISTRY.register(Line(settings))
    begin("watch", settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Event().wait()


def air(port: int) -> None:
    """Run the virtual devices until stopped."""
    from demo.air import serve

    until_stopped(serve(port))


def import_paths(
    paths: Sequence[Path],
    *,
    patient: str | None,
    mapping: str | None,
    dates: Literal["day-first", "month-first"] | None,
    as_json: bool,
) -> None:
    """Import files and say what became of each data point; exit 3 where some were refused."""
    from balise import site
    from ingest import importer, outcome

    if not paths:
        raise UsageError("name the files or folders to import")
    settings = read_settings("database_url", "mqtt_url")
    after = outcome.newest_batch(settings)
    with counting("data points") as progress:
        given = importer.import_files(
            settings,
            paths,
            patient=patient,
            progress=progress,
            mapping=site.mapping(settings, mapping) if mapping else None,
            dates=dates,
        )
    became = outcome.wait(settings, after=after)
    answer = {
        "files": given.files,
        "unread_files": len(given.unread),
        "data_points": given.documents,
        "unmeasured": dict(given.unmeasured),
        **became,
    }
    print_answer(answer, as_json=as_json)
    for unread in given.unread:
        Console(stderr=True).print(f"{unread.path}: {unread.why}", highlight=False)
    if given.unread or answer["refused"]:
        raise PartlyRefused


def doctor(parts: Sequence[str], *, as_json: bool) -> None:
    """Check parts and print what is wrong with them; exit 4 where one isn't well."""
    from balise.doctor import CHECKS, check

    if unknown := set(parts) - CHECKS.keys():
        raise UsageError(f"no part {', '.join(unknown)}; there are: {', '.join(CHECKS)}")
    found = check(read_settings(), parts or tuple(CHECKS))
    for one in found:
        print_answer(asdict(one), as_json=as_json)
    if not all(one.ok for one in found):
        raise DependencyDown("something above needs mending")


def _database(work: Callable[[], Any]) -> Any:
    """Run something that needs the database."""
    from balise.database import needed

    with needed():
        return work()


def bar() -> Progress:
    """Return a progress bar on stderr, so that answers stay clean."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
    )


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is while the block runs; give what is told so many of so many."""
    with bar() as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def print_answer(answer: dict[str, Any], *, as_json: bool) -> None:
    """Print what a command found out: one JSON object, or a row a fact."""
    if as_json:
        print(json.dumps(answer, default=str))  # noqa: T201 - the answer
        return
    for key, value in answer.items():
        Console().print(f"{key:18} {plain(str(value))}", highlight=False, soft_wrap=True)
