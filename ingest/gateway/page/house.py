"""All that the page knows of: the box, its door, its story, and what this site wants said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from balise.settings import Settings
from ingest.gateway.box import Box
from ingest.gateway.health import LOW_DISK
from ingest.gateway.kit import Kit
from ingest.gateway.page.door import Door
from ingest.gateway.page.ear import Ear
from ingest.gateway.page.story import Story


@dataclass(frozen=True, slots=True)
class House:
    """One box behind one page; `care` is who looks at the measurements and when, by language.

    `message` is the care team's word to the patient; `language` is the page's, empty where each
    visitor's browser says it.
    """

    box: Box
    door: Door
    story: Story
    care: Mapping[str, str] = field(default_factory=dict[str, str])
    phone: str = ""
    message: Callable[[], str] = lambda: ""
    language: str = ""
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
    message: Callable[[], str] | None = None,
) -> House:
    """Return the house of this home's settings; it is full where its disk or its spool is.

    `message` is the care team's word as it is now, the settings' where nobody else says it.
    """
    return House(
        box,
        Door(folder),
        Story(box),
        care={"fr": settings.gateway_care_fr, "en": settings.gateway_care_en},
        phone=settings.gateway_phone,
        message=message or (lambda: settings.gateway_message),
        language=settings.gateway_language,
        full=lambda: full() or shutil.disk_usage(folder).free < LOW_DISK,
    )
