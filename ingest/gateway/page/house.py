"""All that the page knows of: the box, its door, its story, and what this site wants said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from balise.settings import Settings
from ingest.gateway.box import Box
from ingest.gateway.health import LOW_DISK
from ingest.gateway.home_zone import home_zone
from ingest.gateway.kit import Kit
from ingest.gateway.page.door import Door
from ingest.gateway.page.ear import Ear
from ingest.gateway.page.story import Story


@dataclass(frozen=True, slots=True)
class Word:
    """What the care team tells the patient: its text, and the day it last looked."""

    text: str = ""
    looked: date | None = None

    @classmethod
    def of(cls, settings: Settings) -> Word:
        """Return the word of the settings."""
        return cls(settings.gateway_message, settings.gateway_looked)

    def __bool__(self) -> bool:
        """Whether there is anything to say."""
        return self != Word()


@dataclass(frozen=True, slots=True)
class House:
    """One box behind one page; `care` is who looks at the measurements and when, by language.

    `word` is what the care team tells the patient; `language` is the page's, empty where each
    visitor's browser says it. `zone` is of the home, None the system's own.
    """

    box: Box
    door: Door
    story: Story
    care: Mapping[str, str] = field(default_factory=dict[str, str])
    phone: str = ""
    word: Callable[[], Word] = Word
    language: str = ""
    zone: ZoneInfo | None = None
    full: Callable[[], bool] = lambda: False
    ear: Ear = field(default_factory=Ear)

    def take(self, kit: Kit | None) -> None:
        """Hand the radio on, None where it is gone."""
        self.box.take(kit)
        self.ear.take(kit)


def house_of(
    settings: Settings,
    folder: Path,
    box: Box,
    full: Callable[[], bool] = lambda: False,
    word: Callable[[], Word] | None = None,
) -> House:
    """Return the house of this home's settings; it is full where its disk or its spool is.

    `word` is the care team's as it is now, the settings' where nobody else says it.
    """
    return House(
        box,
        Door(folder),
        Story(box),
        care={"fr": settings.gateway_care_fr, "en": settings.gateway_care_en},
        phone=settings.gateway_phone,
        word=word or (lambda: Word.of(settings)),
        language=settings.gateway_language,
        zone=home_zone(settings),
        full=lambda: full() or shutil.disk_usage(folder).free < LOW_DISK,
    )
