"""The patient's page as a Starlette application."""

from __future__ import annotations

from importlib import resources

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ingest.gateway.page import choose, home, pairing, sheet
from ingest.gateway.page.guard import guard
from ingest.gateway.page.house import House
from ingest.gateway.page.render import page, words_for

_STATIC = str(resources.files("ingest.gateway.page") / "static")
_ROUTES = (
    Route("/", home.home),
    Route("/sheet", sheet.sheet),
    Route("/code", pairing.code, methods=["POST"]),
    Route("/add", choose.kinds),
    Route("/add/kind/{kind}", choose.of_kind),
    Route("/add/model/{key}", choose.one),
    Route("/add/unknown", choose.unknown),
    Route("/add/heard", choose.heard),
    Route("/add/listen", choose.listen, methods=["POST"]),
    Route("/pairing", pairing.show),
    Route("/pairing", pairing.start, methods=["POST"]),
    Route("/pairing/answer", pairing.answer, methods=["POST"]),
    Route("/pairing/stop", pairing.stop, methods=["POST"]),
    Mount("/static", StaticFiles(directory=_STATIC)),
)


def create_app(house: House) -> Starlette:
    """Return the application of one house."""
    app = Starlette(
        routes=_ROUTES,
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)],
        exception_handlers={404: _not_found, 405: _not_found, 500: _broken},
    )
    app.state.house = house
    return app


async def _not_found(request: Request, _error: Exception) -> Response:
    return _lost(request, "not_found", 404)


async def _broken(request: Request, _error: Exception) -> Response:
    return _lost(request, "broken", 500)


def _lost(request: Request, what: str, status: int) -> Response:
    w = words_for(request)
    return page(request, "lost.html", w(f"{what}.title"), status=status, next=w(f"{what}.next"))
