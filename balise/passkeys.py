"""Passkeys (WebAuthn Level 2): what a browser is asked, and whether its answer is one.

The pages' name for passkeys is a setting, never what a request says: a proxy that goes by another
name could have keys made and used for itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import webauthn
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_attestation_object,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationFormat,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from balise.errors import PasskeyRefused

LONGEST_ID = 1023
"""Bytes of a credential's id (section 7.1); the library takes any."""
_VERIFIED = UserVerificationRequirement.REQUIRED
_PORTS = {"https": 443, "http": 80}
# What py_webauthn 3.0.1 lets through beside its own, found with malformed answers by the thousand.
_LEAKS = (
    *(WebAuthnException, ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class Site:
    """The pages' name for passkeys, and where they are."""

    rp_id: str
    origin: str

    @classmethod
    def at(cls, address: str) -> Site | None:
        """Return the site of an address; None where browsers use no passkeys.

        They do over https, and on this very machine by its name; an address in numbers is no name.
        """
        url = urlsplit(address)
        host, port = url.hostname or "", url.port
        here = url.scheme == "http" and (host == "localhost" or host.endswith(".localhost"))
        if not host or _is_number(host) or not (here or url.scheme == "https"):
            return None
        shown = f":{port}" if port and port != _PORTS[url.scheme] else ""
        return cls(host, f"{url.scheme}://{host}{shown}")


@dataclass(frozen=True, slots=True)
class Key:
    """A passkey as it is kept; `handle` is what its device knows the account by."""

    handle: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The options for the browser, as JSON, and what it is to sign."""

    options: str
    challenge: bytes


def to_register(site: Site, name: str, handle: bytes, known: Sequence[bytes]) -> Asked:
    """Ask for a passkey that its device keeps and opens for its owner alone, for an account."""
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name="Balise",
        user_name=name,
        user_id=handle,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return Asked(webauthn.options_to_json(options), options.challenge)


def to_sign_in(site: Site) -> Asked:
    """Ask for any passkey of the site's; the device knows of which account."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id, user_verification=_VERIFIED
    )
    return Asked(webauthn.options_to_json(options), options.challenge)


def registered(site: Site, answer: str, challenge: bytes) -> VerifiedRegistration:
    """Return the passkey that a browser made. Raises PasskeyRefused.

    Its id is what the device signed, not what the browser calls it.
    """
    with _refusing():
        said = parse_registration_credential_json(answer)
        _same_page(said.response.client_data_json)
        _no_attestation(said.response.attestation_object)
        key = webauthn.verify_registration_response(
            credential=said,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        # The library keeps what it can't verify with later, such as a point off the curve.
        decoded_public_key_to_cryptography(decode_credential_public_key(key.credential_public_key))
    if len(key.credential_id) > LONGEST_ID:
        raise PasskeyRefused("the credential's id is too long")
    return key


def said(answer: str) -> AuthenticationCredential:
    """Return what a browser says, to find the passkey by its `raw_id`. Raises PasskeyRefused."""
    with _refusing():
        return parse_authentication_credential_json(answer)


def recognised(
    site: Site, said: AuthenticationCredential, key: Key, challenge: bytes
) -> VerifiedAuthentication:
    """Return that a passkey was used, with its new count. Raises PasskeyRefused."""
    with _refusing():
        _same_page(said.response.client_data_json)
        # The library never looks whose it is said to be.
        if not hmac.compare_digest(said.response.user_handle or b"", key.handle):
            raise PasskeyRefused("the passkey is of another account")
        return webauthn.verify_authentication_response(
            credential=said,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )


def _no_attestation(stated: bytes) -> None:
    """Refuse what we did not ask for: browsers leave what a key says of itself, and no more.

    So nobody reaches the library's readers of certificates and TPMs.
    """
    made = parse_attestation_object(stated)
    itself = made.fmt == AttestationFormat.PACKED and made.att_stmt.x5c is None
    if made.fmt != AttestationFormat.NONE and not itself:
        raise PasskeyRefused(f"attestation {made.fmt} was not asked for")


def _same_page(client_data: bytes) -> None:
    """Refuse what was asked inside another site's page: the library doesn't look."""
    if parse_client_data_json(client_data).cross_origin:
        raise PasskeyRefused("it was asked for inside another site's page")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except _LEAKS as error:
        raise PasskeyRefused(f"{type(error).__name__}: {error}") from error
