"""The sheet that goes with a box."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pypdfium2
import pytest
import zxingcpp

from balise import enrolment as command
from balise import sheet
from balise.errors import UsageError
from ingest.gateway.enrol import Invitation, enrol, read_uri

if TYPE_CHECKING:
    from conftest import Site

pytestmark = pytest.mark.stack


def test_the_sheet_has_the_qr_code_the_digits_and_no_name(site: Site, tmp_path: Path):
    name = site.name()
    with psycopg.connect(site.settings.database_url, autocommit=True) as database:
        row = database.execute("INSERT INTO subject (code) VALUES (%s) RETURNING id", (name,))
        subject = row.fetchone()
        database.execute(
            "INSERT INTO identity (subject, family, given) VALUES (%s, 'Moreau', 'Jeanne')", subject
        )
    path = tmp_path / "sheet.pdf"
    invited = site.invite(name, "--pdf", str(path))
    document = pypdfium2.PdfDocument(path)
    assert len(document) == 1
    text = document[0].get_textpage().get_text_range()
    assert "\u00a0".join(invited["code"].split()) in text.replace(" ", "\u00a0")
    for word in (name, "01 23 45 67 89", "appelez le 15", "emergency"):
        assert word in text
    for word in ("Jeanne", "Moreau"):
        assert word not in text
    picture = document[0].render(scale=2, grayscale=True)
    assert picture.width < picture.height
    pixels = memoryview(bytes(picture.buffer)).cast("B", (picture.height, picture.stride))
    [found] = zxingcpp.read_barcodes(pixels)
    assert found.text == invited["address"]


def test_a_phone_that_nobody_set_is_a_line_to_write_on():
    blank = sheet.make(
        sheet.Sheet("box", "1234 5678", "balise://x", "https://x", datetime.now(UTC), "")
    )
    assert "____" in pypdfium2.PdfDocument(blank)[0].get_textpage().get_text_range()


def test_the_address_comes_back_as_it_was_made():
    uri = command.address("https://care.example.org:8443", "box-1", "a-token_x", bytes(range(32)))
    assert read_uri(uri) == Invitation(
        "https://care.example.org:8443", "", "box-1", "a-token_x", bytes(range(32))
    )


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "balise://[",
        "https://care.example.org?s=a&g=b&t=c&a=AAAA",
        "balise://enrol?s=https%3A%2F%2Fa&g=b&t=c",
        "balise://enrol?s=https%3A%2F%2Fa&g=b&t=c&a=é",
        "balise://enrol?s=ftp%3A%2F%2Fa&g=b&t=c&a=AAA",
        "balise://enrol?s=https%3A%2F%2F[&g=b&t=c&a=AAA",
        "balise://enrol?s=https%3A%2F%2Fa%3Abc&g=b&t=c&a=AAA",
        "balise://enrol?s=https%3A%2F%2Fa%3A99999&g=b&t=c&a=AAA",
    ],
)
def test_an_address_that_is_none_is_said_so(uri: str, tmp_path: Path):
    with pytest.raises(UsageError, match="address"):
        enrol(tmp_path, read_uri(uri))
