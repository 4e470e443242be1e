"""The mappings that come with Balise, each a convention of its name; read when first used."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources

from balise.errors import UsageError
from balise.model import Decoded
from devices.payloads import mapping
from devices.payloads.convention import Convention

NAMES = ("ant_scale", "omblepy", "xiaomi_mi_scale", "zigbee2mqtt")


@cache
def shipped(name: str) -> mapping.Mapping:
    """Return a mapping of Balise's own by its name."""
    folder = resources.files("devices.payloads") / "mappings"
    return mapping.read((folder / f"{name}.toml").read_text("utf-8"), where=name)


def conventions(mappings: Iterable[mapping.Mapping]) -> tuple[Convention, ...]:
    """Return the conventions of a site's own mappings; UsageError where one is wrong."""
    return tuple(_checked(one) for one in mappings)


def _checked(one: mapping.Mapping) -> Convention:
    from devices.payloads.lint import lint  # noqa: PLC0415 - a gateway has no JMESPath

    problems = lint(one)
    if problems:
        raise UsageError(f"mapping {one.name}: " + "; ".join(map(str, problems)))
    return Convention(name=one.name, title=one.title, read=lambda text: read(one, text))


def read(one: mapping.Mapping, text: str) -> tuple[Decoded, ...]:
    """Return what a document says by a mapping, be it JSON or a row."""
    from devices.payloads import mapped, mapped_csv  # noqa: PLC0415 - a gateway has no JMESPath

    return mapped.read(one, text) if one.csv is None else mapped_csv.read(one, text)


def _shipped(name: str) -> Convention:
    # A title that only the file knows would have every command read every file.
    return Convention(
        name=name, title=f"mapping {name}", read=lambda text: read(shipped(name), text)
    )


CONVENTIONS = tuple(_shipped(name) for name in NAMES)
