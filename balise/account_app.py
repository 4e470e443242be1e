"""The commands of accounts and panels: who may sign in, and whom they follow."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from balise.options import Json

account_app = App(name="account", help="Who may sign in to the pages.")
panel_app = App(name="panel", help="Whom a nurse or a ward follows.")
Names = Annotated[tuple[str, ...], Parameter(negative="")]


@account_app.default
def account(
    name: str,
    *,
    role: Literal["clinician", "coordinator", "ops", "admin"] | None = None,
    panel: Names = (),
    sign_out: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make an account, or a new link for one: by it its owner chooses a password, once.

    Parameters
    ----------
    name
        What its owner signs in with.
    role
        Clinicians and coordinators see the patients of their panels; ops and admin see none. It
        stays unless given.
    panel
        A panel the account follows from now on; may be repeated. `site` is everyone, and what a
        carer's account gets as long as there is no other panel.
    sign_out
        End the account's sessions, and nothing else.

    """
    from balise import admission

    admission.account(name, role=role, panels=panel, sign_out=sign_out)


@panel_app.command(name="list")
def panel_list(*, json: Json = False) -> None:
    """Say which panels there are, who follows them, and whom nobody follows.

    Parameters
    ----------
    json
        One JSON object a panel.

    """
    from balise import admission

    admission.panels(as_json=json)


@panel_app.command(name="put")
def panel_put(
    name: str,
    *,
    account: Names = (),
    patient: Names = (),
    everyone: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a panel, or add to one.

    Parameters
    ----------
    name
        Its name: lower-case letters, digits, hyphens.
    account
        Who follows its patients from now on; may be repeated.
    patient
        A patient's code; may be repeated.
    everyone
        Its patients are all there are.

    """
    from balise import admission

    admission.put_panel(name, accounts=account, patients=patient, everyone=everyone)


@panel_app.command(name="remove")
def panel_remove(name: str, *, account: Names = (), patient: Names = ()) -> None:
    """Take accounts or patients out of a panel.

    Parameters
    ----------
    name
        The panel.
    account
        Who follows its patients no more; may be repeated.
    patient
        A patient's code; may be repeated.

    """
    from balise import admission

    admission.remove_from_panel(name, accounts=account, patients=patient)
