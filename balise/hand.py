"""Whose hand a command is: the account of the machine that ran it."""

from __future__ import annotations

import os
import pwd


def who() -> str:
    """Return whose hand a command is, for what is written down of it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "command line"
