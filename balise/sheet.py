"""The sheet that goes with a box: its QR code, its eight digits, four steps, in two languages."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

import segno
import typst
from babel.dates import format_date


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a sheet; nothing of the patient does."""

    gateway: str
    code: str
    address: str
    server: str
    until: datetime
    phone: str


def make(sheet: Sheet) -> bytes:
    """Return the sheet as a PDF of one page."""
    drawing = io.BytesIO()
    segno.make_qr(sheet.address, error="m").save(drawing, kind="svg", border=4, xmldecl=False)
    words = {
        "gateway": sheet.gateway,
        "code": sheet.code,
        "server": sheet.server,
        **{f"until_{one}": format_date(sheet.until, "long", locale=one) for one in ("fr", "en")},
        "phone": sheet.phone,
        "qr": drawing.getvalue().decode(),
    }
    template = (resources.files("balise") / "sheet.typ").read_bytes()
    return typst.compile(template, sys_inputs=words, pdf_standards="ua-1")
