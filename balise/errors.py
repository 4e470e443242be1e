"""The errors Balise raises on purpose; a class's docstring is its default message.

BaliseError
├── UsageError
├── NotUnderstood
│   ├── FrameError
│   └── PayloadError
├── PartlyRefused
├── ReplayRuns
├── StepFailed
├── FormUnsafe
│   ├── PlanUnsafe
│   └── ObservationUnsafe
├── FieldUnsafe
│   ├── IdentityUnsafe
│   └── ConsentUnsafe
├── ConsentWithdrawn
├── AuditBroken
├── BackupUnreadable
├── BackupUnwritable
├── AuthorityMissing
├── ProviderRefused
├── PasskeyRefused
├── EnrolmentRefused
│   ├── CodeUnknown
│   ├── CodeUsed
│   ├── CodeExpired
│   ├── CodesClosed
│   ├── BoxRevoked
│   ├── RequestUnreadable
│   ├── ClockWrong
│   └── AuthorityForeign
├── SettingsRefused
│   ├── SettingsUnreadable
│   ├── SettingsUncheckable
│   ├── SettingsForged
│   ├── SettingsOfAnother
│   ├── SettingsOlder
│   ├── SettingUnknown
│   └── SettingWrong
└── DependencyDown
    ├── StackUnavailable
    ├── DatabaseDown
    ├── BrokerDown
    ├── ServerDown
    ├── ProviderDown
    ├── BoxAway
    └── RadioDown
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    DEPENDENCY_DOWN = 4
    NOT_UNDERSTOOD = 65


class BaliseError(Exception):
    """Balise could not do what was asked."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class UsageError(BaliseError):
    """The command was given something it can't use; see --help."""


class Reason(StrEnum):
    """Why something was refused: the codes of the `refused` table, stable for ever."""

    FRAME_TRUNCATED = "frame_truncated"
    FRAME_OVERLONG = "frame_overlong"
    FRAME_NO_VALUE = "frame_no_value"
    FRAME_CHECKSUM = "frame_checksum"
    FRAME_LIVE = "frame_live"
    CONTROL_MEASUREMENT = "control_measurement"
    COMPANION_MISSING = "companion_missing"
    NOT_SUPPORTED = "not_supported"
    CHARACTERISTIC_UNKNOWN = "characteristic_unknown"
    PAYLOAD_UNREADABLE = "payload_unreadable"
    PAYLOAD_UNKNOWN = "payload_unknown"
    PAYLOAD_INVALID = "payload_invalid"
    NO_READING = "no_reading"
    SPOOL_GAP = "spool_gap"
    METRIC_UNKNOWN = "metric_unknown"
    UNIT_UNKNOWN = "unit_unknown"
    VALUE_IMPOSSIBLE = "value_impossible"
    DEVICE_UNKNOWN = "device_unknown"
    DEVICE_UNASSIGNED = "device_unassigned"
    PERSON_UNKNOWN = "person_unknown"
    TIME_UNKNOWN = "time_unknown"
    DECODER_ERROR = "decoder_error"


class NotUnderstood(BaliseError):
    """These bytes are not something Balise can read."""

    def __init__(self, message: str = "", *, reason: Reason = Reason.PAYLOAD_UNREADABLE) -> None:
        super().__init__(message)
        self.reason = reason


class FrameError(NotUnderstood):
    """A characteristic's bytes don't follow its layout."""

    def __init__(self, message: str = "", *, reason: Reason = Reason.FRAME_TRUNCATED) -> None:
        super().__init__(message, reason=reason)


class PayloadError(NotUnderstood):
    """A message or a file doesn't follow its convention."""


class PartlyRefused(BaliseError):
    """Some of it was refused; `balise refused list` says what and why."""


class ReplayRuns(BaliseError):
    """Another replay runs; wait for its end and ask again."""


class StepFailed(BaliseError):
    """A step failed; its kind and place are said, and no text of it, which may hold a value."""


class FormUnsafe(BaliseError):
    """A field says what can't be used; both ends are empty where it is no number that is asked.

    `whole`: of what is counted there are no halves.
    """

    def __init__(
        self, *, field: str, said: str, lowest: str, highest: str, whole: bool = False
    ) -> None:
        super().__init__()
        self.field = field
        self.said = said
        self.lowest = lowest
        self.highest = highest
        self.whole = whole


class PlanUnsafe(FormUnsafe):
    """A plan says what no rule can use; write a number between the two that stand beside it."""


class ObservationUnsafe(FormUnsafe):
    """An observation is none that a human being has; write what was seen, or leave it empty."""


class FieldUnsafe(BaliseError):
    """What a form says can't be kept as it was written; mend the field that is named."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field


class IdentityUnsafe(FieldUnsafe):
    """Who a patient is can't be kept as it was written; mend the field that is named."""


class ConsentUnsafe(FieldUnsafe):
    """What a patient agrees to can't be kept as it was written; mend the field that is named."""


class ConsentWithdrawn(BaliseError):
    """The patient did not agree to be monitored then: give the device from when they do."""


class AuditBroken(BaliseError):
    """The audit is not what was written; leave the database as it is and see who could write."""


class BackupUnreadable(BaliseError):
    """The backup is damaged, or this key is not its own; take another backup, or the right key."""


class BackupUnwritable(BaliseError):
    """The backup can't be written there; the one before it, if there was one, is as it was."""


class AuthorityMissing(BaliseError):
    """The server has no certificate authority yet; run `balise authority`, or `balise up`."""


class ProviderRefused(BaliseError):
    """The OpenID provider does not say who this is, or says it in a way that can't be trusted."""


class PasskeyRefused(BaliseError):
    """What a browser sends is no answer to what it was asked; start again on the page."""


class EnrolmentRefused(BaliseError):
    """The server did not enrol this box."""


class CodeUnknown(EnrolmentRefused):
    """The server does not know this code; look at the sheet, or ask for another invitation."""


class CodeUsed(EnrolmentRefused):
    """The code has let in another box already; ask for another invitation."""


class CodeExpired(EnrolmentRefused):
    """The code has expired; ask for another invitation (`balise gateway invite`)."""


class CodesClosed(EnrolmentRefused):
    """Too many wrong codes came in; use the QR code's address, or wait for an hour."""


class BoxRevoked(EnrolmentRefused):
    """The box was shut out; it needs an invitation to come back (`balise gateway invite`)."""


class RequestUnreadable(EnrolmentRefused):
    """The server could not read the box's request; bring both to the same version of Balise."""


class ClockWrong(EnrolmentRefused):
    """The clocks of box and server differ; set the box's (`timedatectl set-ntp true`)."""


class AuthorityForeign(EnrolmentRefused):
    """The answer is not of the server that made the invitation; do not go on, tell its sender."""


class SettingsRefused(BaliseError):
    """A box did not take the settings that its server sent."""


class SettingsUnreadable(SettingsRefused):
    """The message can't be read; bring box and server to the same version of Balise."""


class SettingsUncheckable(SettingsRefused):
    """The box knows no authority to check settings by; enrol it (`balise gateway enrol`)."""


class SettingsForged(SettingsRefused):
    """The site's authority did not sign these settings; find out who writes at the broker."""


class SettingsOfAnother(SettingsRefused):
    """These settings were made for another box; find out who writes at the broker."""


class SettingsOlder(SettingsRefused):
    """Newer settings are held already; set them again (`balise gateway set`)."""


class SettingUnknown(SettingsRefused):
    """No such setting may be changed from afar; see `balise gateway set --help`."""


class SettingWrong(SettingsRefused):
    """A setting's value can't be used; set it again (`balise gateway set`)."""


class DependencyDown(BaliseError):
    """Something Balise needs does not answer."""


class StackUnavailable(DependencyDown):
    """The local stack can't run on this system; use `docker compose up` instead."""


class DatabaseDown(DependencyDown):
    """The database does not answer; check BALISE_DATABASE_URL."""


class BrokerDown(DependencyDown):
    """The MQTT broker does not answer; check BALISE_MQTT_URL."""


class ServerDown(DependencyDown):
    """The server does not answer; see that the internet is there, and the address the sheet's."""


class ProviderDown(DependencyDown):
    """The OpenID provider does not answer as one does; see BALISE_OIDC_ISSUER."""


class BoxAway(DependencyDown):
    """The box is offline; it will take the settings when it is back."""


class RadioDown(DependencyDown):
    """No Bluetooth adapter answers; check BALISE_BLE."""


EXIT_CODES: tuple[tuple[type[BaliseError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (NotUnderstood, Exit.NOT_UNDERSTOOD),
    (PartlyRefused, Exit.PARTIAL),
    (DependencyDown, Exit.DEPENDENCY_DOWN),
    (BaliseError, Exit.FAILED),
)
"""The one table from an error's class to the exit code; the first match counts."""


def exit_code(error: BaseException) -> Exit:
    """Return the exit code a command ends with after this error."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), Exit.FAILED)
