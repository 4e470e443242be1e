"""The box's sheet: the square to scan, and the six digits below it."""

from __future__ import annotations

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from ingest.gateway.page.render import house_at, page, words_for


def address(page_at: str, code: str) -> str:
    """Return what the square says: where the page is, and the code that opens it."""
    return f"{page_at.rstrip('/')}/?code={code}"


def square(text: str) -> segno.QRCode:
    """Return a text as a QR code that survives a fold and a coffee stain."""
    return segno.make_qr(text, error="q")


async def sheet(request: Request) -> Response:
    """Show the sheet, to be printed and left beside the box."""
    house, w = house_at(request), words_for(request)
    page_at = str(request.base_url).rstrip("/")
    drawing = square(address(page_at, house.door.code)).svg_inline(
        omitsize=True, svgclass="square", lineclass=None, border=4
    )
    return page(
        request,
        "sheet.html",
        w("sheet.title"),
        drawing=Markup(drawing),  # noqa: S704 - drawn by segno from digits of ours
        page_at=page_at,
        code=house.door.code,
    )
