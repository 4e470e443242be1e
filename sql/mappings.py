"""Keep a site's own payload mappings, as the TOML they were declared in."""

from __future__ import annotations

import psycopg

import sql


def keep(connection: psycopg.Connection, name: str, toml: str) -> None:
    """Keep a mapping under its name; one of that name is replaced."""
    connection.execute(sql.get("mappings.keep"), {"name": name, "toml": toml})


def kept(connection: psycopg.Connection) -> dict[str, str]:
    """Return the mappings' texts by name."""
    return dict(connection.execute(sql.get("mappings.kept")).fetchall())
