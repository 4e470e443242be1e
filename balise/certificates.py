"""X.509 as Balise uses it: keys on P-256, an authority's certificate, those it signs, its list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFYING = ("key_cert_sign", "crl_sign")
SIGNING = ("digital_signature",)
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """From when until when something is good."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Signer:
    """An authority: its key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key as PEM, for a file that its owner alone reads."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read_key(text: bytes) -> ec.EllipticCurvePrivateKey:
    """Read a key; ValueError where it is none of ours."""
    key = serialization.load_pem_private_key(text, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("no key on an elliptic curve")  # noqa: TRY004 - bad content, not a bad call
    return key


def text(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def bundle(text: bytes) -> list[x509.Certificate]:
    """Read the certificates of a file, one or several; ValueError where there is none."""
    return x509.load_pem_x509_certificates(text)


def fingerprint(certificate: x509.Certificate) -> bytes:
    """Return what a certificate is known by: its SHA-256."""
    return certificate.fingerprint(hashes.SHA256())


def subject_hash(certificate: x509.Certificate) -> str:
    """Return the name under which OpenSSL looks for a certificate and its lists in a folder.

    SHA-1 over the subject in OpenSSL's canonical form (X509_NAME_hash: UTF-8, lower case, the outer
    SEQUENCE left out), its first four bytes as a little-endian number. Of a common name alone.
    """
    name = common_name(certificate.subject).lower().encode()
    oid = b"\x06\x03\x55\x04\x03"  # 2.5.4.3, commonName
    pair = oid + bytes([0x0C, len(name)]) + name
    canonical = bytes([0x31, len(pair) + 2, 0x30, len(pair)]) + pair
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return digest[3::-1].hex()


def common_name(name: x509.Name) -> str:
    """Return the common name, nothing where there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def hosts(certificate: x509.Certificate) -> set[str]:
    """Return the names and addresses a server's certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    addresses = {str(one) for one in found.get_values_for_type(x509.IPAddress)}
    return addresses | set(found.get_values_for_type(x509.DNSName))


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Say whether an authority signed this, whatever its dates."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key's point, by which it is known again."""
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def self_signed(key: ec.EllipticCurvePrivateKey, name: str, period: Period) -> x509.Certificate:
    """Return an authority's own certificate."""
    return (
        _begun(key.public_key(), _name(name), _name(name), period)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(CERTIFYING), critical=True)
        .sign(key, hashes.SHA256())
    )


def signed(
    signer: Signer,
    public: ec.EllipticCurvePublicKey,
    name: str,
    period: Period,
    hosts: Sequence[str] = (),
) -> x509.Certificate:
    """Return a certificate: a server's where it has hosts, else a client's."""
    use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    own = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
    # Every extension that a strict verifier asks for: Python's is one since 3.13.
    begun = (
        _begun(public, _name(name), signer.certificate.subject, period)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(SIGNING), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(own, critical=False)
    )
    if hosts:
        alternatives = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
        begun = begun.add_extension(alternatives, critical=False)
    return begun.sign(signer.key, hashes.SHA256())


def revocation_list(signer: Signer, serials: Iterable[int], number: int) -> bytes:
    """Return the authority's n-th list of what it takes back, as PEM.

    Its time counts the lists from the authority's beginning: of several lists OpenSSL takes the
    newest by the second, and a clock may stand still or go back. It never ends by itself, since a
    list that has ended would shut everyone out.
    """
    own = signer.certificate
    at = own.not_valid_before_utc + timedelta(seconds=number)
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(own.subject)
        .last_update(at)
        .next_update(own.not_valid_after_utc)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial in serials:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        made = made.add_revoked_certificate(one)
    return made.sign(signer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def is_list_of(text: bytes, signer: Signer, serials: Iterable[int]) -> bool:
    """Say whether a list is an authority's, and says just this."""
    try:
        found = x509.load_pem_x509_crl(text)
    except ValueError:
        return False  # cut short by a power cut
    said = {one.serial_number for one in found}
    return said == {*serials} and found.is_signature_valid(signer.key.public_key())


def is_pair(signer: Signer) -> bool:
    """Say whether a certificate is of a key."""
    public = signer.certificate.public_key()
    own = signer.key.public_key()
    return isinstance(public, ec.EllipticCurvePublicKey) and public_bytes(public) == public_bytes(
        own
    )


def _begun(
    public: ec.EllipticCurvePublicKey, subject: x509.Name, issuer: x509.Name, period: Period
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(period.start)
        .not_valid_after(period.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(wanted: Sequence[str]) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in wanted for usage in _USAGES})


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
