"""A device model, declared: what it sends, how it pairs, what it does to its memory and clock.

A quirk is a field here, never an `if` in a decoder. Where a model lays out a characteristic in
its own way, `frames` holds that layout and is asked before the Bluetooth SIG's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from devices.frame import Frame


class Kind(StrEnum):
    """What a model measures, as a patient would call it."""

    BLOOD_PRESSURE = "blood_pressure_monitor"
    SCALE = "weight_scale"
    BODY_COMPOSITION = "body_composition_scale"
    GLUCOSE = "glucose_meter"
    CGM = "continuous_glucose_monitor"
    OXIMETER = "pulse_oximeter"
    HEART_RATE = "heart_rate_sensor"
    THERMOMETER = "thermometer"
    ACTIVITY = "activity_monitor"


class Pairing(StrEnum):
    """How a bond with the model comes about."""

    NONE = "none"
    """It is read without a bond."""
    ADVERTISEMENT = "advertisement"
    """It is never connected to: its advertisements carry the figures."""
    JUST_WORKS = "just_works"
    """It bonds without a code, in a window that a button opens."""
    PASSKEY_ON_DEVICE = "passkey_on_device"
    """It shows 6 digits, to be typed at the gateway."""
    CONFIRM = "confirm"
    """It and the gateway show the same 6 digits, to be confirmed on both."""
    PASSKEY_ON_LABEL = "passkey_on_label"
    """Its 6 digits are printed on it or in its manual."""


class Memory(StrEnum):
    """What the model does with measurements that nobody has read yet."""

    NONE = "none"
    """It forgets what nobody listened to."""
    REPLAYS = "replays"
    """It indicates its whole memory at each connection."""
    ERASES = "erases"
    """It indicates what it holds and erases what was confirmed."""
    RECORDS = "records"
    """It keeps records that are asked for by RACP; Balise never deletes them."""


class ClockHabit(StrEnum):
    """What the model's clock is worth."""

    NONE = "none"
    """It has none: the gateway's time counts."""
    SET_BY_GATEWAY = "set_by_gateway"
    """Current Time 2A2B can be written; local civil time."""
    DATE_TIME_BY_GATEWAY = "date_time_by_gateway"
    """Date Time 2A08 can be written, there is no Current Time; local civil time."""
    SET_BY_HAND = "set_by_hand"
    """Set with its own buttons, read-only over Bluetooth."""
    VENDOR = "vendor"
    """Set by a maker's own command, which Balise doesn't send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Instructions for the patient's page: one short sentence a step, in plain words."""

    fr: tuple[str, ...]
    en: tuple[str, ...]

    def said_in(self, language: str) -> tuple[str, ...]:
        """Return the steps in `fr` or `en`."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model on sale; `numbers` are its Model Number Strings 2A24, `names` how it advertises.

    `sends` lists "service/characteristic" in the order they matter. `slots` counts the persons it
    tells apart, from `first_slot` on; `consent` says that a 4-digit User Data consent code, not
    the 6-digit passkey, comes before any data. `clock_default` is the firmware's date before
    anyone set it. `settle_seconds` is the rest it needs between connection and subscription.
    `asks_from` is False where it answers only for all its records, not from a number on.
    `ketone_meal` is the meal code with which a meter marks a ketone, `erased_by_app` warns that
    the maker's own application takes or deletes what the gateway waits for. `frames` are layouts
    of its own. `sources` are the public threads, files or manuals behind each claim.
    """

    key: str
    maker: str
    name: str
    kind: Kind
    names: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    sends: tuple[str, ...]
    pairing: Pairing
    memory: Memory
    clock: ClockHabit
    clock_default: datetime | None = None
    slots: int = 1
    first_slot: int = 1
    consent: bool = False
    settle_seconds: int = 0
    asks_from: bool = True
    ketone_meal: int | None = None
    erased_by_app: bool = False
    connect_only_when_enrolled: bool = False
    frames: tuple[Frame, ...] = ()
    steps: Steps
    notes: str = ""
    sources: tuple[str, ...]
