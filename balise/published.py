"""What broker and services read of the site's authorities: whom to trust, and who was shut out.

OpenSSL looks for both in a folder by a hash of the authority's name, while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from balise import certificates
from balise.certificates import Signer
from balise.files import write

FIRST_LIST = "a6d410ad.r0"
"""The first list of the first authority, which mosquitto.conf names so that it looks at all."""
_LIST, _TRUSTED = "{}.r{}", "{}.0"


def trust(folder: Path, signers: Sequence[Signer]) -> None:
    """Put out whom to trust, for a broker that has read its file before the newest was there."""
    good: set[Path] = set()
    for one in signers:
        path = folder / _TRUSTED.format(_hash(one))
        write(path, certificates.text(one.certificate), 0o644)
        good.add(path)
    for former in set(folder.glob(_TRUSTED.format("*"))) - good:
        former.unlink()


def shut_out(folder: Path, signers: Sequence[Signer], revoked: Sequence[int]) -> None:
    """Put a list of each beside those before it, where its newest is not true any more.

    A broker that runs looks for the next number only, and lets in nobody without a list.
    """
    for one in signers:
        name = _hash(one)
        number = sum(1 for _ in folder.glob(_LIST.format(name, "*")))
        newest = folder / _LIST.format(name, number - 1)
        there = newest.read_bytes() if newest.exists() else b""
        if not certificates.is_list_of(there, one, revoked):
            made = certificates.revocation_list(one, revoked, number)
            write(folder / _LIST.format(name, number), made, 0o644)
    first = folder / FIRST_LIST
    if not first.exists():
        write(first, certificates.revocation_list(signers[-1], revoked, 0), 0o644)


def _hash(signer: Signer) -> str:
    return certificates.subject_hash(signer.certificate)
