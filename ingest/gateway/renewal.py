"""A box's certificate is renewed at two thirds of its life, by the box, for as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from balise.errors import BaliseError
from ingest.gateway.certificate import Identity
from ingest.gateway.enrol import renew

_log = structlog.get_logger(__name__)

DAY = 86400.0
_FIRST_RETRY, _LAST_RETRY = 60.0, 6 * 3600.0


def due(certificate: x509.Certificate, *, handing_over: bool = False) -> datetime:
    """Return when a certificate is to be renewed; daily while two authorities are trusted.

    So the former one, whose key may be why it goes, is believed for a day at most after its end.
    """
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    at = end - (end - start) / 3
    return min(at, start + timedelta(seconds=DAY)) if handing_over else at


async def keep(
    found: Identity, renewed: Callable[[], None], *, retry: float = _FIRST_RETRY
) -> None:
    """Renew when it is due, until cancelled; looked at once a day, as a box's clock may jump."""
    wait = retry
    while True:
        at = due(found.certificate, handing_over=len(found.trusted) > 1)
        left = (at - datetime.now(UTC)).total_seconds()
        if left > 0:
            await asyncio.sleep(min(left, DAY))
        elif await asyncio.to_thread(_renew, found):
            wait = retry
            await asyncio.to_thread(renewed)
        else:
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LAST_RETRY)


def _renew(found: Identity) -> bool:
    """Renew; say whether it went well, and log why not."""
    name = found.folder.name
    try:
        renew(found)
    except (BaliseError, OSError, ValueError, UnsupportedAlgorithm) as error:
        until = found.certificate.not_valid_after_utc
        kind = type(error).__name__
        _log.warning("renewal_failed", gateway=name, error=kind, says=str(error), until=str(until))
        return False
    until = found.certificate.not_valid_after_utc
    _log.info("renewed", gateway=name, until=str(until))
    return True
