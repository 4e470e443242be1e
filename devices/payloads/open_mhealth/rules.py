"""The language schemas are declared in: a rule reads a JSON value into what it says, or refuses.

`read` gives one `Said` for each leaf a rule knows; keys no rule names are let through unread, as
the schemas do. A refusal is a PayloadError that says where and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol, cast

from balise.errors import PayloadError
from devices.payloads.document import invalid, moment

Where = tuple[str, ...]
Scalar = str | bool | int | Decimal


@dataclass(frozen=True, slots=True)
class Said:
    """One leaf: where it stands, what it says, in which unit and of which metric."""

    where: Where
    value: Scalar
    unit: str = ""
    metric: str = ""


Leaves = tuple[Said, ...]


class Rule(Protocol):
    """What a value may be."""

    def read(self, value: object, where: Where) -> Leaves:
        """Return the value's leaves; raise PayloadError where it breaks the rule."""
        ...


def wrong(where: Where, what: str) -> PayloadError:
    """Return the refusal of what stands somewhere."""
    return invalid(f"{'.'.join(where) or 'the body'} must be {what}")


@dataclass(frozen=True, slots=True)
class Text:
    """Text: one of a closed list of words, or of a form, where these are given."""

    words: frozenset[str] = frozenset()
    form: re.Pattern[str] | None = None

    def read(self, value: object, where: Where) -> Leaves:
        """Return the text."""
        if not isinstance(value, str):
            raise wrong(where, "text")
        if self.words and value not in self.words:
            raise wrong(where, f"one of: {', '.join(sorted(self.words))}")
        if self.form is not None and not self.form.fullmatch(value):
            raise wrong(where, f"like {self.form.pattern}")
        return (Said(where, value),)


@dataclass(frozen=True, slots=True)
class Instant:
    """A date and time with its zone."""

    def read(self, value: object, where: Where) -> Leaves:
        """Return the text of the moment."""
        moment(value, ".".join(where) or "the body")
        return (Said(where, cast("str", value)),)


@dataclass(frozen=True, slots=True)
class Number:
    """A number, or a whole one."""

    whole: bool = False

    def read(self, value: object, where: Where) -> Leaves:
        """Return the number with its digits."""
        kinds = int if self.whole else (int, Decimal)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise wrong(where, "a whole number" if self.whole else "a number")
        return (Said(where, value),)


@dataclass(frozen=True, slots=True)
class Count:
    """A bare number that is a figure of a metric."""

    metric: str
    whole: bool = False

    def read(self, value: object, where: Where) -> Leaves:
        """Return the number as the metric's figure, in unit 1."""
        (said,) = Number(self.whole).read(value, where)
        return (replace(said, unit="1", metric=self.metric),)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, value: object, where: Where) -> Leaves:
        """Return which."""
        if not isinstance(value, bool):
            raise wrong(where, "true or false")
        return (Said(where, value),)


@dataclass(frozen=True, slots=True)
class Measure:
    """A value and its unit, of a closed list or any; a figure of a metric in some of them."""

    units: tuple[str, ...] = ()
    metric: str = ""
    figure_in: tuple[str, ...] = ()
    whole: bool = False

    def of(self, metric: str, *units: str, figure_in: tuple[str, ...] = ()) -> Measure:
        """Return this measure as a metric's, in fewer units where these are named."""
        return replace(self, metric=metric, units=units or self.units, figure_in=figure_in)

    def read(self, value: object, where: Where) -> Leaves:
        """Return the value in its unit."""
        members = members_of(value, where)
        (amount,) = Number(self.whole).read(members.get("value"), (*where, "value"))
        (unit,) = Text(frozenset(self.units)).read(members.get("unit"), (*where, "unit"))
        counts = not self.figure_in or unit.value in self.figure_in
        return (Said(where, amount.value, str(unit.value), self.metric if counts else ""),)


@dataclass(frozen=True, slots=True)
class Range:
    """From a low to a high value in one unit."""

    units: tuple[str, ...] = ()

    def read(self, value: object, where: Where) -> Leaves:
        """Return both ends."""
        members = members_of(value, where)
        (unit,) = Text(frozenset(self.units)).read(members.get("unit"), (*where, "unit"))
        ends = (
            Number().read(members.get(end), (*where, end))[0] for end in ("low_value", "high_value")
        )
        return tuple(replace(end, unit=str(unit.value)) for end in ends)


def members_of(value: object, where: Where) -> Mapping[str, object]:
    """Return the members of an object; anything else is refused."""
    if not isinstance(value, dict):
        raise wrong(where, "an object")
    return cast("dict[str, object]", value)
