"""Every word of the page, in French and English, and times as each language writes them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from balise.languages import LANGUAGES
from ingest.gateway.pairing import words as pairing
from ingest.gateway.pairing.stages import Cause, Stage
from ingest.gateway.pairing.words import Said

_ALONE = re.compile(r"(?<=«) | (?=[?!:;»])")


@dataclass(frozen=True, slots=True)
class Words:
    """One language; a missing word is an error of ours, not an empty place on a page."""

    language: str
    entries: dict[str, str]
    zone: ZoneInfo | None = None
    """Of the home; None is the system's own."""

    def __call__(self, key: str, **parts: object) -> str:
        """Return a sentence with its parts."""
        return self.tied(self.entries[key].format(**parts))

    def counted(self, key: str, count: int, **parts: object) -> str:
        """Return a sentence about one or many."""
        return self(f"{key}.{'one' if count == 1 else 'many'}", count=count, **parts)

    def said(self, what: Stage | Cause) -> Said:
        """Return what is said of a stage or a cause."""
        said = pairing.said(what, self.language)
        return Said(self.tied(said.title), self.tied(said.next))

    def tied(self, text: str) -> str:
        """Return a text whose French signs don't stand alone on a line."""
        return _ALONE.sub("\u00a0", text) if self.language == "fr" else text

    def clock(self, when: datetime) -> str:
        """Return a time of day at home."""
        local = when.astimezone(self.zone)
        return self("moment.clock", hour=local.hour, minute=local.minute)

    def moment(self, when: datetime, now: datetime) -> str:
        """Return a day and a time as one says them at home."""
        local, today = when.astimezone(self.zone), now.astimezone(self.zone).date()
        if local.date() == today:
            return self("moment.today", clock=self.clock(when))
        if local.date() == today - timedelta(days=1):
            return self("moment.yesterday", clock=self.clock(when))
        return self("moment.day", day=self.day(local.date()), clock=self.clock(when))

    def day(self, day: date) -> str:
        """Return a day as one says it: "3 March", « 1er mars »."""
        key = "day.first" if day.day == 1 else "day"
        return self(key, day=day.day, month=self(f"month.{day.month}"))

    def figures(self, figures: Sequence[str]) -> str:
        """Return received figures as one reads them out: "132/78 mmHg and 64 beats a minute"."""
        spoken = [self._spoken(one) for one in figures]
        if len(spoken) < 2:
            return "".join(spoken)
        return self("figures.and", before=", ".join(spoken[:-1]), last=spoken[-1])

    def _spoken(self, figure: str) -> str:
        number, _, unit = figure.partition(" ")
        unit = self.entries.get(f"unit.{unit}", unit)
        return f"{number.replace('.', self('figures.point'))}\u00a0{unit}".rstrip("\u00a0")


@cache
def words(language: str, zone: ZoneInfo | None = None) -> Words:
    """Return the words of a language, French where it is none of ours, and times of a zone."""
    chosen = language if language in LANGUAGES else LANGUAGES[0]
    file = resources.files("ingest.gateway.page") / "words" / f"{chosen}.toml"
    return Words(chosen, tomllib.loads(file.read_text(encoding="utf-8")), zone)
