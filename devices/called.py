"""What a device is called where one is put before another: its model, its kind, its convention."""

from __future__ import annotations

from balise.errors import UsageError
from devices import models
from devices.models.model import Kind
from devices.payloads import CONVENTIONS

IMPORTED = "import/"
"""How the addresses of what was imported begin; they end with the convention of the files."""


def words() -> frozenset[str]:
    """Return every word a device of ours may be called by; a site's own conventions come on top."""
    keys = {model.key for model in models.MODELS}
    return frozenset({*keys, *Kind, *CONVENTIONS})


def checked(word: str) -> str:
    """Return a model's key, or a kind or convention as it is; UsageError where there is none."""
    model = models.known(word)
    if model is not None:
        return model.key
    if word.casefold() in words():
        return word.casefold()
    kinds = ", ".join([*Kind, *CONVENTIONS])
    raise UsageError(f"{word!r} is no model of `balise devices list`, and none of: {kinds}")


def called(address: str, model: str) -> frozenset[str]:
    """Return all that a device is called; `model` is what was said of it, if anything."""
    found = {model} if model else set[str]()
    if address.startswith(IMPORTED) and address.count("/") > 1:
        found.add(address.rpartition("/")[2])
    known = models.known(model) if model else None
    if known is not None:
        found |= {known.key, known.kind}
    return frozenset(found)
