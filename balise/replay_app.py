"""The commands of whoever keeps the line: what was refused, and reading again what landed."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from cyclopts import App, Parameter

from balise.options import Json

refused_app = App(
    name="refused", help="What landed and is no reading: look, mend, replay, discard."
)
DryRun = Annotated[
    bool, Parameter(name="--dry-run", negative="", help="say what would change, change nothing")
]
Why = Annotated[str, Parameter(help="why, kept with everything that changes")]


def flows_replay(
    *messages: int,
    decoder: int | None = None,
    since: Annotated[date | None, Parameter("--from")] = None,
    until: Annotated[date | None, Parameter("--to")] = None,
    gateway: str | None = None,
    device: str | None = None,
    subject: str | None = None,
    reason: str | None = None,
    why: Why = "",
    dry_run: DryRun = False,
    limit: int = 20,
    json: Json = False,
) -> None:
    """Read landed messages again with today's decoder, registry and mappings.

    What changes is written as revisions, and only the days it touches are computed again.

    Parameters
    ----------
    messages
        Numbers of messages.
    decoder
        What this version of the decoder has read.
    since
        Received on this day (UTC) or later.
    until
        Received on this day (UTC) or earlier.
    gateway
        Of one gateway.
    device
        Of one device, by its address.
    subject
        Of one patient, by code: readings of theirs, and all of their devices'.
    reason
        Refused for this reason.
    why
        Kept with every revision.
    dry_run
        Say what would change, change nothing.
    limit
        Lines of differences to print.
    json
        One JSON object, with every difference.

    """
    from balise import replays, run

    settings = run.read_settings("database_url")
    asked = replays.selection(
        settings,
        decoder=decoder,
        since=since,
        until=until,
        gateway=gateway,
        device=device,
        subject=subject,
        reason=reason,
        messages=messages,
    )
    replays.run(settings, asked, why=why, dry_run=dry_run, as_json=json, limit=limit)


@refused_app.command(name="list")
def refused_list(
    *,
    reason: str | None = None,
    gateway: str | None = None,
    state: str = "new",
    limit: int = 50,
    json: Json = False,
) -> None:
    """List what was refused, why, and what to do about it.

    Parameters
    ----------
    reason
        One reason's only.
    gateway
        One gateway's only.
    state
        new, replayed or discarded.
    limit
        The newest so many.
    json
        One JSON object a line.

    """
    from balise import refused, run

    refused.list_refused(
        run.read_settings("database_url"),
        state=state,
        reason=reason,
        gateway=gateway,
        limit=limit,
        as_json=json,
    )


@refused_app.command(name="show")
def refused_show(place: str, *, json: Json = False) -> None:
    """Show what was refused with its payload, decoded as far as it goes, and the next step.

    Parameters
    ----------
    place
        MESSAGE/ITEM as in the list, or MESSAGE for all of it.
    json
        One JSON object a line.

    """
    from balise import refused, run

    settings = run.read_settings("database_url")
    refused.show(settings, refused.which(place, None), as_json=json)


@refused_app.command(name="replay")
def refused_replay(
    place: str | None = None,
    *,
    reason: str | None = None,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    gateway: str | None = None,
    why: Why = "",
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Read again what was refused, after its cause is mended; a message is read whole.

    Parameters
    ----------
    place
        MESSAGE or MESSAGE/ITEM.
    reason
        All that was refused for this reason.
    everything
        All that was refused.
    gateway
        Of one gateway.
    why
        Kept with every reading that comes of it.
    dry_run
        Say what would change, change nothing.
    json
        One JSON object.

    """
    from balise import refused, run

    refused.replay(
        run.read_settings("database_url"),
        refused.which(place, reason, gateway),
        everything=everything,
        why=why,
        dry_run=dry_run,
        as_json=json,
    )


@refused_app.command(name="discard")
def refused_discard(
    place: str | None = None,
    *,
    note: str,
    reason: str | None = None,
    gateway: str | None = None,
) -> None:
    """Decide that something is no reading: it stays, with your name and note, and waits no more.

    Parameters
    ----------
    place
        MESSAGE, MESSAGE/ITEM or MESSAGE/ITEM/PART.
    note
        Why.
    reason
        All that was refused for this reason.
    gateway
        Of one gateway.

    """
    from balise import refused, run

    refused.discard(run.read_settings("database_url"), refused.which(place, reason, gateway), note)


@refused_app.command(name="reopen")
def refused_reopen(
    place: str | None = None,
    *,
    note: str = "",
    reason: str | None = None,
    gateway: str | None = None,
) -> None:
    """Take a decision back: what was discarded waits again.

    Parameters
    ----------
    place
        MESSAGE, MESSAGE/ITEM or MESSAGE/ITEM/PART.
    note
        Why.
    reason
        All that was refused for this reason.
    gateway
        Of one gateway.

    """
    from balise import refused, run

    refused.reopen(run.read_settings("database_url"), refused.which(place, reason, gateway), note)
