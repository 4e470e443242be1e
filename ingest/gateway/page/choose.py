"""Which device is it: by its picture, by what is written under it, or by what the box hears."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from devices import models
from devices.models import MODELS
from devices.models.model import Kind, Model
from ingest.gateway.page.render import house_at, page, refreshed, to, words_for
from ingest.gateway.page.words import Words

KINDS = tuple(kind for kind in Kind if any(model.kind is kind for model in MODELS))


async def kinds(request: Request) -> Response:
    """Ask what it looks like."""
    return page(request, "kinds.html", words_for(request)("kinds.title"), kinds=KINDS)


async def of_kind(request: Request) -> Response:
    """Ask what is written under it."""
    kind = request.path_params["kind"]
    found = [model for model in MODELS if model.kind == kind]
    if not found:
        return to("/add")
    return page(request, "models.html", words_for(request)("models.title"), kind=kind, models=found)


async def one(request: Request) -> Response:
    """Say what will be done with a model."""
    model = models.known(request.path_params["key"])
    if model is None:
        return to("/add")
    w = words_for(request)
    title = w("model.title", maker=model.maker, name=model.name)
    return page(request, "model.html", title, model=model, steps=steps(model, w))


async def unknown(request: Request) -> Response:
    """Ask to switch the device on, since nobody knows which it is."""
    return page(request, "unknown.html", words_for(request)("unknown.title"))


async def listen(request: Request) -> Response:
    """Start to listen."""
    return to("/add/heard" if house_at(request).ear.listen() else "/add/unknown?wrong=radio")


async def heard(request: Request) -> Response:
    """Show what is heard, once it was listened for."""
    ear, w = house_at(request).ear, words_for(request)
    if "wait" in request.query_params:
        await ear.done()
    if ear.listening:
        shown = page(request, "listening.html", w("listening.title"), seconds=ear.seconds)
        return refreshed(shown, 1, "/add/heard?wait=1")
    title = w("heard.title" if ear.heard else "heard.nothing")
    return page(request, "heard.html", title, heard=ear.heard)


def steps(model: Model, w: Words) -> list[str]:
    """Return a model's steps in a language."""
    return [w.tied(step) for step in model.steps.said_in(w.language)]
