"""Whose hand a command is: the account of the machine that ran it."""

from __future__ import annotations

import getpass


def who() -> str:
    """Return whose hand a command is, for what is written down of it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "command line"
