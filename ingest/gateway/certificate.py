"""Who this box is: its key, the server's certificate for it, and where it found both."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from balise import certificates, unreadable
from balise.authority import Authority
from balise.errors import AuthorityForeign, ClockWrong, UsageError
from balise.files import write
from balise.settings import Settings
from balise.succession import Succession
from ingest.gateway import devices


class BrokerAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a box that is enrolled sends what it measures, and where it renews: broker.json."""

    gateway: str
    host: str
    port: int
    server: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answers to an enrolment and to a renewal.

    `authority` is all whom a box may trust, the newest first, and `successions` is how they came
    after those whom it trusted before.
    """

    gateway: str
    certificate: str
    authority: str
    successions: tuple[Succession, ...] = ()
    host: str
    port: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """The files of one box."""

    folder: Path

    @property
    def key_file(self) -> Path:
        """The key, which never leaves the box."""
        return self.folder / "key.pem"

    @property
    def certificate_file(self) -> Path:
        """What the server says of that key, for a month."""
        return self.folder / "certificate.pem"

    @property
    def authority_file(self) -> Path:
        """Whom the box trusts to name its server."""
        return self.folder / "ca.pem"

    @property
    def trusted(self) -> list[x509.Certificate]:
        """Whom the box trusts, the newest first."""
        return certificates.bundle(self.authority_file.read_bytes())

    @property
    def broker(self) -> BrokerAt | None:
        """Where the broker and the server are; None where the box is not enrolled."""
        try:
            return msgspec.json.decode((self.folder / "broker.json").read_bytes(), type=BrokerAt)
        except FileNotFoundError:
            return None
        except unreadable.JSON as error:
            raise UsageError(f"{self.folder / 'broker.json'}: {error}; enrol again") from error

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate as it is now."""
        return x509.load_pem_x509_certificate(self.certificate_file.read_bytes())

    def key(self) -> ec.EllipticCurvePrivateKey:
        """Return the box's key."""
        return certificates.read_key(self.key_file.read_bytes())

    def keep(self, key: ec.EllipticCurvePrivateKey, answer: Answer, server: str) -> None:
        """Keep what an enrolment brought; broker.json comes last, as it says all is there."""
        self.keep_certificate(key, answer)
        if not self.key_file.exists() or not _pairs(self.key(), key.public_key()):
            write(self.key_file, certificates.key_text(key), 0o600)
        at = BrokerAt(gateway=answer.gateway, host=answer.host, port=answer.port, server=server)
        write(self.folder / "broker.json", msgspec.json.encode(at), 0o644)

    def keep_certificate(self, key: ec.EllipticCurvePrivateKey, answer: Answer) -> None:
        """Keep the answer's certificate, if whom it names made it, for our key, from now on."""
        made = x509.load_pem_x509_certificate(answer.certificate.encode())
        named = certificates.bundle(answer.authority.encode())
        public = made.public_key()
        ours = isinstance(public, ec.EllipticCurvePublicKey) and _pairs(key, public)
        if not ours or not any(certificates.is_signed_by(made, one) for one in named):
            raise AuthorityForeign
        check_clock(made, answer.now)
        write(self.authority_file, answer.authority.encode(), 0o644)
        write(self.certificate_file, answer.certificate.encode(), 0o644)


def check_clock(made: x509.Certificate, servers: datetime) -> None:
    """Say which clock is wrong where a new certificate is not good at this moment."""
    now = datetime.now(UTC)
    if not made.not_valid_before_utc <= now <= made.not_valid_after_utc:
        raise ClockWrong(clocks(servers))


def clocks(servers: datetime) -> str:
    """Say what both clocks say, and what to do."""
    now = datetime.now(UTC)
    return (
        f"This box's clock says {now:%Y-%m-%d %H:%M}, the server's {servers:%Y-%m-%d %H:%M} UTC."
        " Set the box's (`timedatectl set-ntp true`) and try again."
    )


def request(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the request for a certificate; the server says for which name."""
    empty = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return empty.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def sign(key: ec.EllipticCurvePrivateKey, text: str) -> str:
    """Return a signature over a text, by which the server knows who asks for a renewal."""
    return base64.b64encode(key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))).decode()


def _pairs(key: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> bool:
    return certificates.public_bytes(key.public_key()) == certificates.public_bytes(public)


def identity(home: Path, gateway: str) -> Identity:
    """Return where a gateway's files are."""
    return Identity(devices.folder(home, gateway))


def enrolled(settings: Settings) -> Settings:
    """Return the settings with what enrolment left in the gateway's folder, if it did.

    A box has one gateway, so that its name need not be set once it is enrolled.
    """
    name = settings.gateway_name or _only(settings.home)
    found = identity(settings.home, name)
    at = found.broker if name else None
    if at is None:
        return settings
    host = f"[{at.host}]" if ":" in at.host else at.host
    return settings.model_copy(
        update={
            "gateway_name": at.gateway,
            "mqtt_url": f"mqtts://{host}:{at.port}",
            "mqtt_ca_file": found.authority_file,
            "mqtt_cert_file": found.certificate_file,
            "mqtt_key_file": found.key_file,
        }
    )


def enrol_here(site: Authority, settings: Settings, name: str, *, port: int) -> None:
    """Enrol a gateway on the server's own machine, as an invitation would have.

    One that was shut out stays so, and one whose certificate is good keeps it.
    """
    found = identity(settings.home, name)
    at = BrokerAt(gateway=name, host="127.0.0.1", port=port, server=settings.server_url)
    shut_out = site.ledger.is_shut_out(name)
    if not (found.certificate_file.exists() and _is_of(found, site)) and not shut_out:
        found.folder.mkdir(parents=True, exist_ok=True)
        key = certificates.new_key()
        made = site.admit(name, key.public_key(), timedelta(days=settings.certificate_days))
        write(found.key_file, certificates.key_text(key), 0o600)
        write(found.certificate_file, certificates.text(made), 0o644)
    write(found.authority_file, site.file.read_bytes(), 0o644)
    write(found.folder / "broker.json", msgspec.json.encode(at), 0o644)


def _is_of(found: Identity, site: Authority) -> bool:
    """Say whether a box's certificate is this authority's, and good."""
    own = found.certificate
    signed = any(certificates.is_signed_by(own, one) for one in site.trusted)
    return signed and own.not_valid_after_utc > datetime.now(UTC)


def _only(home: Path) -> str:
    known = list((home / "gateway").glob("*/broker.json"))
    return known[0].parent.name if len(known) == 1 else ""
