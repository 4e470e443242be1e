"""The command line itself, whatever the command."""

from __future__ import annotations

import subprocess
import sys


def test_a_reader_that_has_had_enough_is_no_failure():
    """As in `balise devices list --json | head -1`."""
    command = f"{sys.executable} -m balise devices list --json | head -c 10"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert len(done.stdout) == 10
