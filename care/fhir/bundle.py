"""Bundles: what is sent in one transaction, and what a search answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
"""Decimals keep the digits that the device sent: 36.50 is not 36.5 (HL7/phd, FLOATS)."""


def as_json(resource: Any) -> bytes:
    """Return a resource as JSON."""
    return _ENCODER.encode(resource)


def transaction(resources: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return a transaction that may be sent again: each entry replaces what has its identifier.

    References stay as they are written, `Patient/CODE`: our ids are the server's too, since each is
    put where its id says.
    """
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_put(one) for one in resources],
    }


def _put(resource: dict[str, Any]) -> dict[str, Any]:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {
        "fullUrl": f"urn:balise:{quote(url)}",
        "resource": resource,
        "request": {"method": "PUT", "url": url},
    }


def searchset(
    resources: Sequence[dict[str, Any]], *, base: str, link: str, more: str | None
) -> dict[str, Any]:
    """Return what a search found, with where the next page is."""
    links = [{"relation": "self", "url": link}]
    entries = [
        {
            "fullUrl": f"{base}/{one['resourceType']}/{one['id']}",
            "resource": one,
            "search": {"mode": "match"},
        }
        for one in resources
    ]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links + ([{"relation": "next", "url": more}] if more else []),
        **({"entry": entries} if entries else {}),
    }
