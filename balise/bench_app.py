"""The commands `balise bench …`: this machine measured, each figure beside its limit or a peer."""

from __future__ import annotations

from cyclopts import App

from balise.errors import UsageError

bench_app = App(name="bench", help="Measure this machine; every answer is one JSON object.")


@bench_app.command(name="ingest")
def bench_ingest(
    *parts: str,
    readings: int = 500_000,
    single: int = 50_000,
    homes: int = 200,
    backlog: int = 1_000_000,
    stored: int = 10_000_000,
    rounds: int = 5,
    peers: str = "",
    flows: bool = False,
) -> None:
    """Measure broker to landing and to readings, beside COPY of the same rows and beside peers.

    Parameters
    ----------
    parts
        receiver, line, again, disk, catching-up, growth, or all of them.
    readings
        Readings of a round, 50 a message.
    single
        Readings of a round, one a message.
    homes
        Homes that send, each with its gateway, patient and device.
    backlog
        Readings that wait at the homes, for catching-up.
    stored
        Readings that are stored before new ones come, for growth; a hundred million take 11 GB.
    rounds
        Rounds of each way; they alternate.
    peers
        tutorial, node-red, mq-bridge, by commas; they are fetched from their registries once.
    flows
        Let Prefect and all the flows run beside, not validate alone.

    """
    from bench.beside import find
    from bench.ingest import Asked
    from bench.ingest import main as measure

    asked = Asked(
        readings=readings,
        single=single,
        homes=homes,
        backlog=backlog,
        stored=stored,
        rounds=rounds,
        peers=tuple(find([one for one in peers.split(",") if one])),
        flows=flows,
    )
    measure(asked, parts)


@bench_app.command(name="validate")
def bench_validate(
    *, readings: int = 500_000, homes: int = 200, rounds: int = 5, per_message: int = 50
) -> None:
    """Measure validating what has landed, beside optimistic COPY of the same rows."""
    from bench.validate import main as measure

    measure(readings=readings, homes=homes, rounds=rounds, per_message=per_message)


@bench_app.command(name="profile")
def bench_profile(*, readings: int = 500_000, homes: int = 200, per_message: int = 50) -> None:
    """Say where the line's time goes, function by function and statement by statement."""
    from bench.profile import main as measure

    measure(readings=readings, homes=homes, per_message=per_message)


@bench_app.command(name="query")
def bench_query(*, patients: int = 1000, days: int = 90, a_day: int = 1, rounds: int = 5) -> None:
    """Measure what the clinician's pages read, beside the same from raw readings.

    Parameters
    ----------
    patients
        Patients of the worklist, with five metrics each; the first measures every minute.
    days
        How long they have measured.
    a_day
        How many times a day each of the others measures.
    rounds
        Rounds of forty questions of each kind, two of those to raw readings.

    """
    from bench.query import main as measure

    measure(patients=patients, days=days, a_day=a_day, rounds=rounds)


@bench_app.command(name="pages")
def bench_pages(*, patients: int = 500, days: int = 90, rounds: int = 5) -> None:
    """Measure what the clinician's pages weigh, and how long a slow machine waits for them.

    Parameters
    ----------
    patients
        Patients of the worklist, with five metrics each; the first measures every minute.
    days
        How long they have measured, and what the trend page shows.
    rounds
        Visits of each page, each with an empty browser.

    """
    try:
        from bench.browsing import main as measure
    except ModuleNotFoundError as error:
        raise UsageError("a browser is driven: `./run test` installs what that needs") from error

    measure(patients=patients, days=days, rounds=rounds)


@bench_app.command(name="aggregate")
def bench_aggregate(*, readings: int = 10_000_000, subjects: int = 200, rounds: int = 5) -> None:
    """Measure recomputing rollups, beside SQL and polars on the same readings."""
    from bench import aggregate

    aggregate.main(readings=readings, subjects=subjects, rounds=rounds)


@bench_app.command(name="latency")
def bench_latency(*, readings: int = 40, messages: int = 2000) -> None:
    """Measure from message to landing, and from a device's notification to the clinician's page."""
    from bench.latency import main as latency

    latency(readings, messages)


@bench_app.command(name="soak")
def bench_soak(*, minutes: int = 60, homes: int = 5000) -> None:
    """Measure memory and accounts while so many homes send a reading a second each, for so long."""
    from bench.soak import main as soak

    soak(minutes=minutes, homes=homes)


@bench_app.command(name="decode")
def bench_decode() -> None:
    """Measure decoding beside another library, characteristic by characteristic."""
    from bench.decode import main as measure

    measure()


@bench_app.command(name="spool")
def bench_spool(*, days: int = 30, seconds: float = 60) -> None:
    """Measure days of five devices without internet, and the way back, watched so many seconds."""
    from bench.spool import main as measure

    measure(days, seconds)


@bench_app.command(name="gateway")
def bench_gateway(*, minutes: float = 10, devices: int = 5) -> None:
    """Measure the box: memory and processor while so many devices stream, and what is lost."""
    from bench.gateway import main as measure

    measure(minutes, devices)
