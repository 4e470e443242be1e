"""A box asks its server to be let in, by the sheet's QR code or eight digits, and to stay in."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import urllib.error
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from balise import certificates, errors, succession, unreadable
from balise.authority import check_name
from balise.errors import (
    AuthorityForeign,
    BaliseError,
    ClockWrong,
    EnrolmentRefused,
    ServerDown,
    UsageError,
)
from balise.files import write
from ingest.gateway.certificate import Answer, Identity, clocks, identity, request, sign

_SECONDS = 20.0
_ANSWER_BYTES = 100_000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the QR code holds, or of it what a person types: the server and the eight digits."""

    server: str
    code: str = ""
    gateway: str = ""
    token: str = ""
    fingerprint: bytes = b""


class Refusal(msgspec.Struct, frozen=True):
    """Why the server says no."""

    error: str = "EnrolmentRefused"
    now: datetime | None = None


def read_uri(uri: str) -> Invitation:
    """Read the QR code's address."""
    try:
        url = urlsplit(uri)
        words = parse_qs(url.query)
        server, gateway, token, print_ = (words[name][0] for name in ("s", "g", "t", "a"))
        fingerprint = urlsafe_b64decode(print_ + "=")
    except (KeyError, ValueError) as error:
        raise UsageError("this is no address of an invitation: balise://enrol?…") from error
    if url.scheme != "balise":
        raise UsageError("this is no address of an invitation: balise://enrol?…")
    return Invitation(server, gateway=gateway, token=token, fingerprint=fingerprint)


def enrol(home: Path, invitation: Invitation) -> Identity:
    """Make a key, have it certified, and keep both."""
    waiting = home / "gateway" / "enrolment.pem"
    key = _key(waiting)
    asked = request(key)
    proof = hmac.digest(
        hashlib.sha256(invitation.token.encode()).digest(), asked.encode(), "sha256"
    )
    _check_way(invitation)
    body = {
        "request": asked,
        "code": invitation.code,
        "gateway": invitation.gateway,
        "proof": proof.hex() if invitation.token else "",
        "follows": True,
    }
    answer = _post(f"{invitation.server.rstrip('/')}/enrolment", body)
    if invitation.fingerprint:
        _check_authority(answer, [invitation.fingerprint])
    found = identity(home, check_name(answer.gateway))
    found.folder.mkdir(parents=True, exist_ok=True)
    found.keep(key, answer, invitation.server)
    waiting.unlink()
    return found


def renew(found: Identity) -> None:
    """Have the certificate of an enrolled box made anew, for the key it has.

    Where another authority begins it asks once more, with its certificate: so the server knows that
    it has one, at the next renewal if not now.
    """
    before = found.trusted
    _renew(found)
    if found.trusted[0] != before[0]:
        with suppress(BaliseError):
            _renew(found)


def _renew(found: Identity) -> None:
    at = found.broker
    if at is None:
        raise UsageError("this box is not enrolled: `balise gateway enrol`")
    key = found.key()
    asked, now = request(key), datetime.now(UTC).isoformat()
    body = {
        "request": asked,
        "certificate": found.certificate_file.read_text("ascii"),
        "at": now,
        "signature": sign(key, f"{now}\n{asked}"),
        "follows": True,
    }
    answer = _post(f"{at.server.rstrip('/')}/enrolment/renewal", body)
    _check_authority(answer, [certificates.fingerprint(one) for one in found.trusted])
    found.keep_certificate(key, answer)


def _check_authority(answer: Answer, known: Sequence[bytes]) -> None:
    try:
        offered = certificates.bundle(answer.authority.encode())
    except ValueError as error:
        raise AuthorityForeign from error
    succession.check(offered, known, answer.successions)


def _key(waiting: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key of an enrolment whose answer was lost, or a new one.

    The server knows it again, so that a code is not used up by an answer that did not arrive.
    """
    if waiting.exists():
        return certificates.read_key(waiting.read_bytes())
    key = certificates.new_key()
    waiting.parent.mkdir(parents=True, exist_ok=True)
    write(waiting, certificates.key_text(key), 0o600)
    return key


def _check_way(invitation: Invitation) -> None:
    """Refuse to say eight digits where others can hear them; the QR code's token is never said."""
    try:
        url = urlsplit(invitation.server)
        is_one = url.scheme in {"https", "http"} and url.hostname and url.port != 0
    except ValueError as error:
        raise UsageError("the server's address can't be read") from error
    if not is_one:
        raise UsageError("the server's address must begin with https://")
    if url.scheme == "http" and url.hostname not in _LOOPBACK and not invitation.token:
        raise UsageError("a code goes over https:// only; over http:// use the QR code's address")


def _post(url: str, body: Mapping[str, object]) -> Answer:
    asked = urllib.request.Request(  # noqa: S310 - checked above
        url, msgspec.json.encode(body), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(_ANSWER_BYTES), type=Answer)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error.read(_ANSWER_BYTES), error.code) from error
    except urllib.error.URLError as error:
        raise _unreached(url, error.reason) from error
    except (OSError, HTTPException, *unreadable.JSON) as error:
        raise ServerDown(f"{url} gives no answer that can be read") from error


def _unreached(url: str, reason: object) -> BaliseError:
    if not isinstance(reason, ssl.SSLCertVerificationError):
        return ServerDown(f"{url} does not answer; {ServerDown.__doc__}")
    # Not yet, or no longer: of a box without a clock's battery that is the likelier.
    return ClockWrong() if reason.verify_code in {9, 10} else AuthorityForeign()


def _refusal(text: bytes, status: int) -> EnrolmentRefused | ServerDown:
    try:
        said = msgspec.json.decode(text, type=Refusal)
    except unreadable.JSON:
        return ServerDown(f"the server answers {status}; is its address the sheet's?")
    kind = getattr(errors, said.error, None)
    if kind is ClockWrong and said.now:
        return ClockWrong(clocks(said.now))
    if isinstance(kind, type) and issubclass(kind, EnrolmentRefused):
        return kind()
    return EnrolmentRefused()
