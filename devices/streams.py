"""Runs of plain frames, validated in columns: the bulk of a busy line, at a tenth of the time.

What `validation` says of each frame is what stands here. Read in columns is only what needs no
second look: figures and status, of a device that is one patient's for the whole run, taken when
they were captured, in the unit of their metric, possible. The rest is left to `validation`.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from balise.errors import NotUnderstood
from balise.metrics import METRICS
from balise.model import Quality
from devices import columns, models, registry, session, timeline
from devices.frame import Frame
from devices.parts import Code, Fact, Number, Skip, Status
from devices.payloads.balise_v1 import Message
from devices.payloads.items import NumberedItem
from devices.payloads.runs import MICROSECOND, Run, alone, span, unpack
from devices.validation import Landed, Registry, own_number

READINGS = pl.Schema(
    {
        "landing": pl.Int64(),
        "item": pl.Int16(),
        "device": pl.Int32(),
        "subject": pl.Int32(),
        "taken_at": pl.Datetime("us", "UTC"),
        "sequence": pl.Int32(),
        "metric": pl.String(),
        "position": pl.Int16(),
        "unit": pl.String(),
        "mantissa": pl.Int64(),
        "exponent": pl.Int64(),
        "quality": pl.Int64(),
    }
)
"""A reading of a stream: stamped when it was taken, sent as it is stored, value in two integers."""

FEWEST = 200
"""Frames below which columns cost more than they save."""

EXPONENTS = range(-8, 5)
"""Of values that are stored from columns; what a device sends outside them is rare."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS = (Number, Status, Code, Fact, Skip)
_TOGETHER = {"systolic_blood_pressure", "diastolic_blood_pressure"}


Left = tuple[Landed, int, NumberedItem]


class Placed(NamedTuple):
    """A run in a landed message, and the place of its first frame."""

    landed: Landed
    first: int
    run: Run

    def items(self) -> Iterator[Left]:
        """Yield its frames as the items they are."""
        for place, item in enumerate(unpack(self.run), self.first):
            yield self.landed, place, item


def sorted_out(landed: Landed, message: Message) -> tuple[list[Placed], list[Left]]:
    """Return the plain frames of a message in their places, and the items that are something else.

    An item's place is its own; those of the runs' frames follow, one after the other.
    """
    placed, left = list[Placed](), list[Left]()
    for place, item in enumerate(message.items):
        run = alone(item)
        if run is None:
            left.append((landed, place, item))
        else:
            placed.append(Placed(landed, place, run))
    firsts = accumulate((len(run.after) for run in message.runs), initial=len(message.items))
    placed += (Placed(landed, first, run) for first, run in zip(firsts, message.runs, strict=False))
    return placed, left


@dataclass(frozen=True, slots=True)
class Streamed:
    """What runs gave: readings, and the items that need `validation`."""

    readings: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=READINGS))
    left: Sequence[Left] = ()


def validate(placed: Sequence[Placed], known: Registry) -> Streamed:
    """Return what became of runs."""
    if sum(len(one.run.after) for one in placed) < FEWEST:
        return Streamed(left=[item for one in placed for item in one.items()])
    streams: defaultdict[str, list[_Owned]] = defaultdict(list)
    left: list[Left] = []
    for one in placed:
        owned = _owned(one, known)
        if owned is None:
            left += one.items()
        else:
            streams[owned.frame.name].append(owned)
    found = [_read(some[0].frame, some) for some in streams.values()]
    return Streamed(
        pl.concat([pl.DataFrame(schema=READINGS), *(one.readings for one in found)]),
        [*left, *chain.from_iterable(one.left for one in found)],
    )


class _Owned(NamedTuple):
    """A run of one patient's device, and how its frames are read."""

    placed: Placed
    frame: Frame
    device: int
    subject: int


def _owned(placed: Placed, known: Registry) -> _Owned | None:
    """Return whose a run is where that, its times and its layout leave no question."""
    run = placed.run
    frame, device = _frame(run), known.devices.get(run.device)
    if frame is None or device is None:
        return None
    first, last = span(run)
    known_by = min(placed.landed.received_at + timeline.TOLERANCE, timeline.LATEST)
    if not timeline.EARLIEST <= first <= last <= known_by:
        return None
    for one in known.assignments.get(device, ()):
        if one.slot is None and one.since <= first and (one.until is None or last < one.until):
            return _Owned(placed, frame, device, one.subject)
    return None


def _frame(run: Run) -> Frame | None:
    """Return a run's layout where it is one of figures and status alone."""
    return _found(run.service, run.characteristic, run.model)


@lru_cache(256)
def _found(service: str, characteristic: str, model: str) -> Frame | None:
    try:
        found = registry.find(characteristic, service or None, model=models.known(model))
    except NotUnderstood:
        return None
    return found if isinstance(found, Frame) and streamed(found) else None


def streamed(frame: Frame) -> bool:
    """Say whether frames of a layout are read in columns, each by itself."""
    return (
        columns.readable(frame)
        and not frame.awaits
        and all(isinstance(part, _PARTS) for part in frame.parts)
        and not any(part.metric in _TOGETHER for part in frame.parts if isinstance(part, Number))
    )


Ints = npt.NDArray[np.int64]


def _read(frame: Frame, some: Sequence[_Owned]) -> Streamed:
    """Return what became of the runs of one layout."""
    bodies = [data for one in some for data in _split(one.placed.run)]
    frames = _frames(some, bodies)
    found = columns.decode(frame, bodies)
    quality = np.zeros(frames.height, dtype=np.int64)
    quality[found.frames["row"].to_numpy()] = found.frames["quality"].to_numpy()
    figures = found.figures.join(
        _limits(found.figures), on=("metric", "unit", "exponent"), how="left"
    ).with_columns(_possible())
    clean = np.zeros(frames.height, dtype=np.bool_)
    clean[figures["row"].to_numpy()] = True
    for rows in (
        found.frames.filter("void")["row"],
        figures.filter(~pl.col("possible"))["row"],
        pl.Series(found.refused, dtype=pl.UInt32),
    ):
        clean[rows.to_numpy()] = False
    clean[_repeats(some, bodies) >= session.STUCK_AFTER] = False
    kept = figures.filter(pl.Series(clean).gather(figures["row"])).with_columns(_plausible())
    rows = kept["row"]
    readings = frames[rows].hstack(
        kept.select("metric", "position", "unit", "mantissa", "exponent").with_columns(
            quality=kept["quality"] | pl.Series(quality).gather(rows)
        )
    )
    return Streamed(readings.select(*READINGS).cast(READINGS), list(_left(some, ~clean)))


def _frames(some: Sequence[_Owned], bodies: Sequence[bytes]) -> pl.DataFrame:
    """Return where, whose and when each frame is, in the order of the runs."""
    numbers = _OwnNumbers()
    counts = [len(one.placed.run.after) for one in some]
    starts = _repeated(
        [(one.placed.run.captured_at - _EPOCH) // MICROSECOND for one in some], counts
    )
    after = np.fromiter(chain.from_iterable(one.placed.run.after for one in some), np.int64)
    places = np.arange(len(after)) - _repeated(np.cumsum([0, *counts[:-1]]).tolist(), counts)
    return pl.DataFrame(
        {
            "landing": _repeated([one.placed.landed.id for one in some], counts),
            "item": _repeated([one.placed.first for one in some], counts) + places,
            "device": _repeated([one.device for one in some], counts),
            "subject": _repeated([one.subject for one in some], counts),
            "taken_at": pl.Series(starts + after).cast(pl.Datetime("us", "UTC")),
            "sequence": [numbers[body] for body in bodies],
        }
    )


def _repeats(some: Sequence[_Owned], bodies: Sequence[bytes]) -> Ints:
    """Return how often the bytes of each frame came in a row before it."""
    counts = [len(one.placed.run.after) for one in some]
    places = np.arange(len(bodies))
    first = _repeated(np.cumsum([0, *counts[:-1]]).tolist(), counts)
    body = pl.Series(bodies, dtype=pl.Binary)
    other = (body != body.shift()).fill_null(value=True).to_numpy() | (places == first)
    since = np.maximum.accumulate(np.where(other, places, 0))
    before = _repeated([one.placed.run.repeats for one in some], counts)
    return places - since + np.where(since == first, before, 0)


def _repeated(values: Sequence[int], counts: Sequence[int]) -> Ints:
    return np.repeat(np.array(values, dtype=np.int64), counts)


def _split(run: Run) -> Sequence[bytes]:
    bodies: tuple[bytes, ...]
    bodies = struct.unpack(f"{run.size}s" * len(run.after), bytes.fromhex(run.data))
    return bodies


class _OwnNumbers(dict[bytes, int]):
    """The numbers of frames by their bytes: a busy line says the same few again and again."""

    def __missing__(self, body: bytes) -> int:
        """Return the number of bytes that are new."""
        number = self[body] = own_number(body.hex().encode())
        return number


def _left(some: Sequence[_Owned], unclean: npt.NDArray[np.bool_]) -> Iterator[Left]:
    """Yield the frames that are not clean as items."""
    if not unclean.any():
        return
    at = 0
    for one in some:
        count = len(one.placed.run.after)
        if unclean[at : at + count].any():
            wanted = unclean[at : at + count]
            yield from (item for item, so in zip(one.placed.items(), wanted, strict=True) if so)
        at += count


def _limits(figures: pl.DataFrame) -> pl.DataFrame:
    """Return the ranges of each metric in units of each exponent: integers compare exactly."""
    kinds = figures.select("metric", "unit", "exponent").unique()
    rows = [
        (
            *kind,
            *_scaled(METRICS[kind[0]].impossible, kind[2]),
            *_scaled(METRICS[kind[0]].plausible, kind[2]),
        )
        for kind in kinds.iter_rows()
        if kind[1] == METRICS[kind[0]].unit and kind[2] in EXPONENTS
    ]
    return pl.DataFrame(rows, schema=_LIMITS, orient="row")


_LIMITS = {
    "metric": pl.String,
    "unit": pl.String,
    "exponent": pl.Int64,
    "least": pl.Int64,
    "most": pl.Int64,
    "low": pl.Int64,
    "high": pl.Int64,
}


def _scaled(limits: tuple[Decimal, Decimal], exponent: int) -> tuple[int, int]:
    low, high = (limit.scaleb(-exponent) for limit in limits)
    return int(low.to_integral_value(ROUND_CEILING)), int(high.to_integral_value(ROUND_FLOOR))


def _possible() -> pl.Expr:
    """Say of each figure whether it is in its metric's unit and range; no range, no."""
    return pl.col("mantissa").is_between("least", "most").fill_null(value=False).alias("possible")


def _plausible() -> pl.Expr:
    outside = pl.lit(Quality.OUT_OF_PLAUSIBLE_RANGE.value, pl.Int64)
    return (
        pl.when(pl.col("mantissa").is_between("low", "high"))
        .then(0)
        .otherwise(outside)
        .cast(pl.Int64)
        .alias("quality")
    )
