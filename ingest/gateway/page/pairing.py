"""The screens of a pairing: one for each stage, the same for every visitor."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from balise.errors import UsageError
from balise.whole import whole
from devices import models
from ingest.gateway.page.choose import steps
from ingest.gateway.page.guard import enter
from ingest.gateway.page.render import house_at, page, refreshed, to, words_for
from ingest.gateway.pairing.desk import CODE_SECONDS, CONSENT_SECONDS, Progress
from ingest.gateway.pairing.pair import Patience
from ingest.gateway.pairing.stages import Cause, Stage

HELD_SECONDS = 20.0
_MOST = 1 << 31
PLACES = {
    Stage.SEARCHING: 1,
    Stage.CONNECTING: 2,
    Stage.BONDING: 2,
    Stage.CODE: 2,
    Stage.CONFIRM: 2,
    Stage.CONSENT: 2,
    Stage.PROVING: 3,
    Stage.RESTING: 4,
}
"""Which of the four parts of a pairing a stage belongs to."""
LASTS = {
    Stage.SEARCHING: Patience().search,
    Stage.CODE: CODE_SECONDS,
    Stage.CONFIRM: CODE_SECONDS,
    Stage.CONSENT: CONSENT_SECONDS,
}
"""Seconds after which a stage ends by itself, where a person should see them pass."""

_TYPED = (Stage.CODE, Stage.CONSENT)
_ASKED = (*_TYPED, Stage.CONFIRM)


async def show(request: Request) -> Response:
    """Show where the pairing stands, once it is elsewhere than the browser has seen."""
    story = house_at(request).story
    seen = whole(request.query_params.get("seen", ""), _MOST)
    if seen is not None:
        await story.moved(seen, HELD_SECONDS)
    progress = story.look()
    if progress is None:
        return to("/add")
    return _again(request, progress, _stage(request, progress))


def _stage(request: Request, progress: Progress) -> HTMLResponse:
    story, w = house_at(request).story, words_for(request)
    model = models.known(progress.model)
    lasts = LASTS.get(progress.stage, 0.0)
    return page(
        request,
        f"stages/{progress.stage}.html",
        w.said(_subject(progress)).title,
        progress=progress,
        model=model,
        steps=steps(model, w) if model else (),
        place=PLACES.get(progress.stage),
        users=range(model.first_slot, model.first_slot + model.slots) if model else (),
        lasts=lasts,
        elapsed=min(story.elapsed(), lasts),
        received_at=story.received_at,
    )


def _subject(progress: Progress) -> Stage | Cause:
    """Return what the page is about: who stopped it should not read that it did not work."""
    return Cause.STOPPED if progress.cause is Cause.STOPPED else progress.stage


def _again(request: Request, progress: Progress, shown: HTMLResponse) -> HTMLResponse:
    """Ask again by itself, but never under the fingers of who types."""
    story = house_at(request).story
    if progress.stage in (Stage.DONE, Stage.FAILED):
        return shown
    if progress.stage in _TYPED:
        left = max(0.0, LASTS[progress.stage] - story.elapsed())
        return refreshed(shown, int(left) + 2, "/pairing")
    return refreshed(shown, 1, f"/pairing?seen={story.version}")


async def start(request: Request) -> Response:
    """Start to pair a model."""
    house = house_at(request)
    model = models.known((await _form(request)).get("model", ""))
    if model is None:
        return to("/add")
    try:
        house.box.pair(model)
    except UsageError:
        return to("/pairing" if house.box.desk.open else f"/add/model/{model.key}?wrong=radio")
    await asyncio.sleep(0)  # the pairing opens the desk as soon as its task runs
    return to("/pairing")


async def answer(request: Request) -> Response:
    """Take six digits, a yes or a no, or a user's number and four digits."""
    desk, form = house_at(request).box.desk, await _form(request)
    asked = desk.progress is not None and desk.progress.stage in _ASKED
    given = " ".join(form[name] for name in ("user", "answer") if name in form)
    if desk.answer(given) or not asked:
        return to("/pairing")
    return to("/pairing?wrong=code")


async def stop(request: Request) -> Response:
    """Stop the pairing."""
    await house_at(request).box.stop_pairing()
    return to("/pairing")


async def code(request: Request) -> Response:
    """Take the box's code."""
    return enter(request, (await _form(request)).get("code", ""))


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("ascii", "replace")))
