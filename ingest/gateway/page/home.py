"""The first screen: the devices, what waits to be sent, and what is wrong with its one mend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from devices import models
from devices.models.model import Kind
from ingest.gateway.box import DeviceState, State
from ingest.gateway.page.house import House
from ingest.gateway.page.render import house_at, page, words_for
from ingest.gateway.page.words import Words
from ingest.gateway.pairing.stages import Cause
from ingest.gateway.pairing.words import said
from ingest.gateway.watch import RadioState


@dataclass(frozen=True, slots=True)
class Notice:
    """How one part of the box is, what to do, and the page where it is done."""

    good: bool
    title: str
    next: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A device as the page shows it."""

    kind: Kind | str
    name: str
    contact: str


async def home(request: Request) -> Response:
    """Show how the box is."""
    house, w, now = house_at(request), words_for(request), datetime.now(UTC)
    state = house.box.state()
    return page(
        request,
        "home.html",
        w("home.title"),
        notices=list(_notices(house, state, w, now)),
        devices=[_shown(one, w, now) for one in state.devices],
        pairing=house.box.desk.open,
    )


def _notices(house: House, state: State, w: Words, now: datetime) -> Iterator[Notice]:
    """Say what is wrong first, then what waits."""
    full = house.full()
    if full:
        yield _notice(w, "full")
    if not state.radio or state.adapter.state is RadioState.HUNG:
        yield _notice(w, "radio")
    for one in state.devices:
        if one.trouble is not None:
            yield _trouble(one, one.trouble, w)
    since = w.moment(house.story.offline_since or now, now)
    if not state.connected:
        title = w("home.offline", since=since)
        if state.waiting:
            title = w.counted("home.offline_waiting", state.waiting, since=since)
        next_step = "home.full.wait" if full else "home.offline.next"
        yield Notice(good=False, title=title, next=w(next_step))
    elif state.waiting:
        title = w.counted("home.sending", state.waiting)
        yield Notice(good=True, title=title, next=w("home.sending.next"))
    else:
        yield Notice(good=True, title=w("home.sent"), next=w("home.sent.next"))


def _notice(w: Words, what: str) -> Notice:
    return Notice(good=False, title=w(f"home.{what}"), next=w(f"home.{what}.next"))


def _trouble(one: DeviceState, cause: Cause, w: Words) -> Notice:
    """Say what is wrong with a device; it is paired again from its model's page."""
    words = said(cause, w.language)
    model = models.known(one.device.model)
    link = f"/add/model/{model.key}" if model else "/add"
    return Notice(good=False, title=f"{_name(one, w)}. {words.title}", next=words.next, link=link)


def _name(one: DeviceState, w: Words) -> str:
    model = models.known(one.device.model)
    return f"{model.maker} {model.name}" if model else one.device.name or w("kind.unknown")


def _shown(one: DeviceState, w: Words, now: datetime) -> Shown:
    model = models.known(one.device.model)
    contact = w("home.silent")
    if one.told_at:
        contact = w("home.told", when=w.moment(one.told_at, now))
    elif one.heard_at:
        contact = w("home.heard", when=w.moment(one.heard_at, now))
    return Shown(model.kind if model else "unknown", _name(one, w), contact)
