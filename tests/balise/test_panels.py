"""The commands of accounts and panels: what they change, what they refuse, what is written down."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psycopg
import pytest

from balise.errors import Exit
from sql import people

pytestmark = pytest.mark.stack

CLINICIAN = ("--role", "clinician")


def test_panels_are_made_changed_and_written_down(database: psycopg.Connection, database_url: str):
    subject = people.add_subject(database, "p-a", pathway="hypertension")

    def balise(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "BALISE_DATABASE_URL": database_url}
        command = [sys.executable, "-m", "balise", *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, check=False)

    def refused(says: str, *words: str) -> None:
        done = balise(*words)
        assert (done.returncode, says in done.stderr) == (Exit.USAGE, True), done.stderr

    assert balise("account", "marie", *CLINICIAN).returncode == Exit.OK  # of everyone, the first
    put = balise("panel", "put", "north", "--account", "marie", "--patient", "p-a")
    assert put.returncode == Exit.OK, put.stderr
    refused("no patient nobody", "panel", "put", "north", "--patient", "nobody")
    refused("no such account", "panel", "put", "north", "--account", "nobody")
    refused("lower-case", "panel", "put", "Bad Name")
    refused("one of north, site", "account", "paul", *CLINICIAN)
    refused("no panel south", "account", "paul", *CLINICIAN, "--panel", "south")
    refused("a helper's name", "account", "h-00000001", *CLINICIAN)
    refused("no panel south", "panel", "remove", "south")
    listed = [json.loads(one) for one in balise("panel", "list", "--json").stdout.splitlines()]
    assert [(one["name"], one["accounts"], one["patients"]) for one in listed] == [
        ("north", ["marie"], 1),
        ("site", ["marie"], 0),
    ]
    gone = balise("panel", "remove", "north", "--patient", "p-a", "--account", "marie")
    assert "nobody follows: p-a" in gone.stderr  # marie has no password yet
    assert balise("panel", "put", "all", "--everyone").returncode == Exit.OK
    rows = database.execute("SELECT action, what, patients FROM audit ORDER BY number").fetchall()
    assert rows == [
        ("access", "balise account marie: clinician", []),
        ("access", "balise panel put north: accounts marie", [subject]),
        ("access", "balise panel remove north: accounts marie", [subject]),
        ("access", "balise panel put all: everyone, accounts none", []),
    ]
