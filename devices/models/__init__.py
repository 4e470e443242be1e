"""The device models Balise knows, gathered, and how one is found."""

from __future__ import annotations

from difflib import get_close_matches

from balise.errors import UsageError
from devices.models import (
    and_medical,
    ascensia,
    beurer,
    beurer_scales,
    fora,
    i_sens,
    medisana,
    nonin,
    omron,
    polar,
    roche,
    xiaomi,
)
from devices.models.model import Model

MODELS: tuple[Model, ...] = (
    *omron.MODELS,
    *and_medical.MODELS,
    *beurer.MODELS,
    *beurer_scales.MODELS,
    *medisana.MODELS,
    *roche.MODELS,
    *ascensia.MODELS,
    *i_sens.MODELS,
    *fora.MODELS,
    *polar.MODELS,
    *nonin.MODELS,
    *xiaomi.MODELS,
)
"""Every model on Balise's list; the registry test walks it."""


def find(text: str) -> Model:
    """Return the model of a key, a Model Number or an advertised name, whatever its case.

    UsageError names the models that a name can't tell apart, or the keys nearest to the text.
    """
    wanted = text.strip().casefold()
    model = known(wanted)
    if model is not None:
        return model
    matches = _by_name(wanted)
    if len(matches) == 1:
        return matches[0]
    if matches:
        keys = ", ".join(model.key for model in matches)
        raise UsageError(f"{text!r} is the name of several models; choose one: {keys}")
    raise UsageError(f"no model {text!r}; near: {', '.join(_near(wanted))}")


def known(text: str) -> Model | None:
    """Return the model of a key or a Model Number, None where there is none on the list."""
    return _KNOWN.get(text.casefold())


_KNOWN = {key.casefold(): model for model in MODELS for key in (model.key, *model.numbers)}


def _by_name(wanted: str) -> list[Model]:
    """Return the models with the longest name that the text starts with."""
    prefixes = [
        (len(name), model)
        for model in MODELS
        for name in model.names
        if wanted.startswith(name.casefold())
    ]
    longest = max((length for length, _ in prefixes), default=0)
    return [model for length, model in prefixes if length == longest]


def _near(wanted: str) -> list[str]:
    """Return the keys that hold or resemble the text, or all of them."""
    keys = [model.key for model in MODELS]
    holding = [key for key in keys if wanted and wanted in key]
    return holding or get_close_matches(wanted, keys, n=5, cutoff=0.5) or keys
