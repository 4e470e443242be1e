"""The guest's first script: it finds its modules compiled, which an emulated processor is slow at.

`boot.py --compiled FOLDER REPORT [STEP ...]` runs all steps, or some. Without a report, as the host
runs it before, it compiles into the folder whatever is imported and isn't there yet.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib import import_module
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=Path, nargs="?")
    parser.add_argument("steps", nargs="*")
    parser.add_argument("--compiled", required=True)
    told = parser.parse_args()
    sys.pycache_prefix = told.compiled
    sys.dont_write_bytecode = told.report is not None
    steps = import_module("steps")  # only now, with all that it imports
    return 0 if told.report is None else asyncio.run(steps.main(told.report, *told.steps))


if __name__ == "__main__":
    sys.exit(main())
