"""Whom the database and the broker run as."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from balise.stack.refusal import unavailable


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its group."""

    uid: int
    gid: int


def service_account(root: Path) -> Account | None:
    """Return whom root's servers run as, `balise` or else `nobody`; None is the caller."""
    if os.geteuid() != 0:
        return None
    data = root / "postgres"
    if data.exists() and (owner := data.stat()).st_uid:
        return Account(owner.st_uid, owner.st_gid)  # whoever it was when the data was made
    known = {user.pw_name: Account(user.pw_uid, user.pw_gid) for user in pwd.getpwall()}
    account = known.get("balise") or known.get("nobody")
    if account is None:
        raise unavailable("root has neither a user `balise` nor `nobody` to run PostgreSQL as")
    return account


def run_as(who: Account | None, command: Sequence[str], env: Mapping[str, str]) -> None:
    """Run something short as this user, or as the caller."""
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        cwd="/",
        env=env,
        user=who.uid if who else None,
        group=who.gid if who else None,
        extra_groups=[] if who else None,
    )
