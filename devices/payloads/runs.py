"""Runs: plain frames of one characteristic of one device, in columns: a tenth of them as items.

A run says no less than its items: `pack` makes it, `unpack` gives them back, each as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Annotated, NamedTuple

import msgspec
from msgspec.structs import fields

from balise.errors import PayloadError, Reason
from devices.payloads.items import Aware, Item, NumberedItem

SHORTEST = 3
"""Frames from which a run is worth its head."""

MICROSECOND = timedelta(microseconds=1)
_LOWER_HEX = re.compile("(?:[0-9a-f]{2})+")


_LONGEST = 1 << 53
_Microseconds = Annotated[int, msgspec.Meta(ge=-_LONGEST, le=_LONGEST)]
_SPANNED = (
    datetime.min.replace(tzinfo=UTC) + _LONGEST * MICROSECOND,
    datetime.max.replace(tzinfo=UTC) - _LONGEST * MICROSECOND,
)
"""Between these no run can leave what a datetime holds."""


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Frames of `size` bytes each, in the order of their numbers in the spool.

    `numbers` are closed ranges; `after` is when each frame was captured, in microseconds after
    `captured_at`, by a clock that knew the time; `data` all bytes, in lower-case hexadecimal.
    `repeats` counts the same bytes in a row before the first frame; those of the others follow.
    """

    device: str
    numbers: tuple[tuple[int, int], ...]
    captured_at: Aware
    after: tuple[_Microseconds, ...]
    size: int
    data: str
    service: str = ""
    characteristic: str = ""
    session: str = ""
    model: str = ""
    repeats: int = 0


def check(run: Run) -> None:
    """Raise PayloadError where a run's columns differ in length, or its times are none."""
    count = len(run.after)
    numbered = sum(high - low + 1 for low, high in run.numbers if low <= high)
    if not count or run.size < 1 or len(run.data) != 2 * run.size * count or numbered != count:
        raise PayloadError("a run whose columns differ in length", reason=Reason.PAYLOAD_INVALID)
    if not _SPANNED[0] <= run.captured_at <= _SPANNED[1]:
        try:
            span(run)
        except OverflowError as error:
            raise PayloadError("a run without end", reason=Reason.PAYLOAD_INVALID) from error


def span(run: Run) -> tuple[datetime, datetime]:
    """Return the earliest and the latest capture of a run."""
    start = run.captured_at
    if run.after == (0,):
        return start, start
    return start + min(run.after) * MICROSECOND, start + max(run.after) * MICROSECOND


def numbers_of(run: Run) -> Iterator[int]:
    """Yield the numbers of a run's frames."""
    for low, high in run.numbers:
        yield from range(low, high + 1)


def unpack(run: Run) -> Iterator[NumberedItem]:
    """Yield a run's frames as the items they were."""
    width, before, repeats = 2 * run.size, "", run.repeats - 1
    for place, (number, after) in enumerate(zip(numbers_of(run), run.after, strict=True)):
        data = run.data[place * width : (place + 1) * width]
        repeats = repeats + 1 if data == before or not place else 0
        before = data
        yield NumberedItem(
            seq=number,
            device=run.device,
            captured_at=run.captured_at + after * MICROSECOND,
            session=run.session,
            service=run.service,
            characteristic=run.characteristic,
            data=data,
            model=run.model,
            repeats=repeats,
        )


Numbered = tuple[int, Item]


def pack(items: Sequence[Numbered]) -> tuple[Run, ...]:
    """Return the runs that are in numbered items; what is in none of them goes as an item."""
    plain = [
        _Plain(number, item.captured_at, item)
        for number, item in items
        if item.captured_at is not None and _plain(item)
    ]
    plain.sort(key=lambda one: (_key(one), one.number))
    return tuple(
        _run(frames)
        for _, some in groupby(plain, key=_key)
        for frames in _following(some)
        if len(frames) >= SHORTEST
    )


def alone(item: NumberedItem) -> Run | None:
    """Return an item as a run of one frame, None where a run can't say all of it."""
    if item.captured_at is None or not _plain(item):
        return None
    return Run(
        device=item.device,
        numbers=((item.seq, item.seq),),
        captured_at=item.captured_at,
        after=(0,),
        size=len(item.data) // 2,
        data=item.data,
        service=item.service,
        characteristic=item.characteristic,
        session=item.session,
        model=item.model,
        repeats=item.repeats,
    )


class _Plain(NamedTuple):
    number: int
    at: datetime
    item: Item


def _key(one: _Plain) -> tuple[str, str, str, str, str, int]:
    """Return what the frames of a run have in common."""
    item = one.item
    what = (item.service, item.characteristic, len(item.data))
    return (item.device, item.session, item.model, *what)


def _plain(item: Item) -> bool:
    """Say whether an item says nothing but what a run says."""
    return _unsaid(item) == _NOTHING and _LOWER_HEX.fullmatch(item.data) is not None


_SAID = {field.name for field in fields(Run)}
_UNSAID = {field.name: field.default for field in fields(Item) if field.name not in _SAID}
_unsaid = attrgetter(*_UNSAID)
_NOTHING = tuple(_UNSAID.values())


def _following(frames: Iterable[_Plain]) -> Iterator[list[_Plain]]:
    """Yield stretches of frames in which each one's repeats follow from the frame before."""
    stretch: list[_Plain] = []
    for one in frames:
        before = stretch[-1].item if stretch else None
        follows = before.repeats + 1 if before and one.item.data == before.data else 0
        if before and one.item.repeats != follows:
            yield stretch
            stretch = []
        stretch.append(one)
    yield stretch


def _run(frames: list[_Plain]) -> Run:
    first, start = frames[0].item, frames[0].at
    return Run(
        device=first.device,
        numbers=_ranges([one.number for one in frames]),
        captured_at=start,
        after=tuple((one.at - start) // MICROSECOND for one in frames),
        size=len(first.data) // 2,
        data="".join(one.item.data for one in frames),
        service=first.service,
        characteristic=first.characteristic,
        session=first.session,
        model=first.model,
        repeats=first.repeats,
    )


def _ranges(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return rising numbers as closed ranges: in a run, number less place is the same."""
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    spans = [[number for _, number in run] for _, run in runs]
    return tuple((span[0], span[-1]) for span in spans)
