"""An attempt to connect that a device cuts, on a BlueZ whose answer is lost with the link."""

from __future__ import annotations

import asyncio

import pytest

from ingest.gateway.bluez_client import unless_cut
from ingest.gateway.links import LinkCutError, cut

AGAIN = 0.05


async def test_an_attempt_of_which_nothing_comes_after_a_cut_is_given_up():
    ended, tidied = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        ended.set()
        try:
            await asyncio.Event().wait()
        finally:
            tidied.set()

    with pytest.raises(LinkCutError) as said:
        await unless_cut(hang(), ended, AGAIN)
    assert cut(said.value)
    assert tidied.is_set()


async def test_one_that_goes_on_after_cuts_is_waited_for():
    ended = asyncio.Event()

    async def go_on() -> None:
        for _ in range(4):
            ended.set()
            await asyncio.sleep(0)

    await unless_cut(go_on(), ended, again=60)


async def test_one_that_nobody_cuts_ends_as_it_ends():
    async def sleepy() -> None:
        await asyncio.sleep(2 * AGAIN)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await unless_cut(sleepy(), asyncio.Event(), AGAIN)


async def test_who_is_cancelled_has_tidied_up():
    begun, tidied = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            tidied.set()

    attempt = asyncio.ensure_future(unless_cut(hang(), asyncio.Event(), AGAIN))
    await begun.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert tidied.is_set()
