"""The site's certificate authority: its key, what it has signed, and what it took back.

It lives in two folders of the server's home: `ca`, closed, with the key and the ledger; `tls`, with
what broker and services read.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from balise import certificates, sealed
from balise.certificates import Period, Signer
from balise.errors import AuthorityMissing, BoxRevoked, UsageError
from balise.files import write
from balise.ledger import Ledger
from balise.remote import Value
from balise.sealed import Sent

SERVICE = "service"
BROKER = "broker"
GATEWAY = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
NAME = "Balise site authority"
# OpenSSL looks for newer lists in a folder by this hash of the name above, while it runs.
LIST = "a6d410ad.r{}"

LASTING = timedelta(days=36500)  # the boxes trust this authority and no other
SERVERS = timedelta(days=825)
GATEWAYS = timedelta(days=30)
EARLY = timedelta(hours=1)  # before now, for a clock that is a little behind


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a certificate and its key lie."""

    certificate: Path
    key: Path


def check_name(name: str) -> str:
    """Return a gateway's name; it is its account and part of its topics."""
    # The broker calls a box's session by this name, and services call theirs balise-something.
    if not GATEWAY.fullmatch(name) or name in {SERVICE, BROKER} or name.startswith("balise-"):
        raise UsageError(
            f"{name!r} can't be a gateway's name: 2 to 64 of a-z, 0-9 and -, not beginning with "
            f"- or balise-, and neither {SERVICE!r} nor {BROKER!r}."
        )
    return name


class Authority:
    """The authority of one server's home."""

    def __init__(self, home: Path) -> None:
        self._closed = home / "ca"
        self._open = home / "tls"
        self.ledger = Ledger(self._closed)
        self.file = self._open / "ca.pem"
        self.lists = self._open / "crl"
        self.broker = Pair(self._open / "broker.pem", self._open / "broker.key")
        self.service = Pair(self._open / "service.pem", self._open / "service.key")

    def ensure(self, hosts: Sequence[str], *, now: datetime | None = None) -> None:
        """Make what is missing: the authority, and certificates for broker and services."""
        self._closed.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if not (self._closed / "key.pem").exists():
                self._begin(now or datetime.now(UTC))
            # Whoever serves for root reads these: the certificates and lists are public.
            for folder in (self._open, self.lists):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o755)
            write(self.file, (self._closed / "certificate.pem").read_bytes(), 0o644)
            if not (self.lists / LIST.format(0)).exists():
                self._publish()
            self._serve(self.broker, BROKER, (*hosts, "localhost", "127.0.0.1", BROKER))
            self._serve(self.service, SERVICE, ())

    @property
    def signer(self) -> Signer:
        """The key and the certificate; AuthorityMissing where there are none."""
        try:
            key = certificates.read_key((self._closed / "key.pem").read_bytes())
            own = x509.load_pem_x509_certificate((self._closed / "certificate.pem").read_bytes())
        except FileNotFoundError as error:
            raise AuthorityMissing from error
        return Signer(key, own)

    @property
    def fingerprint(self) -> bytes:
        """What a box that was invited knows this authority by."""
        return self.signer.certificate.fingerprint(hashes.SHA256())

    def digest(self, secret: str) -> bytes:
        """Return a keyed digest: who reads the database alone can't try all codes against it."""
        key = hashlib.sha256(b"invite" + (self._closed / "key.pem").read_bytes()).digest()
        return hmac.digest(key, secret.encode(), "sha256")

    def admit(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        lifetime: timedelta = GATEWAYS,
        *,
        now: datetime | None = None,
    ) -> x509.Certificate:
        """Return the first certificate of a box; another that had the name is shut out."""
        with self._alone():
            self._take_back(check_name(name))
            return self._sign(name, public, lifetime, now or datetime.now(UTC))

    def renew(
        self, old: x509.Certificate, public: ec.EllipticCurvePublicKey, lifetime: timedelta
    ) -> x509.Certificate:
        """Return the next certificate of a box; BoxRevoked where its own was taken back."""
        # Under the lock, so that a box can't renew itself past a revocation.
        with self._alone():
            if old.serial_number in self.ledger.revoked():
                raise BoxRevoked
            name = certificates.common_name(old.subject)
            return self._sign(name, public, lifetime, datetime.now(UTC))

    def revoke(self, name: str) -> int:
        """Take back every certificate of a gateway; return how many were good until now."""
        with self._alone():
            return self._take_back(name)

    def set(
        self, name: str, change: Callable[[dict[str, Value]], dict[str, Value]], above: int = 0
    ) -> tuple[Sent, bytes]:
        """Seal a gateway's next settings, made of those before; their version is above `above`."""
        signer = self.signer
        with self._alone():
            kept = self.ledger.settings(check_name(name))
            before = sealed.opened(kept, signer.certificate) if kept else None
            version = max(above, before.version if before else 0) + 1
            values = change(dict(before.values) if before else {})
            sent = Sent(gateway=name, version=version, at=datetime.now(UTC), values=values)
            payload = sealed.seal(sent, signer.key)
            self.ledger.keep_settings(name, payload)
            return sent, payload

    def _take_back(self, name: str) -> int:
        count = self.ledger.revoke(name)
        if count:
            self._publish()
        return count

    def _sign(
        self, name: str, public: ec.EllipticCurvePublicKey, lifetime: timedelta, at: datetime
    ) -> x509.Certificate:
        period = Period(at - min(EARLY, lifetime / 10), at + lifetime)
        made = certificates.signed(self.signer, public, name, period)
        self.ledger.add(made.serial_number, name, period.end)
        return made

    def _publish(self) -> None:
        """Put a list beside those before it: a broker that runs looks for the next number only."""
        number = sum(1 for _ in self.lists.glob(LIST.format("*")))
        made = certificates.revocation_list(self.signer, self.ledger.revoked(), number)
        write(self.lists / LIST.format(number), made, 0o644)

    def _begin(self, now: datetime) -> None:
        key = certificates.new_key()
        period = Period(now - timedelta(days=1), now + LASTING)
        own = certificates.self_signed(key, NAME, period)
        write(self._closed / "certificate.pem", certificates.text(own), 0o644)
        write(self._closed / "key.pem", certificates.key_text(key), 0o600)

    def _serve(self, pair: Pair, name: str, hosts: Sequence[str]) -> None:
        """Make a server's or a service's certificate, unless a good one is there."""
        now = datetime.now(UTC)
        signer = self.signer
        if pair.key.exists() and _is_good(pair.certificate, signer, hosts, now):
            return
        key = certificates.new_key()
        period = Period(now - timedelta(days=1), now + SERVERS)
        made = certificates.signed(signer, key.public_key(), name, period, hosts)
        write(pair.key, certificates.key_text(key), 0o600)
        write(pair.certificate, certificates.text(made), 0o644)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._closed / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _is_good(path: Path, signer: Signer, hosts: Sequence[str], now: datetime) -> bool:
    """Say whether a certificate is of this authority, for these hosts, and not near its end."""
    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    same = certificates.hosts(found) == set(hosts)
    of_ours = certificates.is_signed_by(found, signer.certificate)
    return same and of_ours and found.not_valid_after_utc - now > SERVERS / 3
