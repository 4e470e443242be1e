"""The commands of the box at home, and those by which its server lets it in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from balise.options import Json

gateway_app = App(name="gateway", help="The box at home.")


@gateway_app.command(name="run")
def gateway_run() -> None:
    """Serve this home's devices: Bluetooth to spool to broker."""
    from balise import gateway

    gateway.run()


@gateway_app.command(name="invite")
def gateway_invite(
    name: str, *, pdf: Path | None = None, days: float = 7, json: Json = False
) -> None:
    """Invite a box, on the server: a one-time code and the sheet that goes with it.

    Parameters
    ----------
    name
        What the box will be called; an earlier invitation of it ends.
    pdf
        Write the sheet, with the QR code, here.
    days
        How long the code is good.
    json
        One JSON object.

    """
    from balise import enrolment

    enrolment.invite(name, pdf, days, as_json=json)


@gateway_app.command(name="enrol")
def gateway_enrol(uri: str = "", *, server: str = "", code: str = "") -> None:
    """Enrol this box at its server; its key never leaves it.

    Parameters
    ----------
    uri
        What the sheet's QR code says: balise://enrol?…
    server
        Instead of it, the server's address.
    code
        And the sheet's eight digits.

    """
    from balise import gateway

    gateway.enrol(uri, server=server, code=code)


@gateway_app.command(name="revoke")
def gateway_revoke(name: str, *, json: Json = False) -> None:
    """Shut a lost box out, on the server, at once; a new invitation lets it in again."""
    from balise import enrolment

    enrolment.revoke(name, as_json=json)


@gateway_app.command(name="list")
def gateway_list(*, json: Json = False) -> None:
    """List every gateway, on the server: who needs care first, and what to do."""
    from balise import boxes

    boxes.list_boxes(as_json=json)


@gateway_app.command(name="set")
def gateway_set(
    name: str,
    *pairs: str,
    unset: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    seconds: float = 30,
    json: Json = False,
) -> None:
    """Set settings on a box from afar, on the server, and wait until it says what it made of them.

    Parameters
    ----------
    name
        The box's name.
    pairs
        KEY=VALUE: gateway_language, gateway_care_fr, gateway_care_en, gateway_phone,
        gateway_message, gateway_looked, receipt_timeout, spool_mb, gateway_sets_clocks, log_level.
        Those set before stay.
    unset
        Take a key back to the box's own value; may be repeated.
    seconds
        How long to wait for the box. One that is offline takes them when it is back.
    json
        One JSON object.

    """
    from balise import boxes

    boxes.set_values(name, pairs, unset, seconds, as_json=json)


@gateway_app.command(name="pair")
def gateway_pair(
    model: str,
    *,
    language: Literal["fr", "en"] = "fr",
    many: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Pair a device with this box, step by step; it counts once it has measured and come back.

    Parameters
    ----------
    model
        The key, Model Number or advertised name; see `balise devices list`.
    language
        Of the instructions.
    many
        In the workshop: ask for another device of the model after each one.

    """
    from balise import gateway

    gateway.pair(model, language=language, many=many)


@gateway_app.command(name="sheet")
def gateway_sheet(*, address: str = "", file: Path | None = None) -> None:
    """Show the square that opens the patient's page, to be left beside the box.

    Parameters
    ----------
    address
        Where the page will be at home; by default this machine's name, as http://NAME.local:PORT.
    file
        Write it here too: FILE.svg, FILE.png or FILE.pdf.

    """
    from balise import gateway

    gateway.sheet(address, file)


@gateway_app.command(name="devices")
def gateway_devices(*, json: Json = False) -> None:
    """List the devices of this home: model, last heard, last told, battery, bond."""
    from balise import gateway

    gateway.list_devices(as_json=json)


@gateway_app.command(name="doctor")
def gateway_doctor(*, json: Json = False) -> None:
    """Check each part of this box, and say the one thing to do where it is not well."""
    from balise import gateway

    gateway.doctor(as_json=json)


@gateway_app.command(name="status")
def gateway_status(*, json: Json = False) -> None:
    """Say how this box is: what waits, devices, adapter, clock, certificate, disk, settings."""
    from balise import gateway

    gateway.status(as_json=json)
