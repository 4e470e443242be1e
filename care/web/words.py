"""Every word a page shows, in French and English, and numbers and dates as each writes them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers

from balise.languages import LANGUAGES
from balise.metrics import Metric

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FRENCH = re.compile(r"(?:0|\+33)(?P<digits>[1-9][0-9]{8})")
_PAIRS = re.compile(r"(?<=[0-9])(?=(?:[0-9]{2})+$)")
_FIRST = re.compile("^1 ")


class _Sentence(Formatter):
    """Python's own format strings, and in them the word that goes with a count."""

    def __init__(self, w: Words) -> None:
        self._w = w

    def format_field(self, value: object, format_spec: str) -> str:
        one, bar, many = format_spec.partition("|")
        if bar:
            return self._w.counted(value, one, many)
        return format(self._w.figure(value), format_spec)


@dataclass(frozen=True, slots=True)
class Words:
    """One language; a missing word is an error of ours, not an empty place on a page."""

    language: str
    entries: dict[str, str]

    def __call__(self, key: str, **figures: object) -> str:
        """Return a sentence, with its figures as the language writes them.

        `{n}` is a figure, `{n:day|days}` what there are so many of.
        """
        return _Sentence(self).vformat(self.entries[key], (), figures)

    def counted(self, figure: object, one: str, many: str) -> str:
        """Return the word for so many, by the language's own rule: 0 is one in French."""
        number = Decimal(str(figure))
        return one if Locale(self.language).plural_form(number) == "one" else many

    def figure(self, figure: object) -> object:
        """Return a figure as the language writes it: a metric's name, a number's own signs."""
        if isinstance(figure, str) and f"metric.{figure}" in self.entries:
            return self.entries[f"metric.{figure}"]
        if isinstance(figure, str) and _NUMBER.fullmatch(figure):
            return self.number(Decimal(figure))
        return figure

    def number(self, value: Decimal | float | str, decimals: int | None = None) -> str:
        """Return a number with the language's signs; all its decimals unless told."""
        exact = value if isinstance(value, Decimal) else Decimal(str(value))
        if decimals is None:
            exponent = exact.as_tuple().exponent
            decimals = max(0, -exponent) if isinstance(exponent, int) else 0
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return numbers.format_decimal(exact, format=pattern, locale=self.language)

    def change(self, limits: tuple[float, float, float], metric: Metric) -> str:
        """Return a trend's sentence: the change, and between which it lies, each with its sign."""
        change, low, high = (
            ("+" if value > 0 else "") + self.number(value, metric.decimals) for value in limits
        )
        unit = self.entries[f"unit.{metric.unit}"]
        return self.entries["trend.change"].format(change=change, unit=unit, low=low, high=high)

    def limits(self, limits: Mapping[str, Decimal], metric: Metric, *, named: bool = True) -> str:
        """Return what the plan's limits of a metric are, each by its name if there is room."""
        unit = self.entries[f"unit.{metric.unit}"]
        said = [
            f"{self(f'limit.{name}') + ' ' if named else ''}{self.number(value)} {unit}"
            for name, value in limits.items()
        ]
        return self("trend.limits", limits=self("semicolon").join(said))

    def left_out(self, figure: Mapping[str, Any]) -> str:
        """Return how many readings a figure leaves out and why, empty where it leaves out none.

        A figure that was stored before it said so has nothing of the kind.
        """
        counts: Mapping[str, int] = figure.get("left_out", {})
        if not counts:
            return ""
        reasons = self("semicolon").join(
            f"{count} {self(f'left_out.{one}')}" for one, count in counts.items()
        )
        return self("left_out.some", reasons=reasons)

    def phone(self, number: str) -> str:
        """Return a number as one reads it out: a French one in pairs, another as it is."""
        found = _FRENCH.fullmatch(number)
        if not found:
            return number
        start = "+33 " if number.startswith("+") else "0"
        return start + _PAIRS.sub(" ", found["digits"])

    def place(self, what: str) -> str:
        """Return what an audit's row was about; a command's own words where it was no page."""
        _, is_page, route = what.partition(" /")
        parts = route.removeprefix("patients/{code}").strip("/").split("/")
        name = parts[0] or ("page" if route else "list")
        return self.entries.get(f"place.{name}", what) if is_page else what

    def source(self, figure: Mapping[str, Any]) -> str:
        """Return what a figure goes by; a source that was named otherwise once, as it was named."""
        named: str = figure["source"]
        return self.entries.get(f"figure_source.{named}", named)

    def moment(self, when: datetime, time_zone: str) -> str:
        """Return a date and time in the patient's zone."""
        local = when.astimezone(ZoneInfo(time_zone))
        time = dates.format_time(local, "HH:mm", locale=self.language)
        return f"{self.day(local)} {time}"

    def day(self, day: date, pattern: str = "d MMM y") -> str:
        """Return a date."""
        said = dates.format_date(day, pattern, locale=self.language)
        return _FIRST.sub("1er ", said) if self.language == "fr" else said

    def ago(self, when: datetime, now: datetime) -> str:
        """Return how long ago something was, in words."""
        past = min(when - now, timedelta())
        return dates.format_timedelta(past, add_direction=True, locale=self.language)

    def lasting(self, time: timedelta) -> str:
        """Return how long something took, in words."""
        return dates.format_timedelta(time, locale=self.language)


@cache
def words(language: str) -> Words:
    """Return the words of a language, French where it is none of ours."""
    chosen = language if language in LANGUAGES else LANGUAGES[0]
    file = resources.files("care.web") / "words" / f"{chosen}.toml"
    return Words(chosen, tomllib.loads(file.read_text(encoding="utf-8")))
