"""Servers that end are started again, as `balise up` does it, once they can be."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from balise.stack import Part, Stack

pytestmark = pytest.mark.stack


def killed(stack: Stack, part: Part) -> None:
    os.kill(stack.pid(part), signal.SIGKILL)
    while stack.pid(part):
        time.sleep(0.01)


def test_what_was_killed_runs_again_and_what_runs_is_left_alone(home: Path):
    with Stack(home, prefect=False) as stack:
        assert stack.keep_running() == []
        broker = stack.pid("broker")
        killed(stack, "postgres")
        assert stack.keep_running() == ["postgres"]
        with psycopg.connect(stack.endpoints.database_url) as database:
            assert database.execute("SELECT 1").fetchone() == (1,)
        assert stack.pid("broker") == broker


def test_what_cannot_start_yet_is_left_to_the_next_call(
    new_home: Callable[[], Path], caplog: pytest.LogCaptureFixture
):
    with Stack(new_home(), prefect=False) as stack:
        killed(stack, "postgres")
        data = stack._home.root / "postgres/data"
        aside = data.rename(data.with_name("aside"))
        assert stack.keep_running() == []
        assert "postgres can't start again yet" in caplog.text
        aside.rename(data)
        assert stack.keep_running() == ["postgres"]
