"""The time zone of the home: of what its page says, and of the clocks of its devices."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from balise.errors import UsageError
from balise.settings import Settings


def home_zone(settings: Settings) -> ZoneInfo:
    """Return the zone that the settings name, whatever the box's own system goes by.

    Raises UsageError where there is none of that name.
    """
    try:
        return ZoneInfo(settings.gateway_time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"BALISE_GATEWAY_TIME_ZONE={settings.gateway_time_zone!r} is no time zone; one is"
            " Europe/Paris"
        ) from error
