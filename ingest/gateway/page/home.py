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


@dataclass(frozen=True, slots=True)
class Notice:
    """How one part of the box is, and what to do."""

    good: bool
    title: str
    next: str


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
    if not state.radio:
        yield _notice(w, "radio")
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


def _shown(one: DeviceState, w: Words, now: datetime) -> Shown:
    model = models.known(one.device.model)
    name = f"{model.maker} {model.name}" if model else one.device.name or w("kind.unknown")
    contact = w("home.silent")
    if one.told_at:
        contact = w("home.told", when=w.moment(one.told_at, now))
    elif one.heard_at:
        contact = w("home.heard", when=w.moment(one.heard_at, now))
    return Shown(model.kind if model else "unknown", name, contact)
