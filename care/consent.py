"""What a patient agrees to: to be monitored, and that what is found is sent to others.

Source: RGPD (EU 2016/679), articles 7 and 13: who asks can show what was said, and it is taken back
as easily as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from balise.errors import ConsentUnsafe

SHEET = "2026-11"
"""The version of the words that the patient is told: another one, whenever those change."""

MONITORING, SHARING = "monitoring", "sharing"
SCOPES = (MONITORING, SHARING)
WAYS = ("paper", "spoken", "helper")
"""How a patient said so: a signed paper, aloud, or somebody for them who may."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What is agreed to; an empty scope is a withdrawal."""

    scope: tuple[str, ...]
    way: str


def read(said: Mapping[str, str]) -> Consent:
    """Return what a form says; ConsentUnsafe with the field that is to be mended."""
    withdraws = bool(said.get("withdraw"))
    scope = () if withdraws else tuple(one for one in SCOPES if said.get(one))
    if said.get("sheet") != SHEET:
        raise ConsentUnsafe("overtaken")
    if said.get("way") not in WAYS:
        raise ConsentUnsafe("way")
    if not withdraws and MONITORING not in scope:
        raise ConsentUnsafe(MONITORING)
    return Consent(scope, said["way"])
