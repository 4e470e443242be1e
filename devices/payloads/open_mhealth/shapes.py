"""Rules made of rules: objects, lists, and one or several of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from balise.errors import PayloadError
from devices.payloads.open_mhealth.rules import Leaves, Rule, Where, members_of, wrong


@dataclass(frozen=True, slots=True)
class Object:
    """An object: rules by key, the keys it must have, of some at least one; or no other key."""

    fields: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    closed: bool = False

    def read(self, value: object, where: Where) -> Leaves:
        """Return the leaves of all fields that are there."""
        members = members_of(value, where)
        missing = [key for key in self.needs if key not in members]
        if missing or (self.any_of and not members.keys() & set(self.any_of)):
            raise wrong(where, f"an object with {', '.join(missing or self.any_of)}")
        if self.closed and members.keys() - self.fields.keys():
            raise wrong(where, f"an object of only {', '.join(self.fields)}")
        return tuple(
            said
            for key, rule in self.fields.items()
            if key in members
            for said in rule.read(members[key], (*where, key))
        )


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list, all of one rule."""

    item: Rule
    least: int = 0

    def read(self, value: object, where: Where) -> Leaves:
        """Return the leaves of every item."""
        if not isinstance(value, list):
            raise wrong(where, "a list")
        items = cast("list[object]", value)
        if len(items) < self.least:
            raise wrong(where, f"a list of {self.least} or more")
        return tuple(
            said
            for index, item in enumerate(items)
            for said in self.item.read(item, (*where, str(index)))
        )


@dataclass(frozen=True, slots=True)
class OneOf:
    """Exactly one of several rules; two that both hold contradict each other."""

    rules: tuple[Rule, ...]

    def read(self, value: object, where: Where) -> Leaves:
        """Return the leaves by the one rule that holds."""
        held: list[Leaves] = []
        refusals: list[PayloadError] = []
        for rule in self.rules:
            try:
                held.append(rule.read(value, where))
            except PayloadError as refusal:
                refusals.append(refusal)
        if len(held) == 1:
            return held[0]
        reasons = "; ".join(str(refusal) for refusal in refusals)
        raise wrong(where, f"one thing, not {len(held)}" if held else f"otherwise: {reasons}")


@dataclass(frozen=True, slots=True)
class Both:
    """Several rules at once."""

    rules: tuple[Rule, ...]

    def read(self, value: object, where: Where) -> Leaves:
        """Return the leaves by each rule."""
        return tuple(said for rule in self.rules for said in rule.read(value, where))


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A rule that is checked and says nothing: who or where somebody is stays out."""

    rule: Rule

    def read(self, value: object, where: Where) -> Leaves:
        """Return nothing, of a value that holds."""
        self.rule.read(value, where)
        return ()
