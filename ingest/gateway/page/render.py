"""Templates, and what every one of them needs."""

from __future__ import annotations

from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from balise.languages import LANGUAGES, other, preferred
from balise.pages import templates
from devices.models.model import Kind
from ingest.gateway.page.house import House
from ingest.gateway.page.words import Words, words


def house_at(request: Request) -> House:
    """Return the house that a request is about."""
    return cast("House", request.app.state.house)


def words_for(request: Request) -> Words:
    """Return the visitor's words: asked for, remembered, the box's, the browser's, or French."""
    house = house_at(request)
    asked = request.query_params.get("language") or request.cookies.get("language", "")
    if asked in LANGUAGES:
        return words(asked, house.zone)
    browsers = preferred(request.headers.get("accept-language", ""))
    return words(house.language or browsers, house.zone)


def page(
    request: Request, template: str, title: str, *, status: int = 200, **content: Any
) -> HTMLResponse:
    """Return a page with its one heading."""
    w = words_for(request)
    html = templates("ingest.gateway.page").get_template(template)
    text = html.render(
        w=w,
        picture=picture,
        title=title,
        other=other(w.language),
        house=house_at(request),
        wrong=request.query_params.get("wrong"),
        **content,
    )
    return HTMLResponse(text, status_code=status)


def refreshed(response: HTMLResponse, seconds: int, path: str) -> HTMLResponse:
    """Have the browser ask again.

    The next answer is held back until there is news, and a browser keeps the page that it shows
    until then: nobody is read the same page twice, nor loses it while reading.
    """
    response.headers["Refresh"] = f"{seconds}; url={path}"
    return response


def to(path: str) -> RedirectResponse:
    """Send the browser on after a form."""
    return RedirectResponse(path, status_code=303)


def picture(kind: Kind | str) -> str:
    """Return the address of a kind's pictogram."""
    return f"/static/kinds/{kind}.svg"
