"""Where a pairing stands, and why one failed: each with one next step, in words/*.toml."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """What is going on; the order is that of a pairing that goes well."""

    SEARCHING = "searching"
    CONNECTING = "connecting"
    BONDING = "bonding"
    CODE = "code"
    """The device shows six digits and waits for them."""
    CONFIRM = "confirm"
    """The device shows six digits; are they these?"""
    CONSENT = "consent"
    """A shared scale wants to know the person, and the person's four digits."""
    PROVING = "proving"
    """It is connected: one real measurement is awaited."""
    RESTING = "resting"
    """It has measured: switched off, it must come back by itself."""
    DONE = "done"
    FAILED = "failed"


class Cause(StrEnum):
    """Why a device can't be paired, or is served no more, as far as it can be told from here."""

    NOT_HEARD = "not_heard"
    SEVERAL = "several"
    ASLEEP = "asleep"
    REFUSED = "refused"
    WRONG_CODE = "wrong_code"
    LATE_CODE = "late_code"
    NOT_CONFIRMED = "not_confirmed"
    CONSENT_REFUSED = "consent_refused"
    BOND_LOST = "bond_lost"
    NOT_THAT_DEVICE = "not_that_device"
    NOTHING_MEASURED = "nothing_measured"
    NOT_BACK = "not_back"
    RADIO_BUSY = "radio_busy"
    RADIO_DOWN = "radio_down"
    ADAPTER_GONE = "adapter_gone"
    """The adapter that holds the device's bond is not in the box."""
    STOPPED = "stopped"
