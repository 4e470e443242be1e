"""What an OpenID provider may say and we must not believe: OpenID Connect Core 1.0, 3.1.3.7."""

from __future__ import annotations

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from balise.errors import BaliseError, ProviderDown, ProviderRefused
from balise.openid import ALGORITHMS, Attempt, Provider
from balise.settings import Settings

BACK = "https://balise.example/sign-in/outside/back"
KEY = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig"})
CURVE = ECKey.generate_key("P-256", parameters={"kid": "two", "use": "sig"})
CURVES = {"ES256": CURVE, "ES384": ECKey.generate_key("P-384", parameters={"kid": "four"})}
STRANGE = RSAKey.generate_key(2048, parameters={"kid": "one"})
ATTEMPT = Attempt("state", "nonce", "verifier")
SAID = {"state": "state", "code": "code"}


@dataclass
class Said:
    """What the provider on this machine answers, by path; and what it was sent."""

    issuer: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def tokens(self, token: str) -> None:
        self.answers["/token"] = {"id_token": token, "access_token": "x"}

    def claims(self, **changed: object) -> dict[str, Any]:
        now = int(datetime.now(UTC).timestamp())
        whole = {
            "iss": self.issuer,
            "sub": "f:1234:899700000001",
            "aud": "balise",
            "exp": now + 300,
            "iat": now,
            "nonce": "nonce",
        }
        return {name: one for name, one in (whole | changed).items() if one is not None}


def handler(said: Said) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, body: str) -> None:
            said.asked.append((self.path, body, self.headers.get("Authorization", "")))
            answer = said.answers.get(self.path, 404)
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            if not isinstance(answer, int):
                self.wfile.write(
                    answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                )

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler


@pytest.fixture
def said() -> Iterator[Said]:
    """A provider that says what a test has it say."""
    answers = Said()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(answers))
    answers.issuer = f"http://127.0.0.1:{server.server_port}"
    answers.answers = {
        "/.well-known/openid-configuration": {
            "issuer": answers.issuer,
            "authorization_endpoint": f"{answers.issuer}/authorize?realm=a",
            "token_endpoint": f"{answers.issuer}/token",
            "jwks_uri": f"{answers.issuer}/keys",
        },
        "/keys": {"keys": [KEY.as_dict(private=False), CURVE.as_dict(private=False)]},
    }
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


def provider(said: Said, **settings: Any) -> Provider:
    known = {"oidc_issuer": said.issuer, "oidc_client": "balise", "oidc_secret": "a:b c"}
    return Provider.found(Settings(**(known | settings)))


def signed(claims: dict[str, Any], key: Any = KEY, alg: str = "RS256", **header: str) -> str:
    names = {"kid": key.kid} if key.kid else {}
    body = json.dumps(claims).encode()
    return jws.serialize_compact({"alg": alg} | names | header, body, key, algorithms=[alg])


def encoded(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def by_the_public_key(claims: dict[str, Any]) -> str:
    """The oldest trick: what everybody may know is taken for a secret."""
    parts = [encoded({"alg": "HS256", "kid": "one"}), encoded(claims)]
    known = hmac.digest(KEY.as_pem(private=False), ".".join(parts).encode(), "sha256")
    return ".".join([*parts, urlsafe_b64encode(known).rstrip(b"=").decode()])


def test_what_is_proved_is_who_it_is(said: Said):
    said.tokens(signed(said.claims()))
    who = provider(said).identity(ATTEMPT, SAID, BACK)
    assert who == f"{said.issuer} f:1234:899700000001"
    said.tokens(signed(said.claims(aud=["balise"], azp="balise"), CURVE, "ES256"))
    assert provider(said).identity(ATTEMPT, SAID, BACK) == who


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_by_each_way_to_sign(said: Said, alg: str):
    """Keys need not say for which they are; ones that we can't use stand beside."""
    key = CURVES.get(alg, KEY)
    known = key.as_dict(private=False)
    beside = [{"kid": "x", "kty": "RSA", "alg": "none"}, {"kty": "oct", "alg": ["RS256"], "k": "a"}]
    said.answers["/keys"] = {"keys": [*beside, known]}
    said.tokens(signed(said.claims(), key, alg))
    assert provider(said).identity(ATTEMPT, SAID, BACK).startswith(said.issuer)
    said.answers["/keys"] = {"keys": [known | {"use": "enc"}]}
    with pytest.raises(ProviderRefused):
        provider(said).identity(ATTEMPT, SAID, BACK)


FALSE: dict[str, Callable[[Said], str]] = {
    "another's signature": lambda said: signed(said.claims(), STRANGE),
    "a key that is not there": lambda said: signed(said.claims(), kid="three"),
    "no signature": lambda said: unsigned(said.claims()),
    "signed by what all know": lambda said: by_the_public_key(said.claims()),
    "for another site": lambda said: signed(said.claims(aud="other")),
    "for two, of whom the other asked": lambda said: signed(
        said.claims(aud=["balise", "other"], azp="other")
    ),
    "for two, and nobody asked": lambda said: signed(said.claims(aud=["balise", "other"])),
    "of another issuer": lambda said: signed(said.claims(iss="https://other.example")),
    "past": lambda said: signed(said.claims(exp=said.claims()["iat"] - 300)),
    "of the future": lambda said: signed(said.claims(iat=said.claims()["iat"] + 3000)),
    "of another attempt": lambda said: signed(said.claims(nonce="another")),
    "of no attempt": lambda said: signed(said.claims(nonce=None)),
    "of nobody": lambda said: signed(said.claims(sub=None)),
    "of nobody's name": lambda said: signed(said.claims(sub="")),
    "of no name": lambda said: signed(said.claims(sub=7)),
    "of a name too long": lambda said: signed(said.claims(sub="x" * 256)),
    "of a name that is no text": lambda said: signed(said.claims(sub="\ud800")),
    "of an attempt that is no text": lambda said: signed(said.claims(nonce="\ud800")),
    "of an attempt that is many": lambda said: signed(said.claims(nonce=["nonce"])),
    "for what is no name": lambda said: signed(said.claims(aud=7)),
    "of no end": lambda said: signed(said.claims(exp=None)),
    "no token": lambda _: "nothing",
}


@pytest.mark.parametrize("false", FALSE)
def test_what_proves_nothing_lets_nobody_in(said: Said, false: str):
    said.tokens(FALSE[false](said))
    with pytest.raises(ProviderRefused):
        provider(said).identity(ATTEMPT, SAID, BACK)


@pytest.mark.parametrize(
    "brought",
    [
        {},
        {"state": "state"},
        {"state": "other", "code": "code"},
        {"state": "state", "code": "code", "iss": "https://other.example"},
        {"state": "state", "error": "access_denied"},
        {"state": "é", "code": "code"},
    ],
)
def test_what_a_browser_brings_along_is_not_believed(said: Said, brought: dict[str, str]):
    said.tokens(signed(said.claims()))
    found = provider(said)
    before = len(said.asked)
    with pytest.raises(ProviderRefused):
        found.identity(ATTEMPT, brought, BACK)
    assert len(said.asked) == before  # nothing is asked for it


def test_how_sure_the_provider_must_be(said: Said):
    sure = provider(said, oidc_acr="eidas2 eidas1")
    assert "acr_values=eidas2+eidas1" in sure.address(ATTEMPT, BACK)
    for acr in ("eidas1", "eidas2"):
        said.tokens(signed(said.claims(acr=acr)))
        assert sure.identity(ATTEMPT, SAID, BACK)
    for less in (None, "0", "eidas"):
        said.tokens(signed(said.claims(acr=less)))
        with pytest.raises(ProviderRefused):
            sure.identity(ATTEMPT, SAID, BACK)


def test_where_a_browser_is_sent(said: Said):
    """With the challenge of RFC 7636, appendix B."""
    attempt = Attempt("s", "n", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    there = provider(said).address(attempt, BACK)
    assert there.startswith(f"{said.issuer}/authorize?realm=a&")
    assert "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" in there
    assert "redirect_uri=https%3A%2F%2Fbalise.example%2Fsign-in%2Foutside%2Fback" in there
    assert provider(said).leaving(BACK) == ""  # it has no such page


def test_how_a_secret_is_said(said: Said):
    """As RFC 6749, section 2.3.1 has it, or in the form where the provider takes that."""
    said.tokens(signed(said.claims()))
    provider(said).identity(ATTEMPT, SAID, BACK)
    (_, form, told), *_ = [one for one in said.asked if one[0] == "/token"]
    assert told == "Basic YmFsaXNlOmElM0FiK2M="  # balise:a%3Ab+c
    assert "client_secret" not in form
    assert "code_verifier=verifier" in form

    described = said.answers["/.well-known/openid-configuration"]
    described["token_endpoint_auth_methods_supported"] = [
        "client_secret_basic",
        "client_secret_post",
    ]
    provider(said).identity(ATTEMPT, SAID, BACK)
    (_, form, told) = [one for one in said.asked if one[0] == "/token"][1]
    assert told == ""
    assert "client_secret=a%3Ab+c" in form


AWAY: dict[str, tuple[str, Any, type[BaliseError]]] = {
    "no description": ("/.well-known/openid-configuration", 404, ProviderDown),
    "a description of nothing": ("/.well-known/openid-configuration", {}, ProviderDown),
    "another's description": (
        "/.well-known/openid-configuration",
        {
            "issuer": "https://other.example",
            "authorization_endpoint": "https://other.example/a",
            "token_endpoint": "https://other.example/t",
            "jwks_uri": "https://other.example/k",
        },
        ProviderDown,
    ),
    "no keys": ("/keys", 500, ProviderDown),
    "keys that are none": ("/keys", {"keys": []}, ProviderRefused),
    "a code that is used": ("/token", 400, ProviderRefused),
    "keys with one that is none": (
        "/keys",
        {"keys": [{"kty": "RSA", "kid": "one"}]},
        ProviderRefused,
    ),
    "keys of no kind": ("/keys", {"keys": [7]}, ProviderDown),
    "what is no text": ("/token", b'{"id_token": "\xe9"}', ProviderDown),
    "what is deep": ("/token", b"[" * 100_000, ProviderDown),
    "a broken provider": ("/token", 503, ProviderDown),
    "no token": ("/token", {"access_token": "x"}, ProviderDown),
}


@pytest.mark.parametrize("away", AWAY)
def test_a_provider_that_does_not_answer_as_one_does(said: Said, away: str):
    path, answer, error = AWAY[away]
    said.tokens(signed(said.claims()))
    said.answers[path] = answer
    with pytest.raises(error):
        provider(said).identity(ATTEMPT, SAID, BACK)


@pytest.mark.parametrize("written", ["", "a", "a.b.c", "a.b.c.d.e", "..."])
def test_a_cookie_that_is_none(written: str):
    with pytest.raises(ProviderRefused):
        Attempt.read(written)
    assert Attempt.read(Attempt.begin("link").written()).link == "link"


def test_nothing_is_asked_or_sent_in_the_open(said: Said):
    described = said.answers["/.well-known/openid-configuration"]
    described["authorization_endpoint"] = "http://provider.example/authorize"
    with pytest.raises(ProviderDown, match="no https"):
        provider(said).address(ATTEMPT, BACK)
    for issuer in ("http://provider.example", "ftp://localhost", "nothing", "http://[bad"):
        with pytest.raises(ProviderDown):
            provider(said, oidc_issuer=issuer)
