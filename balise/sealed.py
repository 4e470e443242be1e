"""Settings for one box, signed by the site's authority: how they are written, sealed and opened.

The broker is not asked to be honest: the seal is ECDSA on P-256 over the very bytes that are sent,
by the key of an authority that the box trusts. Each message holds all that the
server sets on the box, since a box that was away sees only the last one.
"""

from __future__ import annotations

import base64
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from balise import unreadable
from balise.errors import SettingsForged, SettingsUnreadable
from balise.remote import Value

VERSION = 1

# The same key signs certificates and lists: what it signs here can't be taken for one of them.
_CONTEXT = b"balise settings v1\n"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """All that a server sets on a box; `version` rises by one or more each time."""

    gateway: str
    version: int
    at: datetime
    values: dict[str, Value]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The message on `balise/v1/<gateway>/settings`: the text as it was signed, and the seal.

    While an authority hands over, its heir's seal stands beside its own: some boxes know one, some
    the other, and some both.
    """

    v: int = VERSION
    settings: str
    seal: str
    heirs_seal: str = ""


def topic(gateway: str) -> str:
    """Return where a gateway's settings stand."""
    return f"balise/v1/{gateway}/settings"


def seal(
    sent: Sent, key: ec.EllipticCurvePrivateKey, heirs: ec.EllipticCurvePrivateKey | None = None
) -> bytes:
    """Return the message."""
    text = msgspec.json.encode(sent, order="deterministic")
    also = _signed(text, heirs) if heirs else ""
    envelope = Envelope(settings=text.decode(), seal=_signed(text, key), heirs_seal=also)
    return msgspec.json.encode(envelope)


def _signed(text: bytes, key: ec.EllipticCurvePrivateKey) -> str:
    return base64.b64encode(key.sign(_CONTEXT + text, ec.ECDSA(hashes.SHA256()))).decode()


def opened(payload: bytes, *authorities: x509.Certificate) -> Sent:
    """Return what one of these authorities sealed; SettingsUnreadable, SettingsForged."""
    try:
        envelope = msgspec.json.decode(payload, type=Envelope)
        text = envelope.settings.encode()
        seals = [
            base64.b64decode(one, validate=True) for one in (envelope.seal, envelope.heirs_seal)
        ]
    except unreadable.JSON as error:
        raise SettingsUnreadable from error
    if envelope.v != VERSION:
        raise SettingsUnreadable
    keys = [one.public_key() for one in authorities]
    if not any(_is_of(key, one, text) for key in keys for one in seals):
        raise SettingsForged
    # Understood only once it is known whose it is.
    try:
        return msgspec.json.decode(text, type=Sent)
    except unreadable.JSON as error:
        raise SettingsUnreadable from error


def _is_of(public: CertificatePublicKeyTypes, signature: bytes, text: bytes) -> bool:
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(signature, _CONTEXT + text, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
