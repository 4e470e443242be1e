"""Observation: measurements are kept and shown, nothing is expected and no rule judges."""

from __future__ import annotations

from care.pathways.pathway import Pathway

PATHWAY = Pathway(name="observation", reference="", expected={}, rules=(), figures=(), metrics=())
