"""What a server may change on a box from afar, and nothing else: a closed set, declared as data.

Never in it: where the box sends, whom it trusts, its keys, its name, its radio, its page's port.
A mistake in those shuts the box out, or sends its data elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from balise.errors import SettingUnknown, SettingWrong
from balise.settings import Settings

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting that may be changed from afar; `least` and `most` bound a number, as it is sent.

    They are narrower than the setting's own bounds: who is at the box sees at once what goes wrong.
    """

    name: str
    least: float = float("-inf")
    most: float = float("inf")


MESSAGE = "gateway_message"
"""What the team tells the patient: set from a patient's page, not by who keeps the line."""

LOOKED = "gateway_looked"
"""On which day the team last looked at what was measured: set by those pages too."""

SHOWN = (MESSAGE, LOOKED)
"""Shown as they come: no device is let go, and nothing starts anew for them."""

KNOBS = (
    Knob("gateway_language"),
    Knob("gateway_care_fr"),
    Knob("gateway_care_en"),
    Knob("gateway_phone"),
    Knob(MESSAGE),
    Knob(LOOKED),
    Knob("receipt_timeout", least=10, most=3600),
    Knob("spool_mb", least=64, most=16384),
    Knob("gateway_sets_clocks"),
    Knob("log_level"),
)
"""Each the name of a field of Settings."""

_BY_NAME = {knob.name: knob for knob in KNOBS}


def checked(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return values as Settings understands them, all of them or none.

    SettingUnknown and SettingWrong name the setting, and never repeat the value.
    """
    checked_names(values)
    found = _read(values)
    for name, value in found.items():
        knob = _BY_NAME[name]
        if isinstance(value, int | float) and not knob.least <= value <= knob.most:
            raise SettingWrong(f"{name} must be from {knob.least:g} to {knob.most:g}")
    return found


def checked_names(names: Iterable[str]) -> None:
    """Raise SettingUnknown where one of these may not be changed from afar."""
    if unknown := sorted(set(names) - _BY_NAME.keys()):
        raise SettingUnknown(
            f"{', '.join(unknown)}: not a setting to change from afar; there are"
            f" {', '.join(_BY_NAME)}"
        )


def _read(values: Mapping[str, Value]) -> dict[str, Any]:
    given: dict[str, Any] = dict(values)
    try:
        settings = Settings(**given)
    except ValidationError as error:
        [first, *_] = error.errors(include_input=False, include_url=False)
        name = ".".join(str(part) for part in first["loc"])
        raise SettingWrong(f"{name}: {first['msg']}") from None
    return {name: getattr(settings, name) for name in given}


def over(settings: Settings, values: Mapping[str, Any]) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings with these over its defaults, and the names the box itself has set.

    What the environment of the box says wins: who stands before it must be able to mend it.
    """
    own = tuple(sorted(values.keys() & settings.model_fields_set))
    taken = {name: value for name, value in values.items() if name not in own}
    return settings.model_copy(update=taken), own
