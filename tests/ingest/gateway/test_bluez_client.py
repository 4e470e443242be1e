"""An attempt to connect that a device cuts, on a BlueZ whose answer is lost with the link."""

from __future__ import annotations

import asyncio

import pytest

from ingest.gateway.bluez_client import unless_cut
from ingest.gateway.links import LinkCutError, cut

MOMENT = 0.02


def deaf() -> bool:
    return True


def hears() -> bool:
    return False


async def hang(begun: asyncio.Event, tidied: asyncio.Event) -> None:
    begun.set()
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        tidied.set()


async def test_an_attempt_whose_answer_cannot_come_any_more_is_given_up():
    ended, tidied = asyncio.Event(), asyncio.Event()

    with pytest.raises(LinkCutError) as said:
        await unless_cut(hang(ended, tidied), ended, deaf=deaf, moment=MOMENT)
    assert cut(said.value)
    assert tidied.is_set()


async def test_one_that_begins_anew_after_a_cut_has_all_its_time():
    """A device that sleeps is no device that refuses: the error is the attempt's own."""
    ended = asyncio.Event()

    async def again() -> None:
        ended.set()
        await asyncio.sleep(5 * MOMENT)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await unless_cut(again(), ended, deaf=hears, moment=MOMENT)


async def test_one_that_nobody_cuts_ends_as_it_ends():
    async def slow() -> None:
        await asyncio.sleep(5 * MOMENT)

    await unless_cut(slow(), asyncio.Event(), deaf=deaf, moment=MOMENT)


async def test_who_is_cancelled_has_tidied_up():
    begun, tidied = asyncio.Event(), asyncio.Event()

    attempt = asyncio.ensure_future(unless_cut(hang(begun, tidied), asyncio.Event(), deaf=deaf))
    await begun.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert tidied.is_set()
