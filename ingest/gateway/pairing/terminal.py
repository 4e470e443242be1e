"""Pairing at a terminal: on the box itself, or in the workshop before boxes leave."""

from __future__ import annotations

import asyncio
import sys

from rich.console import Console

from devices.models.model import Model
from ingest.gateway.box import Box
from ingest.gateway.pairing.stages import Stage
from ingest.gateway.pairing.words import said
from ingest.gateway.stack import opened

_PROMPTS = {
    Stage.CODE: "> 6 digits: ",
    Stage.CONFIRM: "> yes/no: ",
    Stage.CONSENT: "> user number and 4 digits, such as 1 0123: ",
}


async def pair_here(ble: str, box: Box, model: Model, language: str) -> bool:
    """Pair one device with this process's own radio; True where it has proved itself."""
    console = Console()
    for number, step in enumerate(model.steps.said_in(language), 1):
        console.print(f"{number}. {step}", markup=False, highlight=False)
    async with opened(ble, box.desk, box.keys) as (kit, _lost):
        box.take(kit)
        box.pair(model)
        return await _watch(box, console, language)


async def _watch(box: Box, console: Console, language: str) -> bool:
    """Say each stage as it comes, ask what is asked, until the end."""
    shown = None
    while True:
        progress = box.desk.progress
        if progress is not None and progress != shown:
            shown = progress
            words = said(progress.cause or progress.stage, language)
            told = " ".join((progress.digits, *progress.figures))
            console.print(f"{words.title} {told}\n  {words.next}", markup=False, highlight=False)
            if progress.stage in _PROMPTS:
                await _ask(box, progress.stage)
                continue
            if progress.stage in (Stage.DONE, Stage.FAILED):
                return progress.stage is Stage.DONE
        await box.desk.changed(within=1)


async def _ask(box: Box, stage: Stage) -> None:
    """Read an answer from the keyboard until it is one, or the device gives up."""
    while box.desk.progress is not None and box.desk.progress.stage is stage:
        print(_PROMPTS[stage], end="", flush=True, file=sys.stderr)  # noqa: T201 - a prompt
        typed = await asyncio.to_thread(sys.stdin.readline)
        if not typed or box.desk.answer(typed):
            return
