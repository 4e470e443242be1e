"""What stands out among a patient's readings: too fast a change, one measurement told twice.

Found anew for each window (a patient's metric on one local day) from what is stored, so that the
order of arrival means nothing. Nothing is dropped for it: `Quality` stays what the device said.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import polars as pl

from balise.metrics import METRICS
from balise.model import Quality

WINDOW = ("subject", "metric", "day")
KEY = ("series", "stamped_at", "sequence")
_ORDER = ("taken_at", "stamped_at", "sequence", "value", "series")
"""Of one moment, the order must not follow from the series' numbers: those follow from arrival."""

READINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "subject": pl.Int32,
    "metric": pl.String,
    "day": pl.Date,
    "device": pl.Int32,
    "series": pl.Int32,
    "stamped_at": pl.Datetime("us", "UTC"),
    "sequence": pl.Int32,
    "taken_at": pl.Datetime("us", "UTC"),
    "value": pl.Float64,
    "quality": pl.Int64,
}
"""What comes in: the readings that may count at all, of whole windows, each with its key."""

PLACES = {name: READINGS[name] for name in WINDOW}

FINDINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: READINGS[name] for name in (*WINDOW, *KEY)},
    "kind": pl.String,
    **{f"other_{name}": READINGS[name] for name in KEY},
}
"""What goes out: a reading, what was found of it, and the reading that it was compared with."""


class Kind(StrEnum):
    """What may be found of a reading."""

    RATE_OF_CHANGE = "rate_of_change"
    """The metric does not change so fast by itself; it counts all the same."""
    CROSS_SOURCE = "cross_source"
    """Another device told the same measurement: the other counts."""


UNTIMED = (
    Quality.CLOCK_UNSET
    | Quality.CLOCK_DEFAULT
    | Quality.CLOCK_FUTURE
    | Quality.CLOCK_FAULT
    | Quality.CLOCK_OTHER_TIMELINE
    | Quality.CLOCK_TICKS
    | Quality.CLOCK_IMPOSSIBLE
    | Quality.TIME_OF_RECEIPT
).value
"""Where the time itself is in doubt, so is any change per time."""

CHANGES = {name: one.change for name, one in METRICS.items() if one.change is not None}
SAME_EVENT = {name: one.same_event for name, one in METRICS.items() if one.same_event is not None}

_DAY_AT_LEAST = timedelta(hours=23)


def days_around(metric: str) -> int:
    """Return how many days before and after a window a reading may be that is compared with it."""
    change = CHANGES.get(metric)
    return -(-change.reach // _DAY_AT_LEAST) if change else 0


def in_order(readings: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return the readings whose change per time is limited and known, each device's in order.

    `before` are the last readings of the windows before, as `last_of` returns them: not `own`.
    """
    timed = [
        one.select(READINGS.keys())
        .filter(pl.col("metric").is_in(list(CHANGES)) & (pl.col("quality") & UNTIMED == 0))
        .with_columns(own=pl.lit(own))
        for one, own in ((readings, True), (before, False))
    ]
    # A metric's number sorts in a third of the time of its name.
    number = pl.col("metric").cast(pl.Enum(sorted(CHANGES))).to_physical()
    return pl.concat(timed).sort("subject", number, "device", *_ORDER)


def last_of(ordered: pl.DataFrame) -> pl.DataFrame:
    """Return each device's last reading of each window whose next window is compared with it."""
    last = ordered.filter("own").group_by(*WINDOW, "device", maintain_order=True).last()
    return last.select(*WINDOW, "device", *KEY, "taken_at", "value", "quality")


def moved(before: pl.DataFrame, now: pl.DataFrame) -> set[tuple[int, str, date]]:
    """Return the windows whose last readings, as `last_of` returns them, are not what they were."""
    same = [*WINDOW, "device", *KEY, "taken_at", "value"]
    gone, new = before.join(now, on=same, how="anti"), now.join(before, on=same, how="anti")
    return set(pl.concat([gone, new]).select(WINDOW).iter_rows())


def rate_of_change(ordered: pl.DataFrame) -> pl.DataFrame:
    """Return the readings that changed too fast since the same device's reading before."""
    limits = pl.DataFrame(
        [(name, float(one.most), one.per, one.reach) for name, one in CHANGES.items()],
        schema=_LIMITS,
        orient="row",
    )
    run = ("subject", "metric", "device")
    with_other = ordered.with_columns(
        pl.col(name).shift(1).name.prefix("other_") for name in (*run, *KEY, "taken_at", "value")
    )
    same_run = pl.all_horizontal(pl.col(name) == pl.col(f"other_{name}") for name in run)
    passed = pl.col("taken_at") - pl.col("other_taken_at")
    # Rounded: a change of exactly 5.0 must not be found faster for its binary digits.
    changed = (pl.col("value") - pl.col("other_value")).abs().round(6)
    allowed = pl.col("most") * pl.max_horizontal(passed / pl.col("per"), 1.0)
    found = (
        with_other.filter(pl.col("own") & same_run)
        .join(limits, on="metric")
        .filter((passed <= pl.col("reach")) & (changed > allowed))
    )
    return _as_findings(found, Kind.RATE_OF_CHANGE)


_LIMITS: dict[str, pl.DataType | type[pl.DataType]] = {
    "metric": pl.String,
    "most": pl.Float64,
    "per": pl.Duration("us"),
    "reach": pl.Duration("us"),
}


def cross_source(readings: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """Return the readings whose value a device placed before theirs told at about the same time.

    One for one: of two equal readings that are both near a third, the nearer is its double.
    """
    placed = (
        readings.filter(pl.col("metric").is_in(list(SAME_EVENT)))
        .join(sources.select(*WINDOW, "device", "place"), on=[*WINDOW, "device"])
        .sort(*_ORDER)
    )
    last: int | None = placed["place"].max()  # type: ignore[assignment]
    found = [_doubles(placed, place) for place in range(1, (last or 0) + 1)]
    return pl.concat(found) if found else pl.DataFrame(schema=FINDINGS)


def _doubles(placed: pl.DataFrame, place: int) -> pl.DataFrame:
    tolerances = pl.DataFrame(
        list(SAME_EVENT.items()),
        schema={"metric": pl.String, "tolerance": pl.Duration("us")},
        orient="row",
    )
    others = placed.filter(pl.col("place") < place).select(
        *WINDOW,
        "value",
        "taken_at",
        *(pl.col(name).alias(f"other_{name}") for name in (*KEY, "taken_at")),
    )
    apart = (pl.col("taken_at") - pl.col("other_taken_at")).abs()
    near = (
        placed.filter(pl.col("place") == place)
        .join_asof(
            others,
            on="taken_at",
            by=[*WINDOW, "value"],
            strategy="nearest",
            # Both are sorted; with `by` polars can't see it, and would warn.
            check_sortedness=False,
        )
        .join(tolerances, on="metric")
        .filter(apart <= pl.col("tolerance"))
        .sort(apart, *_ORDER)
        .unique([*WINDOW, *(f"other_{name}" for name in KEY)], keep="first", maintain_order=True)
    )
    return _as_findings(near, Kind.CROSS_SOURCE)


def _as_findings(found: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    return (
        found.with_columns(kind=pl.lit(kind.value))
        .select(pl.col(name).cast(one) for name, one in FINDINGS.items())
        .sort(*WINDOW, *KEY)
    )


def counted(readings: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Return the readings without those that another device told as well."""
    doubles = findings.filter(pl.col("kind") == Kind.CROSS_SOURCE.value)
    return readings.join(doubles, on=[*WINDOW, *KEY], how="anti")
