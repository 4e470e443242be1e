"""How the site's authority hands over to the one that comes next, and boxes follow.

The one that boxes trust seals the certificate of its heir. A box that knows the first believes the
second, over plain HTTP too, and through any number of hand-overs that it slept through.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from balise import certificates
from balise.certificates import Signer
from balise.errors import AuthorityForeign

# The same keys sign certificates, lists and settings: none of these can be taken for another.
_CONTEXT = b"balise succession v1\n"


class Succession(msgspec.Struct, frozen=True, kw_only=True):
    """One hand-over: both certificates as PEM, and the seal of the former over the heir's."""

    former: str
    heir: str
    seal: str


def hand_over(former: Signer, heir: x509.Certificate) -> Succession:
    """Return what makes those who trust an authority trust its heir."""
    text = certificates.text(heir)
    seal = former.key.sign(_CONTEXT + text, ec.ECDSA(hashes.SHA256()))
    return Succession(
        former=certificates.text(former.certificate).decode(),
        heir=text.decode(),
        seal=base64.b64encode(seal).decode(),
    )


def check(
    offered: Sequence[x509.Certificate], known: Sequence[bytes], line: Iterable[Succession]
) -> None:
    """Raise AuthorityForeign unless whom a server offers may be trusted by who knows some.

    Both are with the newest first; `known` are fingerprints, and `line` is from the oldest
    hand-over on. The newest offered is the newest known, or an heir of its line: else it is an old
    answer, said again, or somebody has the key of one that handed over.
    """
    own = _heirs(known[:1], line)
    mine = [certificates.fingerprint(one) for one in offered]
    if not mine or mine[0] not in own or not {*mine} <= own | {*known}:
        raise AuthorityForeign


def _heirs(known: Sequence[bytes], line: Iterable[Succession]) -> set[bytes]:
    """Return these fingerprints, and those of all that were vouched for in their line."""
    found = set(known)
    for one in line:
        heir = _vouched(one, found)
        if heir is not None:
            found.add(heir)
    return found


def _vouched(one: Succession, known: set[bytes]) -> bytes | None:
    """Return the heir's fingerprint where somebody known sealed it."""
    try:
        former = x509.load_pem_x509_certificate(one.former.encode())
        if certificates.fingerprint(former) not in known:
            return None
        heir = x509.load_pem_x509_certificate(one.heir.encode())
        seal = base64.b64decode(one.seal, validate=True)
        public = former.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey):
            return None
        public.verify(seal, _CONTEXT + certificates.text(heir), ec.ECDSA(hashes.SHA256()))
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise AuthorityForeign from error
    return certificates.fingerprint(heir)
