"""The commands of devices: models, whose a device is, and which of several counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from cyclopts import App, Parameter

from balise.options import Json

devices_app = App(
    name="devices", help="Device models, whose a device is, and which of several counts."
)


@devices_app.command(name="list")
def devices_list(*, json: Json = False) -> None:
    """List the device models Balise knows."""
    from balise.catalogue import list_models

    list_models(as_json=json)


@devices_app.command(name="show")
def devices_show(model: str, *, json: Json = False) -> None:
    """Say all that is known of a model: what it sends, how it pairs, what it erases.

    Parameters
    ----------
    model
        Its key, its Model Number, or the name it advertises.
    json
        One JSON object.

    """
    from balise.catalogue import show_model

    show_model(model, as_json=json)


@devices_app.command(name="give")
def devices_give(
    address: str,
    patient: str,
    *,
    slot: int | None = None,
    since: Annotated[date | None, Parameter("--from")] = None,
    model: str | None = None,
    replay: Annotated[bool, Parameter(negative="")] = False,
    why: str = "",
) -> None:
    """Say whose a device's readings are, or those of one user slot of a shared device.

    Who had it until then keeps what was measured until then. What is stored already is moved with
    --replay; without it, how much that would be is said.

    Parameters
    ----------
    address
        The device's Bluetooth address.
    patient
        The patient's code.
    slot
        The user number that the device says; a device without users needs none.
    since
        The first day, in the patient's time zone; without it, from now on.
    model
        What it is: a model of `balise devices list`, or a kind such as activity_monitor. A pathway
        may put one before another where a patient has several for one metric.
    replay
        Move what is stored under another patient, and read again what was refused.
    why
        Kept with every reading that moves.

    """
    from balise import replays, run, site

    settings = run.read_settings("database_url")
    device, at = site.give(settings, address, patient, slot=slot, since=since, model=model)
    replays.after_giving(settings, device, at, now=replay, why=why)


@devices_app.command(name="prefer")
def devices_prefer(address: str, patient: str, *, metric: str | None = None, why: str = "") -> None:
    """Let a device count where a patient has several for one metric.

    What the others say is kept, and shown as kept. The days that it shares with others are computed
    again, and no other.

    Parameters
    ----------
    address
        The device's address.
    patient
        The patient's code.
    metric
        For this metric only, such as step_count; it goes before what is preferred for every one.
    why
        Kept with it.

    """
    from balise import preferences, run

    preferences.prefer(run.read_settings("database_url"), address, patient, metric=metric, why=why)


@devices_app.command(name="unprefer")
def devices_unprefer(patient: str, *, metric: str | None = None, why: str = "") -> None:
    """Take a preference back: the pathway decides again, or the hours with readings.

    Parameters
    ----------
    patient
        The patient's code.
    metric
        The metric it was for; without it, the one for every metric.
    why
        Kept with it.

    """
    from balise import preferences, run

    preferences.prefer(run.read_settings("database_url"), None, patient, metric=metric, why=why)


@devices_app.command(name="sources")
def devices_sources(patient: str, *, days: int = 30, json: Json = False) -> None:
    """Say which devices counted for a patient's metrics, which were kept, and who preferred what.

    Parameters
    ----------
    patient
        The patient's code.
    days
        Of the last so many days.
    json
        One JSON object.

    """
    from balise import preferences, run

    preferences.show(run.read_settings("database_url"), patient, days=days, as_json=json)
