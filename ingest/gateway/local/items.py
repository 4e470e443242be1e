"""A message of the broker at home as an item of the spool: as it came, to the last digit."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from balise import unreadable
from devices.payloads.balise_v1 import Item, encode_item
from ingest.gateway.local.declared import Source

LONGEST = 64 * 1024
"""Bytes of a message; the broker keeps longer ones to itself, as it was asked (MQTT 5 §3.1.2.11.4).
An item of it stays well under what the server's broker takes."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def item_of(
    source: Source, payload: bytes, *, captured_at: datetime, kept: str, session: str
) -> Item:
    """Return the item of a message, in hexadecimal where it is no text, or text far too long."""
    text = _document(source, payload)
    item = Item(
        device=source.address,
        captured_at=captured_at,
        session=session,
        convention=source.convention,
        document=text or "",
        kept=kept,
    )
    # Control characters are six bytes each in JSON.
    if text is None or len(encode_item(item)) > 2 * LONGEST:
        return msgspec.structs.replace(item, document="", data=payload.hex())
    return item


def _document(source: Source, payload: bytes) -> str | None:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return _pack(source, text.strip()) if source.metric else text


def _pack(source: Source, text: str) -> str:
    """Return a bare number as a SenML pack with its digits; any other word is no figure there."""
    value = f'"v":{text}' if _NUMBER.fullmatch(text) else f'"vs":{_quoted(text)}'
    return f'[{{"n":"{source.metric}","u":"{source.unit}",{value}}}]'


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def is_of(source: Source, payload: bytes) -> bool:
    """Whether a document on a shared topic is this source's, by the field that says so."""
    if not source.field:
        return True
    said = members(payload).get(source.field)
    return said is not None and _word(said) == source.id


def members(payload: bytes) -> dict[str, Any]:
    """Return the members of a JSON object as they stand, none where it is no object."""
    try:
        return _members.decode(payload)
    except unreadable.JSON:
        return {}


def _word(raw: msgspec.Raw) -> str:
    """Return a JSON string's text, or a number as it is written."""
    text = bytes(raw)
    try:
        return msgspec.json.decode(text, type=str)
    except unreadable.JSON:
        return text.decode(errors="replace")
