"""A step in a process of its own, so that its memory and processor seconds are its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psycopg

Step = Callable[[psycopg.Connection, Any], int]
"""What the process does with a database and what it is asked; a function of a module."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The process, and how it is asked."""

    pid: int
    asked: Connection

    def ask(self, what: object = None) -> int:
        """Let it do its step once; return the answer."""
        self.asked.send(what)
        answer: int = self.asked.recv()
        return answer


@contextmanager
def apart(database_url: str, step: Step) -> Iterator[Apart]:
    """Start the process; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_serve, args=(database_url, step, there))
    child.start()
    there.close()
    if child.pid is None:
        raise RuntimeError("no process to measure in")
    try:
        yield Apart(child.pid, here)
    finally:
        here.close()
        child.join()


def _serve(database_url: str, step: Step, asked: Connection) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        while True:
            try:
                what = asked.recv()
            except EOFError:
                return
            asked.send(step(connection, what))
