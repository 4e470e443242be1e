from __future__ import annotations

import io

import pytest
from rich.console import Console

from balise.stack import Silent, Terminal


def test_the_terminal_shows_steps_and_bytes():
    out = io.StringIO()
    terminal = Terminal(Console(file=out, width=100))
    with terminal.step("Starting PostgreSQL"):
        pass
    with terminal.bytes("Packages", 2_000_000) as done:
        done(1_000_000)
    assert "Starting PostgreSQL" in out.getvalue()
    assert "100%" in out.getvalue()
    assert "2.0/2.0 MB" in out.getvalue()


def test_silence_prints_nothing(capsys: pytest.CaptureFixture[str]):
    with Silent().step("Starting"), Silent().bytes("Packages", 1) as done:
        done(1)
    assert capsys.readouterr() == ("", "")
