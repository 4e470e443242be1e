"""What a run says of itself in Prefect: its name, its message, its artifacts. Counts only.

Prefect keeps and shows all of it, so that nothing here may say whose, where from, or how much.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from flows.work import Done, Waiting

NOTHING = "nothing to do"


@dataclass(frozen=True, slots=True)
class Words:
    """How a flow's run is told: what its window is, what waits for it, what to do next."""

    flow: str
    window: str
    things: str
    balance: str = ""
    next: str = ""

    @property
    def key(self) -> str:
        """What its artifacts are called."""
        return self.flow.partition(",")[0]


VALIDATE = Words(
    "validate",
    "received",
    "batches",
    "landed {landed} = accepted {accepted} + duplicate {duplicate} + refused {refused};"
    " of the duplicates, {conflicting} said another value",
    "`balise refused list` says what was refused, and why.",
)
AGGREGATE = Words("aggregate", "days", "windows")
ASSESS = Words("assess", "as of", "patients")
SUMMARISE = Words("summarise", "as of", "patients")
BACKFILL = Words("backfill", "days", "windows")
DELIVER = Words(
    "deliver", "as of", "bundles", next="`balise fhir status` says what the other system answered."
)
RETENTION = Words("retention", "as of", "days")
RETENTION_DRY = Words("retention, dry run,", "as of", "days")


def name(words: Words, before: Waiting, as_of: datetime) -> str:
    """Return the run's name: the flow and the window it had before it."""
    window = f"{words.window} {as_of:%Y-%m-%d %H:%MZ}"
    if before.since is not None and before.until is not None:
        window = f"{words.window} {_moment(before.since)} to {_moment(before.until)}"
    return f"{words.flow} {window}" + ("" if before.count else f", {NOTHING}")


def _moment(one: datetime | date) -> str:
    return f"{one:%Y-%m-%d %H:%M:%SZ}" if isinstance(one, datetime) else one.isoformat()


def message(words: Words, done: Done[Any]) -> str:
    """Return the run's state in a line: what it did, and what another run has in hand."""
    counts = ", ".join(f"{key} {count}" for key, count in asdict(done.counts).items())
    did = NOTHING if done.counts == done.nothing else counts
    if not done.held:
        return did
    took = did if done.counts == done.nothing else f"took the others: {counts}"
    return f"another run has {done.held} {words.things}; {took}"


def table(words: Words, done: Done[Any]) -> list[dict[str, int]]:
    """Return the account as a table of one row."""
    return [{**asdict(done.counts), f"{words.things} another run has": done.held}]


def markdown(words: Words, done: Done[Any], run_name: str) -> str:
    """Return the account as a page."""
    counts = asdict(done.counts)
    lines = [f"## {run_name}", "", "| | |", "|---|---:|"]
    lines += [f"| {key} | {count} |" for key, count in counts.items()]
    if done.held:
        lines.append(f"| {words.things} another run has | {done.held} |")
    if words.balance:
        lines += ["", words.balance.format(**counts)]
    if words.next and counts.get("refused"):
        lines += ["", words.next]
    return "\n".join(lines)
