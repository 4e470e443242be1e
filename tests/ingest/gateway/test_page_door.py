"""The door of the patient's page: who has the code of the sheet comes in, who guesses waits."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pypdfium2
import pytest
import zxingcpp

from balise.errors import Exit
from balise.settings import Settings
from ingest.gateway.box import Box
from ingest.gateway.page.app import create_app
from ingest.gateway.page.door import ATTEMPTS, SHUT_SECONDS, Door
from ingest.gateway.page.house import house_of


def code_of(folder: Path) -> str:
    return (folder / "page-code").read_text().strip()


def test_the_code_is_made_once_and_nobody_else_reads_it(tmp_path: Path):
    door, again = Door(tmp_path), Door(tmp_path)
    key = door.knock(code_of(tmp_path))
    assert again.knows(key)
    assert not again.knows("x")
    assert not again.knows(None)
    for name in ("page-code", "page-key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_who_guesses_waits_longer_each_time(tmp_path: Path):
    now = 0.0
    door = Door(tmp_path, lambda: now)
    code = code_of(tmp_path)
    for round_, seconds in enumerate((SHUT_SECONDS, 2 * SHUT_SECONDS)):
        for _ in range(ATTEMPTS):
            assert not door.shut
            assert door.knock("é") is None
        assert door.shut, round_
        assert door.knock(code) is None
        now += seconds
    assert door.knock(code)


def test_the_sheet_is_made_at_a_terminal_too(tmp_path: Path):
    environment = os.environ | {"BALISE_HOME": str(tmp_path), "BALISE_GATEWAY_NAME": "home-1"}
    command = [sys.executable, "-m", "balise", "gateway", "sheet", "--address", "http://box.local"]
    picture = tmp_path / "sheet.pdf"
    done = subprocess.run(
        [*command, "--file", str(picture)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.OK, done.stderr
    code = (tmp_path / "gateway/home-1/page-code").read_text().strip()
    assert f"{code[:3]} {code[3:]}" in done.stdout
    drawn = pypdfium2.PdfDocument(picture)[0].render(scale=2, grayscale=True)
    pixels = memoryview(bytes(drawn.buffer)).cast("B", (drawn.height, drawn.stride))
    [found] = zxingcpp.read_barcodes(pixels)
    assert found.text == f"http://box.local/?code={code}"
    refused = subprocess.run(
        [*command, "--file", "sheet.doc"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (refused.returncode, ".pdf" in refused.stderr) == (Exit.USAGE, True)


@pytest.mark.parametrize(
    ("box", "browser", "asked", "spoken"),
    [
        ("", "en-GB", "", "en"),
        ("fr", "en-GB", "", "fr"),
        ("en", "fr-FR", "", "en"),
        ("en", "fr-FR", "?language=fr", "fr"),
    ],
)
async def test_the_boxs_language_goes_before_the_browsers_and_after_the_visitors(
    tmp_path: Path, box: str, browser: str, asked: str, spoken: str
):
    settings = Settings(gateway_language=box)  # type: ignore[arg-type]
    home = Box("home-1", tmp_path / "devices.json", lambda _item: None)
    app = create_app(house_of(settings, tmp_path, home))
    transport = httpx.ASGITransport(app)
    headers = {"accept-language": browser}
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as visitor:
        shown = await visitor.get(f"/{asked}", headers=headers)
    assert f'<html lang="{spoken}"' in shown.text
