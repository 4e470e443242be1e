"""Of an error that isn't ours its kind and place are told, never its text."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import subprocess
import sys
from collections.abc import Callable

import pytest

from balise import failures
from balise.errors import BrokerDown, PayloadError, StepFailed

VALUE = "81.235 of Martin"


def broken() -> None:
    """Fail in the midst of mending what failed, as code does that has a fault."""
    try:
        int(VALUE)
    except ValueError as error:
        raise KeyError(VALUE) from error


def worse() -> None:
    try:
        broken()
    except KeyError:
        {}[VALUE]  # type: ignore[index]


def replaced() -> None:
    try:
        broken()
    except KeyError as error:
        raise failures.failed(error) from None


def caught(work: Callable[[], None], kind: type[BaseException]) -> BaseException:
    with pytest.raises(kind) as found:
        work()
    return found.value


def test_kinds_and_places_of_all_that_led_to_it_are_told():
    text = failures.told(caught(worse, KeyError))
    kinds = [line for line in text.splitlines() if not line.startswith(" ")]
    assert kinds == ["ValueError", "KeyError", "KeyError"]
    assert "in broken" in text
    assert __file__ in text
    assert "81.235" not in text


def test_what_takes_its_place_says_where_it_was():
    error = caught(replaced, StepFailed)
    assert failures.told(error).count("KeyError") == 1
    assert "KeyError in broken (" in str(error)
    assert "81.235" not in failures.told(error)


def test_our_own_words_are_told_and_those_about_a_payload_are_not():
    assert failures.kind(BrokerDown("localhost:1883")) == "BrokerDown: localhost:1883"
    assert failures.kind(PayloadError(VALUE)) == "PayloadError"
    assert failures.kind(ValueError(VALUE)) == "ValueError"


def test_of_a_group_each_is_told_and_a_ring_ends():
    first, second = caught(broken, KeyError), caught(worse, KeyError)
    second.__context__ = first
    first.__context__ = second
    text = failures.told(ExceptionGroup("of a patient", [first, second]))  # type: ignore[list-item]
    kinds = [line for line in text.splitlines() if not line.startswith(" ")]
    assert kinds[-1] == "ExceptionGroup"
    assert kinds.count("KeyError") == 2
    assert "of a patient" not in text


def test_what_an_event_loop_met_is_told_by_its_kind(capsys: pytest.CaptureFixture[str]):
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(failures.in_loop)
        task = asyncio.ensure_future(asyncio.to_thread(broken))
        await asyncio.wait([task])
        del task
        gc.collect()

    asyncio.run(main())
    said = capsys.readouterr().err
    assert "KeyError" in said
    assert "81.235" not in said


def test_a_log_holds_no_text_of_it(monkeypatch: pytest.MonkeyPatch):
    said = io.StringIO()
    logger = logging.getLogger("balise.test_failures")
    handler = logging.StreamHandler(said)
    for one in (logger, logging.getLogger("asyncio")):
        one.addHandler(handler)
    before = logging.getLogRecordFactory()
    for hook in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, hook, getattr(sys, hook))
    monkeypatch.setattr("threading.excepthook", lambda _ended: None)
    failures.keep_quiet()
    try:
        error = caught(broken, KeyError)
        logger.error("it failed", exc_info=error)
        logger.error("no error at all")
        logger.error("Encountered exception: %r", error)
        asyncio.run(unheard())
    finally:
        logging.setLogRecordFactory(before)
        for one in (logger, logging.getLogger("asyncio")):
            one.removeHandler(handler)
    assert "it failed" in said.getvalue()
    assert "Encountered exception: 'KeyError'" in said.getvalue()
    assert "never retrieved" in said.getvalue()
    assert "KeyError" in said.getvalue()
    assert "81.235" not in said.getvalue()


async def unheard() -> None:
    """Have a loop without a handler of ours meet what nobody waits for."""
    task = asyncio.ensure_future(asyncio.to_thread(broken))
    await asyncio.wait([task])
    del task
    gc.collect()


ENDING = """
import threading
from balise import failures
failures.keep_quiet()
def fail():
    raise ValueError("81" + ".235")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
class Gone:
    def __del__(self):
        fail()
Gone()
fail()
"""


def test_neither_does_the_end_of_a_process_or_of_a_thread():
    done = subprocess.run(
        [sys.executable, "-c", ENDING], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("ValueError") == 3
    assert done.stderr.count("in fail") == 3
    assert "81.235" not in done.stderr
