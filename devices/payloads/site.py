"""The conventions of a site: those of Balise and its own mappings."""

from __future__ import annotations

from functools import lru_cache

from devices.payloads import CONVENTIONS, mapping, shipped
from devices.payloads.convention import Convention

Texts = tuple[tuple[str, str], ...]


# Every micro-batch asks, with the same texts until a mapping is mended.
@lru_cache(maxsize=8)
def conventions(texts: Texts) -> dict[str, Convention]:
    """Return every convention by name, given a site's mappings as (name, TOML)."""
    own = shipped.conventions(mapping.load(dict(texts)))
    return CONVENTIONS | {one.name: one for one in own}
