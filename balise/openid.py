"""Who somebody is at an OpenID provider (OpenID Connect Core 1.0, code flow; PKCE, RFC 7636)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from threading import BoundedSemaphore
from typing import Any, Self, TypeVar
from urllib.parse import quote_plus

import httpx
import jwt
import msgspec
import structlog

from balise import unreadable
from balise.closed import is_loopback
from balise.errors import ProviderDown, ProviderRefused
from balise.settings import Settings

STANDARD_PLACE = "/.well-known/openid-configuration"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""By public keys only: a secret that two know signs for neither."""
_NEEDED = ("iss", "sub", "aud", "exp", "iat", "nonce")
_LONGEST = 256
"""A subject is ASCII and no longer than 255 (OpenID Connect Core 1.0, section 2)."""
_LEEWAY = 60
"""Seconds by which two clocks may differ."""
_SECONDS = 5.0
_WAIT = 1.0
_ASKED_AT_ONCE = BoundedSemaphore(8)
"""Whoever comes may have us ask the provider: a slow one must not hold up all the pages."""
_log = structlog.get_logger(__name__)
Said = TypeVar("Said")


class Metadata(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct):
    id_token: str


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser takes along to the provider, in its cookie, and must come back with.

    `link` is the one-time link of an account that is to be theirs, empty for who has one.
    """

    state: str
    nonce: str
    verifier: str
    link: str = ""

    @classmethod
    def begin(cls, link: str = "") -> Self:
        """Return a new one."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, link)

    @classmethod
    def read(cls, written: str) -> Self:
        """Return one from its cookie; ProviderRefused for what is none."""
        parts = written.split(".")
        if len(parts) != len(fields(cls)) or not all(parts[:-1]):
            raise ProviderRefused
        return cls(*parts)

    def written(self) -> str:
        """Return it as a cookie has it."""
        return f"{self.state}.{self.nonce}.{self.verifier}.{self.link}"

    @property
    def challenge(self) -> str:
        """What the provider holds the verifier against (RFC 7636, section 4.2)."""
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(hashed).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider of a site, as it describes itself just now.

    It is asked anew each time: it changes its keys when it likes, and few people sign in at once.
    """

    settings: Settings
    metadata: Metadata

    @classmethod
    def found(cls, settings: Settings) -> Self:
        """Ask the provider what it is; ProviderDown where it isn't the one that is set."""
        place = settings.oidc_discovery or settings.oidc_issuer.rstrip("/") + STANDARD_PLACE
        said = _asked(Metadata, "GET", place)
        ours = settings.oidc_issuer
        if said.issuer != ours:
            raise ProviderDown(
                f"{place} is of the issuer {said.issuer!r}: set BALISE_OIDC_ISSUER to just that"
            )
        return cls(settings, said)

    def address(self, attempt: Attempt, back: str, *, anew: bool = False) -> str:
        """Return where a browser is sent, to come back to `back`; `anew` has them say who they are.

        Whoever is still signed in there would not be asked otherwise.
        """
        asked = {
            "response_type": "code",
            "client_id": self.settings.oidc_client,
            "redirect_uri": back,
            "scope": self.settings.oidc_scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        if anew:
            asked["prompt"] = "login"
        if self.settings.oidc_acr:
            asked["acr_values"] = self.settings.oidc_acr
        return str(_safe(self.metadata.authorization_endpoint).copy_merge_params(asked))

    def leaving(self, back: str) -> str:
        """Return where a browser is sent to be signed out there too, empty where that can't be."""
        if not self.metadata.end_session_endpoint:
            return ""
        asked = {"client_id": self.settings.oidc_client, "post_logout_redirect_uri": back}
        return str(_safe(self.metadata.end_session_endpoint).copy_merge_params(asked))

    def identity(self, attempt: Attempt, said: Mapping[str, str], back: str) -> str:
        """Return who has come back, as issuer and subject: that pair alone is theirs for ever.

        `said` is what the browser brought along. Raises ProviderRefused, ProviderDown.
        """
        state, issuer = said.get("state", ""), said.get("iss", self.metadata.issuer)
        if not _same(state, attempt.state) or issuer != self.metadata.issuer:
            raise ProviderRefused
        if not said.get("code"):
            _log.info("the provider let nobody in", error=_code(said.get("error")))
            raise ProviderRefused
        claims = self._claims(self._exchanged(attempt, said["code"], back))
        if not _same(ascii(claims["nonce"]), ascii(attempt.nonce)):
            raise ProviderRefused
        return f"{self.metadata.issuer} {claims['sub']}"

    def _exchanged(self, attempt: Attempt, code: str, back: str) -> str:
        """Return the ID token that a code is exchanged for."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        client, secret = self.settings.oidc_client, self.settings.oidc_secret.get_secret_value()
        ways = self.metadata.token_endpoint_auth_methods_supported
        auth = None
        if secret and "client_secret_post" not in ways:
            # RFC 6749, section 2.3.1: both are encoded before. Some providers forget that, so that
            # a form, where nothing can be forgotten, goes first.
            auth = httpx.BasicAuth(quote_plus(client), quote_plus(secret))
        else:
            form |= {"client_id": client} | ({"client_secret": secret} if secret else {})
        place = self.metadata.token_endpoint
        return _asked(_Tokens, "POST", place, data=form, auth=auth).id_token

    def _claims(self, token: str) -> dict[str, Any]:
        """Return what an ID token says, proved (OpenID Connect Core 1.0, section 3.1.3.7)."""
        try:
            key = _key(self.keys(), jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self.settings.oidc_client,
                issuer=self.metadata.issuer,
                leeway=_LEEWAY,
                options={"require": list(_NEEDED)},
            )
        # Of a key that is none, or of a kind it doesn't know, PyJWT has no error of its own.
        except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError) as error:
            claim = getattr(error, "claim", "")
            _log.warning("an ID token proves nothing", error=type(error).__name__, claim=claim)
            raise ProviderRefused from error
        self._check(claims)
        return claims

    def keys(self) -> list[dict[str, Any]]:
        """Return the keys that the provider signs with now."""
        return _asked(_Keys, "GET", self.metadata.jwks_uri).keys

    def _check(self, claims: Mapping[str, Any]) -> None:
        """See that a token was made for us, of somebody, and as surely as we ask."""
        if not 0 < len(claims["sub"]) < _LONGEST or not claims["sub"].isascii():
            raise ProviderRefused
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self.settings.oidc_client) != (
            self.settings.oidc_client
        ):
            raise ProviderRefused
        asked = self.settings.oidc_acr.split()
        if asked and claims.get("acr") not in asked:
            _log.warning("the provider is less sure than BALISE_OIDC_ACR asks")
            raise ProviderRefused


def _key(keys: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> jwt.PyJWK:
    """Return the key a token names; without a name, the only one.

    Raises PyJWTError where it isn't there, or is none of ours. A key need not say for what it is
    (RFC 7517, section 4.4): then it is for what the token says.
    """
    signing = [one for one in keys if one.get("use", "sig") == "sig"]
    name = header.get("kid")
    found = [one for one in signing if name is None or one.get("kid") == name]
    if len(found) != 1 or header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidKeyError
    return jwt.PyJWK(dict(found[0]), algorithm=str(found[0].get("alg", header["alg"])))


def _asked(kind: type[Said], method: str, url: str, **more: Any) -> Said:
    """Ask the provider for something; what is refused there is refused here."""
    with _one_more():
        try:
            answer = httpx.request(method, _safe(url), timeout=_SECONDS, **more)
        except httpx.HTTPError as error:
            raise ProviderDown(f"{url} does not answer; see BALISE_OIDC_ISSUER") from error
    if method == "POST" and answer.is_client_error:
        _log.warning("the provider refused the code", error=_code(_error_of(answer)))
        raise ProviderRefused
    if not answer.is_success:
        raise ProviderDown(f"{url} answers with {answer.status_code}")
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except unreadable.JSON as error:
        raise ProviderDown(f"{url} does not answer as an OpenID provider does") from error


@contextmanager
def _one_more() -> Iterator[None]:
    if not _ASKED_AT_ONCE.acquire(timeout=_WAIT):
        raise ProviderDown("too many ask the OpenID provider at once")
    try:
        yield
    finally:
        _ASKED_AT_ONCE.release()


def _safe(url: str) -> httpx.URL:
    """Return an address that nobody on the way can read or change: TLS, or this very machine."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ProviderDown(f"{url!r} is no address") from error
    if parsed.scheme == "https" or (parsed.scheme == "http" and is_loopback(parsed.host)):
        return parsed
    raise ProviderDown(f"{url} is no https:// address")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _error_of(answer: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(answer.content)
    except unreadable.JSON:
        return ""
    return str(said.get("error", "")) if isinstance(said, dict) else ""


def _code(error: str | None) -> str:
    """Return an error's code as the log may have it: RFC 6749 has letters and underscores."""
    return error if error and error.isidentifier() and len(error) < 60 else "unknown"
