"""What fails, told by its kind and place: the text of an error not ours may hold a patient's value.

PostgreSQL names the row of a constraint and the line of a COPY; a parser repeats what it got.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from balise.errors import DependencyDown, StepFailed


def kind(error: BaseException) -> str:
    """Return what an error is; its text too where it is one of ours that holds no value."""
    name = type(error).__qualname__
    return f"{name}: {error}" if isinstance(error, DependencyDown | StepFailed) else name


def failed(error: Exception) -> StepFailed:
    """Return an error in place of one whose text may hold a value."""
    *_, last = traceback.extract_tb(error.__traceback__) or [None]
    where = f" in {last.name} ({last.filename}:{last.lineno})" if last else ""
    return StepFailed(f"{kind(error)}{where}")


def told(error: BaseException) -> str:
    """Return a traceback with the frames and kinds of all that led to an error, and no text."""
    return "\n".join(
        "".join([*traceback.format_tb(one.__traceback__), kind(one)])
        for one in _chain(error, set())
    )


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """Yield what led to an error, the first cause first; of a group all that it is of."""
    if id(error) in seen:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before, seen)
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:  # pyright: ignore[reportUnknownVariableType] - of any kind
            yield from _chain(one, seen)
    yield error


def keep_quiet() -> None:
    """From here on no log and no end of this process has the text of an error that isn't ours."""
    logging.setLogRecordFactory(_Record)
    sys.excepthook = _ended
    sys.unraisablehook = threading.excepthook = _ended_beside


def in_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell what an event loop met that nobody waits for; what it would say has the error's text."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        sys.stderr.write(told(error) + "\n")
    else:
        logging.getLogger(__name__).error("%s", context.get("message"))


class _Record(logging.LogRecord):
    """A line of a log; formatters take an error's text from here where it stands already."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.exc_info and self.exc_info[1]:
            self.exc_text = told(self.exc_info[1])
            if self.name == "asyncio":  # further lines are what it knows of the task, the text too
                self.msg = str(self.msg).partition("\n")[0]
        if isinstance(self.args, tuple):
            self.args = tuple(map(_safe, self.args))


def _safe(part: object) -> object:
    """Return a part of a message as it may be told."""
    return kind(part) if isinstance(part, BaseException) else part


def _ended(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    sys.stderr.write(told(error) + "\n")


def _ended_beside(ended: sys.UnraisableHookArgs | threading.ExceptHookArgs) -> None:
    if ended.exc_value:
        sys.stderr.write(told(ended.exc_value) + "\n")
