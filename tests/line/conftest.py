from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.line import Line, running


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    """A stack and a receiver process of its own, in a throw-away home."""
    with running(prefect=False) as started:
        yield started
