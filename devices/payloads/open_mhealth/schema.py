"""A schema, declared: its name and a row a field, with the versions that have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.payloads.open_mhealth.rules import Rule
from devices.payloads.open_mhealth.shapes import Object

NEVER = 99.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A key: there `since` a version and `until` before another, `needed` from one on."""

    name: str
    rule: Rule
    since: float = 0.0
    until: float = NEVER
    needed: float = NEVER

    def there(self, version: float) -> bool:
        """Return whether a version has this field."""
        return self.since <= version < self.until


Fields = tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema's rule by version."""

    name: str
    versions: Mapping[float, Rule]

    def rule(self, version: float) -> Rule | None:
        """Return the rule: later minor versions only add, so they read as the last one known."""
        known = [one for one in self.versions if int(one) == int(version) and one <= version]
        return self.versions[max(known)] if known else None


def must(name: str, rule: Rule, *, since: float = 0.0, until: float = NEVER) -> Fields:
    """Return a field every version that has it needs."""
    return (Field(name=name, rule=rule, since=since, until=until, needed=since),)


def may(name: str, rule: Rule, *, since: float = 0.0, until: float = NEVER) -> Fields:
    """Return a field that is never needed."""
    return (Field(name=name, rule=rule, since=since, until=until),)


def each(rules: Mapping[str, Rule]) -> Fields:
    """Return fields that are never needed, of every version."""
    return tuple(Field(name=name, rule=rule) for name, rule in rules.items())


def body(name: str, versions: tuple[float, ...], *fields: Fields) -> Schema:
    """Return the schema of an object, from its fields."""
    rows = tuple(row for group in fields for row in group)
    return Schema(name, {version: _object(rows, version) for version in versions})


def value(name: str, versions: Mapping[float, Rule]) -> Schema:
    """Return the schema of something that is part of others."""
    return Schema(name, versions)


def _object(rows: Fields, version: float) -> Object:
    there = [row for row in rows if row.there(version)]
    return Object(
        {row.name: row.rule for row in there},
        needs=tuple(row.name for row in there if version >= row.needed),
    )
