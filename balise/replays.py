"""Replays by command: what would change is said first, in a table; then it is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from balise.database import needed
from balise.errors import PartlyRefused, Reason, UsageError
from balise.hand import who
from balise.model import Quality
from balise.settings import Settings
from flows import replay, steps
from flows.differences import Difference, Kind
from flows.replay import Asked, Hand, Report
from sql import audit, people

LINES = 20
_REPLAY = "balise flows replay"
# What is taken at a moment lands after it; so much may a gateway's clock be ahead.
_AHEAD = timedelta(hours=1)


def selection(
    settings: Settings,
    *,
    decoder: int | None = None,
    since: date | None = None,
    until: date | None = None,
    gateway: str | None = None,
    device: str | None = None,
    subject: str | None = None,
    reason: str | None = None,
    messages: tuple[int, ...] = (),
) -> Asked:
    """Return what a command asks for; UsageError where it asks for nothing or for nobody.

    Days are of receipt, in UTC; the last is included.
    """
    if not any((decoder is not None, since, until, gateway, device, subject, reason, messages)):
        raise UsageError("say what to replay: --from, --decoder, --device, --subject …")
    known_reason(reason)
    with needed(), psycopg.connect(settings.database_url) as connection:
        number = people.device(connection, device.upper()) if device else None
        patient = people.find(connection, subject) if subject else None
    if device and number is None:
        raise UsageError(f"no device {device} is known")
    if subject and patient is None:
        raise UsageError(f"no patient {subject} is enrolled")
    return Asked(
        messages=messages or None,
        reason=reason,
        gateway=gateway,
        device=number,
        subject=patient.id if patient else None,
        decoder=decoder,
        received_from=_begin(since) if since else None,
        received_to=_begin(until) + timedelta(days=1) if until else None,
    )


def known_reason(reason: str | None) -> None:
    """Raise UsageError for a reason that there isn't."""
    if reason is not None and reason not in set(Reason):
        raise UsageError(f"no reason {reason}; there are: {', '.join(Reason)}")


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def run(
    settings: Settings, asked: Asked, *, why: str, dry_run: bool, as_json: bool, limit: int = LINES
) -> Report:
    """Replay, or say what it would change, and bring rollups and what rests on them up to date."""
    with needed(), psycopg.connect(settings.database_url, autocommit=True) as connection:
        _note(connection, asked, dry_run=dry_run)
        report = _with_progress(
            lambda progress: (
                replay.dry_run(connection, asked, progress=progress)
                if dry_run
                else replay.replay(connection, asked, Hand(who=who(), why=why), progress=progress)
            )
        )
        codes = people.codes(connection)
    windows = 0
    if not dry_run:
        windows = steps.run_line(settings.database_url).recomputed.windows
    if as_json:
        print(json.dumps(_as_json(report, codes, dry_run=dry_run, windows=windows)))  # noqa: T201
    else:
        _print(report, codes, limit)
        _print_end(report, dry_run=dry_run, windows=windows)
    return report


def _note(connection: psycopg.Connection, asked: Asked, *, dry_run: bool) -> None:
    """Write down that values are shown, or changed: of one patient, or of whoever they are of."""
    action, what = ("view", f"{_REPLAY} --dry-run") if dry_run else ("change", _REPLAY)
    patients = [] if asked.subject is None else [asked.subject]
    audit.add(connection, patients, who=who(), action=action, what=what)


def _with_progress(work: Callable[[Callable[[int], None]], Report]) -> Report:
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed} messages read again"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("messages", total=None)
        return work(lambda done: bar.update(task, completed=done))


def _print(report: Report, codes: dict[int, str], limit: int) -> None:
    counts = Table("found", "metric", "count")
    for (kind, metric), count in sorted(report.counts.items()):
        counts.add_row(kind, metric, str(count))
    Console().print(counts)
    if not report.differences:
        return
    lines = Table("message", "found", "metric", "was", "becomes")
    for one in report.differences[:limit]:
        was, becomes = _readable(one.was, codes), _readable(one.becomes, codes)
        lines.add_row(f"{one.landing}/{one.item}", one.kind, one.metric, was, becomes)
    Console().print(lines)
    if report.changed() > limit:
        Console().print(f"… and {report.changed() - limit} more; --json says all")


def _readable(fields: dict[str, str], codes: dict[int, str]) -> str:
    return "\n".join(f"{name} {said}" for name, said in _named(fields, codes).items())


def _named(fields: dict[str, str], codes: dict[int, str]) -> dict[str, str]:
    """Return the fields of a difference in words: a patient's code, the quality's flags."""
    named = dict(fields)
    if "subject" in named:
        named["subject"] = codes.get(int(named["subject"]), named["subject"])
    if "quality" in named:
        named["quality"] = ", ".join(Quality(int(named["quality"])).names) or "nothing against it"
    return named


def _print_end(report: Report, *, dry_run: bool, windows: int) -> None:
    console = Console()
    if report.gone_on_after:
        console.print(f"went on after message {report.gone_on_after}, where one was stopped")
    if report.gone:
        console.print(f"{report.gone} messages are no longer kept and stay as they are")
    if dry_run:
        console.print(f"{report.messages} messages read; a dry run: nothing is changed")
    else:
        console.print(
            f"{report.messages} messages read, {report.changed()} differences written,"
            f" {windows} days of a patient's metric computed again"
        )


def _as_json(
    report: Report, codes: dict[int, str], *, dry_run: bool, windows: int
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "messages": report.messages,
        "gone": report.gone,
        "gone_on_after": report.gone_on_after,
        "windows": windows,
        "counts": [
            {"kind": kind, "metric": metric, "count": count}
            for (kind, metric), count in sorted(report.counts.items())
        ],
        "differences": [_line(one, codes) for one in report.differences],
        "differences_left_out": report.changed() - len(report.differences),
    }


def _line(one: Difference, codes: dict[int, str]) -> dict[str, Any]:
    return {
        **asdict(one),
        "was": _named(one.was, codes),
        "becomes": _named(one.becomes, codes),
    }


def after_giving(settings: Settings, device: int, since: datetime, *, now: bool, why: str) -> None:
    """Say what a device's new holder changes in what is stored, or change it `now`."""
    asked = Asked(device=device, received_from=since - _AHEAD)
    if now:
        run(settings, asked, why=why, dry_run=False, as_json=False)
        return
    with needed(), psycopg.connect(settings.database_url, autocommit=True) as connection:
        report = _with_progress(
            lambda progress: replay.dry_run(connection, asked, progress=progress)
        )
    moved = sum("subject" in one.was and "subject" in one.becomes for one in report.differences)
    found, lost = report.of(Kind.NEW), report.of(Kind.NOW_REFUSED)
    if moved or found or lost:
        Console().print(
            f"{moved} stored readings belong to another patient now, {found} refused ones are"
            f" readings, {lost} readings are nobody's: the same command with --replay moves them"
        )


def partly(report: Report) -> None:
    """Raise PartlyRefused where something is refused still."""
    if still := report.of(Kind.STILL_REFUSED, Kind.OTHER_REASON):
        raise PartlyRefused(f"{still} are refused still; `balise refused list` says why")
