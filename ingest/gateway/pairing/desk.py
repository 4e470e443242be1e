"""The desk where a pairing is watched and its questions answered, by the page or by a terminal.

One pairing at a time. What asks (BlueZ's agent, bumble's delegate) waits here; what answers calls
`answer`. Everything runs in one event loop.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ingest.gateway.pairing.stages import Cause, Stage

CODE_SECONDS = 28.0
"""A device gives up after 30 s (Bluetooth Core, Vol 3, Part H, 3.4); we a little before it."""
CONSENT_SECONDS = 180.0
"""No device waits for this one: a person looks for a paper."""

_DIGITS = re.compile(r"(?:[0-9] ?){6}")
_YES_NO = re.compile(r"yes|no")
_CONSENT = re.compile(r"[0-9]{1,3} [0-9]{4}")


@dataclass(frozen=True, slots=True)
class Progress:
    """What is shown of a pairing: `digits` to be compared, `figures` that were received."""

    model: str
    stage: Stage
    address: str = ""
    digits: str = ""
    figures: tuple[str, ...] = ()
    cause: Cause | None = None


class RefusalError(Exception):
    """Nobody at the desk agrees to this bond."""


@dataclass(slots=True)
class _Question:
    """Something a device waits for, and what an answer to it looks like."""

    answer: asyncio.Future[str]
    form: re.Pattern[str]


@dataclass(slots=True)
class Desk:
    """The state of the one pairing that goes on, or of the last one."""

    progress: Progress | None = None
    typed_code: bool = False
    late_code: bool = False
    _aliases: set[str] = field(default_factory=set[str])
    _question: _Question | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, model: str) -> None:
        """Open the desk for a pairing."""
        self.typed_code = self.late_code = False
        self._aliases = set()
        self.show(Progress(model, Stage.SEARCHING))

    def show(self, progress: Progress) -> None:
        """Show where the pairing stands."""
        self.progress = progress
        self._changed.set()

    def move(self, stage: Stage, **changes: object) -> None:
        """Go on to a stage."""
        if self.progress is not None:
            self.show(replace(self.progress, stage=stage, **changes))  # type: ignore[arg-type] # by name

    def rename(self, before: str, after: str) -> None:
        """Note the address that lasts of the device being paired; it was seen under another."""
        self._aliases = {before.upper(), after.upper()}

    async def changed(self, within: float | None = None) -> None:
        """Wait until something is shown that was not before, or for so many seconds."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._changed.wait()

    @property
    def open(self) -> bool:
        """Whether a pairing goes on."""
        return self.progress is not None and self.progress.stage not in (Stage.DONE, Stage.FAILED)

    def allows(self, address: str) -> bool:
        """Say whether a device may bond: the one being paired."""
        paired = self.progress.address if self.progress else ""
        return self.open and (paired in ("", address.upper()) or address.upper() in self._aliases)

    async def code(self, address: str) -> int:
        """Return the six digits that somebody reads on the device; RefusalError if nobody does."""
        if not self.allows(address):
            raise RefusalError
        text = await self._ask(Stage.CODE, _DIGITS, CODE_SECONDS)
        self.typed_code = True
        return int(text.replace(" ", ""))

    async def consent(self) -> tuple[int, int]:
        """Return a user's number and 4-digit code; RefusalError if nobody types them."""
        user, code = (await self._ask(Stage.CONSENT, _CONSENT, CONSENT_SECONDS)).split()
        return int(user), int(code)

    async def confirm(self, address: str, digits: int) -> bool:
        """Ask whether the device shows these digits."""
        if not self.allows(address):
            return False
        shown = f"{digits:06}"
        return await self._ask(Stage.CONFIRM, _YES_NO, CODE_SECONDS, digits=shown) == "yes"

    async def _ask(
        self, stage: Stage, form: re.Pattern[str], seconds: float, **changes: object
    ) -> str:
        before = self.progress.stage if self.progress else Stage.BONDING
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._question = _Question(answer, form)
        self.move(stage, **changes)
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError as error:
            self.late_code = True
            raise RefusalError from error
        finally:
            self._question = None
            if self.open:
                self.move(before if before is not stage else Stage.BONDING)

    def answer(self, text: str) -> bool:
        """Give what was asked for; False where that is no answer.

        Six digits, `yes` or `no`, or a user's number and four digits.
        """
        question = self._question
        if question is None or question.answer.done():
            return False
        cleaned = " ".join(text.split()).lower()
        if not question.form.fullmatch(cleaned):
            return False
        question.answer.set_result(cleaned)
        return True

    def cancelled(self) -> None:
        """Take back the question: the device has given up."""
        if self._question is not None and not self._question.answer.done():
            self._question.answer.cancel()
