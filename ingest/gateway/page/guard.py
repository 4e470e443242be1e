"""What every request passes: its origin, the door, the language, and an answer's headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from balise.languages import LANGUAGES
from balise.pages import HEADERS
from balise.whole import whole
from ingest.gateway.page.render import house_at, page, refreshed, to, words_for

COOKIE = "balise_box"
_FORM_BYTES = 4096
_KEPT_SECONDS = 400 * 24 * 3600


async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Answer, or let the page answer."""
    if request.method == "POST" and not _is_a_form_of_ours(request):
        text = words_for(request)("refused_form")
        response: Response = PlainTextResponse(text, status_code=403)
    else:
        response = _at_the_door(request) or await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "public, max-age=3600"
    _keep_language(request, response)
    return response


def _is_a_form_of_ours(request: Request) -> bool:
    """Whether a post is small and from no other site; what sends no Origin has no cookie either."""
    own = str(request.base_url).rstrip("/")
    small = whole(request.headers.get("content-length", ""), _FORM_BYTES + 1) is not None
    return small and request.headers.get("origin") in {None, own}


def _at_the_door(request: Request) -> Response | None:
    """Return the page that asks for the code, None where the visitor may come in."""
    house = house_at(request)
    if request.url.path.startswith("/static/") or request.url.path == "/code":
        return None
    if house.door.knows(request.cookies.get(COOKIE)):
        return None
    if "code" in request.query_params:
        return enter(request, request.query_params["code"])
    title = words_for(request)("gate.title")
    shown = page(request, "gate.html", title, shut=house.door.shut)
    return shown if request.method == "GET" else to("/")


def enter(request: Request, code: str) -> Response:
    """Give the key to who has the code.

    It comes with a page, not a redirect: a browser sends a Strict cookie only where the step
    before was ours, and a link in a message is not.
    """
    house = house_at(request)
    key = house.door.knock(code)
    if key is None:
        return to("/?wrong=1")
    onward = "/pairing" if house.box.desk.open else "/"
    title = words_for(request)("gate.open")
    response = refreshed(page(request, "entered.html", title, onward=onward), 0, onward)
    response.set_cookie(COOKIE, key, max_age=_KEPT_SECONDS, httponly=True, samesite="strict")
    return response


def _keep_language(request: Request, response: Response) -> None:
    asked = request.query_params.get("language")
    if asked in LANGUAGES:
        response.set_cookie("language", asked, max_age=_KEPT_SECONDS, httponly=True, samesite="lax")
