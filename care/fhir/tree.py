"""Definitions as trees: R4's own, and the guides' profiles laid over them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from care.fhir.guides import PROFILES, Profile, Rule


@dataclass(slots=True)
class Node:
    """An element of a definition, its children by name and its slices by theirs."""

    facts: Mapping[str, Any]
    children: dict[str, Node] = field(default_factory=dict["str", "Node"])
    slices: dict[str, Node] = field(default_factory=dict["str", "Node"])

    @property
    def types(self) -> Sequence[Mapping[str, Any]]:
        """The types that its value may have."""
        types: Sequence[Mapping[str, Any]] = self.facts["types"]
        return types


@cache
def definitions() -> Mapping[str, Any]:
    """Return R4's definitions by name, as `compile.py` wrote them."""
    text = (resources.files("care.fhir") / "definitions.json").read_text(encoding="utf-8")
    read: Mapping[str, Any] = json.loads(text)
    return read


@cache
def of_name(name: str) -> Node:
    """Return a definition of R4's as a tree; ids are `Observation.component:SystolicBP.code`."""
    first, *rest = definitions()[name]["elements"]
    root = Node(first)
    for element in rest:
        node = root
        *path, last = element["id"].split(".")[1:]
        for one in path:
            node = step(node, one)
        name, _, slice_name = last.partition(":")
        if slice_name:
            node.children[name].slices[slice_name] = Node(element)
        else:
            node.children[name] = Node(element)
    return root


def step(node: Node, name: str) -> Node:
    """Return a child of a node, or a slice of one."""
    name, _, slice_name = name.partition(":")
    child = node.children[name]
    return child.slices[slice_name] if slice_name else child


def of_profiles(url: str) -> Iterator[Node]:
    """Yield the tree of a profile that is known; a version may follow its address."""
    plain = url.partition("|")[0]
    if plain in PROFILES:
        yield _of_guide(plain)
    else:
        yield from (of_name(name) for name, one in definitions().items() if one["url"] == plain)


@cache
def _of_guide(url: str) -> Node:
    profile = PROFILES[url]
    root = deepcopy(_parent(profile))
    for rule in profile.rules:
        node = root
        for name in rule.element.split("."):
            node = _grown(node, name)
        node.facts = {**node.facts, **dict(_facts(node, rule))}
    return root


def _parent(profile: Profile) -> Node:
    if profile.parent in definitions():
        return of_name(profile.parent)
    return next(of_profiles(profile.parent))


def _grown(node: Node, name: str) -> Node:
    """Return a child or a slice; what a parent says nothing of is as its type has it."""
    name, _, slice_name = name.partition(":")
    if name not in node.children:
        node.children[name] = deepcopy(of_name(node.types[0]["code"]).children[name])
    child = node.children[name]
    if slice_name and slice_name not in child.slices:
        facts = {key: one for key, one in child.facts.items() if key != "slicing"} | {"min": 0}
        child.slices[slice_name] = Node(facts, deepcopy(child.children))
    return child.slices[slice_name] if slice_name else child


def _facts(node: Node, rule: Rule) -> Iterator[tuple[str, Any]]:
    """Yield what a rule says, in the words of definitions."""
    if rule.least is not None:
        yield "min", rule.least
    if rule.most is not None:
        yield "max", rule.most
    if rule.only:
        yield (
            "types",
            [one for one in node.types if one["code"] in rule.only]
            or [{"code": one} for one in rule.only],
        )
    if rule.refers_to:
        yield "types", [{"code": "Reference", "targets": list(rule.refers_to)}]
    if rule.has is not None:
        yield "pattern", rule.has
    if rule.one_of:
        yield "codes", rule.one_of
    if rule.sliced_by:
        by = [{"path": one} for one in rule.sliced_by]
        yield "slicing", {"discriminator": by, "rules": "open"}
