"""`balise devices list` and `show`: the models Balise knows."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from devices.models import MODELS, find
from devices.models.model import Model


def list_models(*, as_json: bool) -> None:
    """Print every model with what it measures and how it pairs."""
    if as_json:
        for model in MODELS:
            print(json.dumps(as_row(model)))  # noqa: T201 - the answer
        return
    table = Table("key", "maker", "model", "measures", "pairing", "memory")
    for model in MODELS:
        kind, pairing = model.kind.replace("_", " "), model.pairing.replace("_", " ")
        table.add_row(model.key, model.maker, model.name, kind, pairing, model.memory.value)
    Console().print(table)


def show_model(text: str, *, as_json: bool) -> None:
    """Print all that is known of a model; UsageError names the nearest where there is none."""
    model = find(text)
    if as_json:
        print(json.dumps(as_row(model)))  # noqa: T201 - the answer
        return
    console = Console()
    for name, value in as_row(model).items():
        if name != "steps" and value not in ("", [], None):
            text = ", ".join(value) if isinstance(value, list) else str(value)
            console.print(f"{name:28} {text}", highlight=False, markup=False)
    for language, steps in asdict(model.steps).items():
        console.print(f"\n{language}")
        for number, step in enumerate(steps, 1):
            console.print(f"  {number}. {step}", highlight=False, markup=False)


def as_row(model: Model) -> dict[str, Any]:
    """Return a model as JSON values; its own layouts by the characteristic they are for."""
    row = asdict(model)
    row["frames"] = [f"{frame.service}/{frame.characteristic}" for frame in model.frames]
    row["clock_default"] = model.clock_default.isoformat() if model.clock_default else None
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
