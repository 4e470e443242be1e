"""What a box at home asks of the server: to be let in, and to stay in."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Annotated, cast

import msgspec
import psycopg
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints

from balise import certificates
from balise.authority import Authority
from balise.errors import (
    BaliseError,
    BoxRevoked,
    ClockWrong,
    CodeExpired,
    CodesClosed,
    CodeUnknown,
    CodeUsed,
    RequestUnreadable,
)
from balise.settings import Settings
from care.web.pace import unhurried
from sql import enrolment
from sql.roles import Role, connect

_log = structlog.get_logger(__name__)

router = APIRouter()

WRONG_CODES_AN_HOUR = 20
CLOCKS = timedelta(minutes=10)
# A box that was off, in a hospital's cupboard or a second home, renews when it comes back: what
# shuts a box out is the list of the revoked, not its absence.
ABSENCE = timedelta(days=180)

Word = Annotated[str, StringConstraints(max_length=128)]
Pem = Annotated[str, StringConstraints(max_length=8000)]


class Enrolment(BaseModel):
    """A request, and the code; or the proof that the box knows the token, over the request."""

    request: Pem
    code: Word = ""
    gateway: Word = ""
    proof: Word = ""
    follows: bool = False  # whether the box's program knows of hand-overs


class Renewal(BaseModel):
    """A request, signed with the key of the certificate that the box has."""

    request: Pem
    certificate: Pem
    at: Word
    signature: Word
    follows: bool = False


@router.post("/enrolment")
def enrol(request: Request, asked: Enrolment) -> JSONResponse:
    """Let a box in: its first certificate for a code, or a token's proof."""
    settings = cast("Settings", request.app.state.settings)
    try:
        public = _public(asked.request)
        with connect(settings.database_url, Role.WEB) as connection:
            gateway = _used(connection, settings, asked, public)
        authority, lifetime = Authority(settings.home), _lifetime(settings)
        made = authority.admit(gateway, public, lifetime, follows=asked.follows)
        return _answer(settings, made, follows=asked.follows)
    except BaliseError as error:
        return _refusal(error)


@router.post("/enrolment/renewal", dependencies=[Depends(unhurried)])
def renew(request: Request, asked: Renewal) -> JSONResponse:
    """Let a box stay in: a new certificate for one that is good and not revoked."""
    settings = cast("Settings", request.app.state.settings)
    try:
        old, public = _known(settings, asked), _public(asked.request)
        authority, lifetime = Authority(settings.home), _lifetime(settings)
        made = authority.renew(old, public, lifetime, follows=asked.follows)
        return _answer(settings, made, follows=asked.follows)
    except BaliseError as error:
        return _refusal(error)


def _public(text: str) -> ec.EllipticCurvePublicKey:
    """Return the key of a request that its holder signed."""
    try:
        asked = x509.load_pem_x509_csr(text.encode())
    except ValueError as error:
        raise RequestUnreadable from error
    public = asked.public_key()
    on_curve = isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1"
    if not on_curve or not asked.is_signature_valid:
        raise RequestUnreadable
    return cast("ec.EllipticCurvePublicKey", public)


def _used(
    connection: psycopg.Connection,
    settings: Settings,
    asked: Enrolment,
    public: ec.EllipticCurvePublicKey,
) -> str:
    """Use an invitation up and return its gateway; the same key may ask for it again."""
    key = certificates.public_bytes(public)
    with connection.transaction():
        found = _invite(connection, settings, asked)
        if found is not None and found.used_key not in {None, key}:
            raise CodeUsed
        if found is not None and found.expired:
            raise CodeExpired
        if found is not None:
            enrolment.use(connection, found, key)
            return found.gateway
    enrolment.refuse(connection)
    raise CodeUnknown


def _invite(
    connection: psycopg.Connection, settings: Settings, asked: Enrolment
) -> enrolment.Invite | None:
    """Return the invitation whose code or token the box knows."""
    if asked.proof:
        found = enrolment.of_gateway(connection, asked.gateway)
        token = b"" if found is None else bytes(found.token_digest)
        good = hmac.digest(token, asked.request.encode(), "sha256").hex()
        return found if hmac.compare_digest(good.encode(), asked.proof.encode()) else None
    if enrolment.refused(connection) >= WRONG_CODES_AN_HOUR:
        raise CodesClosed
    return enrolment.of_code(connection, Authority(settings.home).digest(asked.code))


def _known(settings: Settings, asked: Renewal) -> x509.Certificate:
    """Return the certificate that signed a renewal."""
    authority, now = Authority(settings.home), datetime.now(UTC)
    try:
        old = x509.load_pem_x509_certificate(asked.certificate.encode())
        at = datetime.fromisoformat(asked.at)
        apart = abs(now - at)
        key = cast("ec.EllipticCurvePublicKey", old.public_key())
        signature = base64.b64decode(asked.signature)
        signed = f"{asked.at}\n{asked.request}".encode()
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except (ValueError, TypeError, InvalidSignature) as error:
        raise RequestUnreadable from error
    if not authority.has_signed(old):
        raise BoxRevoked
    if now > old.not_valid_after_utc + ABSENCE:
        raise BoxRevoked
    if apart > CLOCKS:
        raise ClockWrong
    return old


def _lifetime(settings: Settings) -> timedelta:
    return timedelta(days=settings.certificate_days)


def _answer(settings: Settings, made: x509.Certificate, *, follows: bool) -> JSONResponse:
    authority, gateway = Authority(settings.home), certificates.common_name(made.subject)
    _log.info("certified", gateway=gateway, until=str(made.not_valid_after_utc))
    return JSONResponse(
        {
            "gateway": gateway,
            "certificate": certificates.text(made).decode(),
            "authority": authority.told(follows=follows).decode(),
            "successions": msgspec.to_builtins(authority.successions),
            "host": settings.broker_names.partition(",")[0],
            "port": settings.broker_port,
            "now": datetime.now(UTC).isoformat(),
        }
    )


def _refusal(error: BaliseError) -> JSONResponse:
    """Say by its name which error of ours it is; the box says what to do."""
    name = type(error).__name__
    _log.warning("enrolment_refused", reason=name)
    return JSONResponse({"error": name, "now": datetime.now(UTC).isoformat()}, status_code=403)
