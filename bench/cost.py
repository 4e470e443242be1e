"""What processes cost: processor seconds of trees, memory at most, and what strangers took."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
TICK_SECONDS = 1 / _TICK
"""What the system counts processor time by."""
_IDLE = (3, 4)
"""Places of idle and iowait in the first line of /proc/stat; guests' time is in user's already."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A moment: the wall, the machine, this process, all of ours, the trees asked for: seconds."""

    wall: float
    machine: float
    bench: float
    ours: float
    trees: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Spent:
    """What passed between two moments: seconds on the wall, and of processor by process.

    `bench` is this process's own, which produces and copies; `strangers` are the cores that others
    took meanwhile.
    """

    seconds: float
    processor: Mapping[str, float]
    bench: float
    strangers: float


def clock(roots: Mapping[str, int]) -> Clock:
    """Return how much processor each process has taken so far with everything it started."""
    children, seconds = _processes()
    trees = {name: _tree(pid, children, seconds) for name, pid in roots.items()}
    ours = _tree(os.getpid(), children, seconds)
    return Clock(time.perf_counter(), _machine(), time.process_time(), ours, trees)


def spent(before: Clock, after: Clock) -> Spent:
    """Return what passed between two moments."""
    wall = after.wall - before.wall
    others = (after.machine - before.machine) - (after.ours - before.ours)
    return Spent(
        wall,
        {name: after.trees[name] - before.trees[name] for name in after.trees},
        after.bench - before.bench,
        max(0.0, others / wall),
    )


def _tree(root: int, children: Mapping[int, list[int]], seconds: Mapping[int, float]) -> float:
    found = seconds.get(root, 0.0)
    return found + sum(_tree(child, children, seconds) for child in children.get(root, ()))


def _processes() -> tuple[dict[int, list[int]], dict[int, float]]:
    """Return every process's children, and its seconds with those of its ended children."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    seconds: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(folder)):
            pid = int(folder.name)
            children[int(fields[1])].append(pid)
            seconds[pid] = sum(map(int, fields[11:15])) / _TICK
    return children, seconds


def _stat(folder: Path) -> list[str]:
    """Return proc(5)'s fields from the state on; nothing of a process that has ended meanwhile."""
    try:
        return (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _machine() -> float:
    fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]
    return sum(int(one) for place, one in enumerate(fields) if place not in _IDLE) / _TICK


def most_memory(pid: int) -> float:
    """Return the most megabytes a process has had in memory since `forget_memory`."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_memory(pid: int) -> None:
    """Let the kernel begin the peak anew, as proc(5) says of clear_refs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")
