"""What a browser may answer for a passkey, by a device made of a key and of CBOR."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from balise.errors import PasskeyRefused
from balise.passkeys import LONGEST_ID, Key, Site, recognised, registered, said

SITE = Site("localhost", "http://localhost:8000")
CHALLENGE, HANDLE, ID = b"c" * 32, b"h" * 16, b"i" * 32
OWN, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40

Json = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cose() -> dict[int, Any]:
    """A public key of the device as COSE has it (RFC 9053 section 7.1.1)."""
    point = OWN.public_key().public_numbers()
    return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}


def client(kind: str, **other: Any) -> bytes:
    """What a browser says it was asked (section 5.8.1)."""
    asked = {"type": kind, "challenge": b64(CHALLENGE), "origin": SITE.origin, "crossOrigin": False}
    return json.dumps(asked | other).encode()


def device(
    flags: int = PRESENT | VERIFIED, count: int = 1, rp: str = "localhost", more: bytes = b""
) -> bytes:
    """What a device says (section 6.1)."""
    return hashlib.sha256(rp.encode()).digest() + struct.pack(">BI", flags, count) + more


def attested(credential: bytes = ID, key: Any = None) -> bytes:
    raw = key if isinstance(key, bytes) else cbor2.dumps(cose() if key is None else key)
    return bytes(16) + struct.pack(">H", len(credential)) + credential + raw


def made(
    asked: bytes | None = None,
    told: bytes | None = None,
    statement: Any = None,
    raw: bytes | None = None,
) -> Json:
    """An answer of navigator.credentials.create."""
    new = device(PRESENT | VERIFIED | ATTESTED, 0, more=attested())
    whole = {"fmt": "none", "attStmt": {}, "authData": told or new} | (statement or {})
    return {
        "id": b64(ID),
        "rawId": b64(ID),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": b64(asked or client("webauthn.create")),
            "attestationObject": b64(cbor2.dumps(whole) if raw is None else raw),
        },
    }


def used(
    asked: bytes | None = None,
    told: bytes | None = None,
    signer: ec.EllipticCurvePrivateKey = OWN,
    **response: Any,
) -> Json:
    """An answer of navigator.credentials.get."""
    asked, told = asked or client("webauthn.get"), told or device()
    signed = told + hashlib.sha256(asked).digest()
    answer = {
        "clientDataJSON": b64(asked),
        "authenticatorData": b64(told),
        "signature": b64(signer.sign(signed, ec.ECDSA(hashes.SHA256()))),
        "userHandle": b64(HANDLE),
    }
    return {
        "id": b64(ID),
        "rawId": b64(ID),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": answer | response,
    }


def register(answer: Json | str) -> Any:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return registered(SITE, text, CHALLENGE)


def recognise(answer: Json | str, count: int = 0) -> Any:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return recognised(SITE, said(text), Key(HANDLE, cbor2.dumps(cose()), count), CHALLENGE)


def test_a_whole_answer_is_taken():
    key = register(made())
    assert (key.credential_id, key.sign_count) == (ID, 0)
    assert recognise(used()).new_sign_count == 1
    # Keys that their owner's devices share count nothing.
    assert recognise(used(told=device(count=0))).new_sign_count == 0


def test_the_id_is_what_the_device_signed():
    told = device(PRESENT | VERIFIED | ATTESTED, 0, more=attested(b"victim"))
    assert register(made(told=told)).credential_id == b"victim"


WRONG_USES: dict[str, Callable[[], Any]] = {
    "another's key": lambda: recognise(used(signer=OTHER)),
    "no signature": lambda: recognise(used(signature="")),
    "another account": lambda: recognise(used(userHandle=b64(b"another"))),
    "nobody's account": lambda: recognise(used(userHandle=None)),
    "an account that is no text": lambda: recognise(used(userHandle="é")),
    "another challenge": lambda: recognise(used(client("webauthn.get", challenge=b64(b"x")))),
    "another origin": lambda: recognise(used(client("webauthn.get", origin="http://evil"))),
    "another origin's list": lambda: recognise(used(client("webauthn.get", origin=[SITE.origin]))),
    "in another's page": lambda: recognise(used(client("webauthn.get", crossOrigin=True))),
    "what creating answers": lambda: recognise(used(client("webauthn.create"))),
    "another site": lambda: recognise(used(told=device(rp="evil.example"))),
    "nobody present": lambda: recognise(used(told=device(VERIFIED))),
    "nobody verified": lambda: recognise(used(told=device(PRESENT))),
    "a count that stands": lambda: recognise(used(told=device(count=5)), count=5),
    "a count that fell to none": lambda: recognise(used(told=device(count=0)), count=5),
    "nothing": lambda: recognise(""),
    "no object": lambda: recognise("[]"),
    "depth": lambda: recognise("[" * 100_000 + "]" * 100_000),
    "a number past all": lambda: recognise("1" * 5000),
    "bytes that are no text": lambda: recognise(used(b"\xff\xfe")),
    "a device that says nothing": lambda: recognise(used(authenticatorData="")),
}


@pytest.mark.parametrize("case", WRONG_USES)
def test_what_is_no_use_of_a_passkey_is_refused(case: str):
    with pytest.raises(PasskeyRefused):
        WRONG_USES[case]()


def with_key(key: Any) -> Json:
    told = device(PRESENT | VERIFIED | ATTESTED, 0, more=attested(key=key))
    return made(told=told)


WRONG_MAKINGS: dict[str, Json | str] = {
    "what using answers": made(client("webauthn.get")),
    "in another's page": made(client("webauthn.create", crossOrigin=True)),
    "nobody verified": made(told=device(PRESENT | ATTESTED, 0, more=attested())),
    "no key": made(told=device(PRESENT | VERIFIED, 0)),
    "an id too long": made(
        told=device(PRESENT | VERIFIED | ATTESTED, 0, more=attested(b"x" * (LONGEST_ID + 1)))
    ),
    "a point off the curve": with_key(cose() | {-2: b"\x01" * 32}),
    "a key without a point": with_key({1: 2, 3: -7}),
    "a key that is a number": with_key(5),
    "RSA with an exponent of 1": with_key({1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\x01"}),
    "an object that is none": made(raw=b"\xff\xff"),
    "an object 20,000 deep": made(raw=b"\x81" * 20_000 + b"\x00"),
    "an object of 2^62 parts": made(raw=b"\x9b" + struct.pack(">Q", 2**62)),
    "garbage": "{not json",
} | {
    f"attestation {kind}": made(statement={"fmt": kind, "attStmt": {"sig": 1, "x5c": [b"junk"]}})
    for kind in ("packed", "tpm", "android-key", "android-safetynet", "fido-u2f", "apple")
}


@pytest.mark.parametrize("case", WRONG_MAKINGS)
def test_what_is_no_passkey_is_refused(case: str):
    with pytest.raises(PasskeyRefused):
        register(WRONG_MAKINGS[case])


@given(st.data())
def test_any_byte_changed_is_taken_or_refused(data: st.DataObject):
    """Of what a device signs nothing may change: the rest is the browser's, and of no weight."""
    told = bytearray(device(PRESENT | VERIFIED | ATTESTED, 0, more=attested()))
    told[data.draw(st.integers(0, len(told) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(PasskeyRefused):
        register(made(told=bytes(told)))
    signed = device()
    changed = bytearray(signed)
    changed[data.draw(st.integers(0, len(signed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PasskeyRefused):
        recognise(used(authenticatorData=b64(bytes(changed))))


@given(st.recursive(st.none() | st.integers() | st.text() | st.binary(), st.lists, max_leaves=5))
def test_any_part_of_any_kind_is_refused(part: Any):
    if not isinstance(part, dict):
        with pytest.raises(PasskeyRefused):
            register(made(raw=cbor2.dumps(part)))
        with pytest.raises(PasskeyRefused):
            register(with_key(cbor2.dumps(part)))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://Balise.example", Site("balise.example", "https://balise.example")),
        ("https://balise.example:443/", Site("balise.example", "https://balise.example")),
        ("https://balise.example:8443", Site("balise.example", "https://balise.example:8443")),
        ("http://localhost:8080", Site("localhost", "http://localhost:8080")),
        ("http://balise.example", None),
        ("https://192.0.2.7", None),
        ("https://[::1]", None),
        ("http://127.0.0.1:8080", None),
        ("", None),
    ],
)
def test_browsers_use_passkeys_by_name_over_https(address: str, expected: Site | None):
    assert Site.at(address) == expected
