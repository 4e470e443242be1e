"""The site's certificate authority: its key, what it has signed, and what it took back.

It lives in two folders of the server's home: `ca`, closed, with the key and the ledger; `tls`, with
what broker and services read. While it hands over, `ca/heir` has the key of the one that comes
next: boxes are certified by the heir and believe both, broker and services stay with the former.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from balise import certificates, published, sealed, succession
from balise.certificates import Period, Signer
from balise.errors import AuthorityMissing, BoxRevoked, SettingsRefused, UsageError
from balise.files import write
from balise.ledger import Issued, Ledger
from balise.remote import Value
from balise.sealed import Sent
from balise.succession import Succession

SERVICE = "service"
BROKER = "broker"
GATEWAY = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
NAME = "Balise site authority"

LASTING = timedelta(days=36500)  # the boxes trust nobody else, but an heir that it seals
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
        self._heir = home / "ca" / "heir"
        self._line = home / "ca" / "successions.json"
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
                made = _new(NAME, now or datetime.now(UTC))
                write(self._closed / "certificate.pem", certificates.text(made.certificate), 0o644)
                write(self._closed / "key.pem", certificates.key_text(made.key), 0o600)
            # Whoever serves for root reads these: the certificates and lists are public.
            for folder in (self._open, self.lists):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o755)
            self._show()
            self._serve(self.broker, BROKER, (*hosts, "localhost", "127.0.0.1", BROKER))
            self._serve(self.service, SERVICE, ())

    def hand_over(self, *, now: datetime | None = None) -> None:
        """Begin the authority that comes next, unless it has begun: it certifies boxes now."""
        with self._alone():
            if self.heir is None:
                self._name_heir(now or datetime.now(UTC))
            self._show()

    def seal_anew(self, name: str) -> bytes | None:
        """Return a gateway's settings, sealed by all whom boxes may know; None: unreadable."""
        with self._alone():
            sent = self._before(name)
            payload = self._seal(sent) if sent else None
            if payload:
                self.ledger.keep_settings(name, payload)
            return payload

    def _name_heir(self, now: datetime) -> None:
        """Make the heir; its certificate comes last, as it says that the hand-over has begun."""
        former = self.signer
        made = _new(f"{NAME} {_number(former.certificate) + 1}", now)
        write(self._closed / "codes.key", self._codes_key(), 0o600)
        line = [*self.successions, succession.hand_over(former, made.certificate)]
        write(self._line, msgspec.json.encode(line), 0o644)
        self._heir.mkdir(mode=0o700, exist_ok=True)
        write(self._heir / "key.pem", certificates.key_text(made.key), 0o600)
        write(self._heir / "certificate.pem", certificates.text(made.certificate), 0o644)

    def retire(
        self, hosts: Sequence[str], *, stolen: bool = False, now: datetime | None = None
    ) -> list[str]:
        """End the hand-over: what the former one signed is refused once the broker starts again.

        UsageError while boxes would be shut out by it; not where its key was stolen: whoever has
        not heard of the heir by then is no longer believed, and is invited again. Return them.
        """
        with self._alone():
            if self.heir is None:
                raise UsageError("no hand-over has begun: `balise authority --hand-over`")
            behind = self.behind(now=now)
            if behind and not stolen:
                raise UsageError(
                    f"{', '.join(behind)} would be shut out: their certificates are of the former"
                    " authority. They renew by themselves while they are on; wait for that, or for"
                    " their certificates to end, or revoke them (`balise gateway revoke`)"
                )
            if stolen:
                write(self._line, b"[]", 0o644)
                write(self._closed / "codes.key", secrets.token_bytes(32), 0o600)
            (self._heir / "key.pem").rename(self._closed / "key.pem")
            self._end_retirement()
        self.ensure(hosts, now=now)
        return behind

    def behind(self, *, now: datetime | None = None) -> list[str]:
        """Return the boxes whose good certificate is of the authority that hands over."""
        former = _number(self.signer.certificate)
        return self.ledger.still_of(former, now or datetime.now(UTC)) if self.heir else []

    @property
    def signer(self) -> Signer:
        """The key and the certificate; AuthorityMissing where there are none."""
        try:
            return _read(self._closed, self._heir if self._half_retired() else self._closed)
        except FileNotFoundError as error:
            raise AuthorityMissing from error

    @property
    def heir(self) -> Signer | None:
        """The authority that comes next; None where none was begun."""
        there = [(self._heir / name).exists() for name in ("certificate.pem", "key.pem")]
        return _read(self._heir, self._heir) if all(there) else None

    @property
    def trusted(self) -> list[x509.Certificate]:
        """Who is believed, the newest first."""
        return [one.certificate for one in self._signers()]

    def told(self, *, follows: bool) -> bytes:
        """Return whom a box is to trust, as PEM: of one that follows nobody, whom it knows."""
        signers = self._signers() if follows else [self.signer]
        return b"".join(certificates.text(one.certificate) for one in signers)

    @property
    def successions(self) -> list[Succession]:
        """Every hand-over that boxes may follow, from the oldest on."""
        text = self._line.read_bytes() if self._line.exists() else b"[]"
        return msgspec.json.decode(text, type=list[Succession])

    def has_signed(self, certificate: x509.Certificate) -> bool:
        """Say whether somebody of this line signed it: those who are trusted, and their formers."""
        formers = [one.former.encode() for one in self.successions]
        line = self.trusted + [x509.load_pem_x509_certificate(one) for one in formers]
        return any(certificates.is_signed_by(certificate, one) for one in line)

    @property
    def fingerprint(self) -> bytes:
        """What a box that is invited knows us by; of an heir it hears in the answer."""
        return certificates.fingerprint(self.signer.certificate)

    def digest(self, secret: str) -> bytes:
        """Return a keyed digest: who reads the database alone can't try all codes against it."""
        return hmac.digest(self._codes_key(), secret.encode(), "sha256")

    def _codes_key(self) -> bytes:
        """Return what codes are digested with; it outlives the key that it was made of."""
        kept = self._closed / "codes.key"
        if kept.exists():
            return kept.read_bytes()
        return hashlib.sha256(b"invite" + (self._closed / "key.pem").read_bytes()).digest()

    def admit(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        lifetime: timedelta = GATEWAYS,
        *,
        follows: bool = True,
        now: datetime | None = None,
    ) -> x509.Certificate:
        """Return the first certificate of a box; another that had the name is shut out.

        One whose program `follows` no hand-over has it of the authority that it knows.
        """
        with self._alone():
            self._take_back(check_name(name))
            made = self._made(name, public, lifetime, now or datetime.now(UTC), follows=follows)
            return self._written(made)

    def renew(
        self,
        old: x509.Certificate,
        public: ec.EllipticCurvePublicKey,
        lifetime: timedelta,
        *,
        follows: bool = True,
    ) -> x509.Certificate:
        """Return the next certificate of a box; BoxRevoked where its own is not good."""
        # Under the lock, so that a box can't renew itself past a revocation.
        with self._alone():
            name = certificates.common_name(old.subject)
            if old.serial_number in self.ledger.revoked() or not self._is_a_boxs(old, name):
                raise BoxRevoked
            made = self._made(name, public, lifetime, datetime.now(UTC), follows=follows)
            return self._written(made, shown=_number(old))

    def _is_a_boxs(self, old: x509.Certificate, name: str) -> bool:
        """Say whether a certificate may be renewed: of a box, and not made by who has an old key.

        Of the newest authority its signature is enough: a ledger may be back from a backup.
        """
        check_name(name)
        if certificates.is_signed_by(old, self.trusted[0]):
            return True
        return self.ledger.has(name, old.serial_number, certificates.fingerprint(old).hex())

    def revoke(self, name: str) -> int:
        """Take back every certificate of a gateway; return how many were good until now."""
        with self._alone():
            return self._take_back(name)

    def set(
        self, name: str, change: Callable[[dict[str, Value]], dict[str, Value]], above: int = 0
    ) -> tuple[Sent, bytes]:
        """Seal a gateway's next settings, made of those before; their version is above `above`."""
        with self._alone():
            before = self._before(check_name(name))
            version = max(above, before.version if before else 0) + 1
            values = change(dict(before.values) if before else {})
            sent = Sent(gateway=name, version=version, at=datetime.now(UTC), values=values)
            payload = self._seal(sent)
            self.ledger.keep_settings(name, payload)
            return sent, payload

    def _before(self, name: str) -> Sent | None:
        """Return a gateway's settings; None where it has none, or nobody can read them."""
        with suppress(SettingsRefused):
            return sealed.opened(self.ledger.settings(name) or b"", *self.trusted)
        return None

    def _seal(self, sent: Sent) -> bytes:
        heir = self.heir
        return sealed.seal(sent, self.signer.key, heir.key if heir else None)

    def _signers(self) -> list[Signer]:
        heir = self.heir
        return [heir, self.signer] if heir else [self.signer]

    def _take_back(self, name: str) -> int:
        count = self.ledger.revoke(name)
        self._publish()
        return count

    def _made(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        lifetime: timedelta,
        at: datetime,
        *,
        follows: bool,
    ) -> x509.Certificate:
        period = Period(at - min(EARLY, lifetime / 10), at + lifetime)
        signer = self._signers()[0] if follows else self.signer
        return certificates.signed(signer, public, name, period)

    def _written(self, made: x509.Certificate, shown: int = 0) -> x509.Certificate:
        """Write a certificate into the ledger, with whose certificate its box showed."""
        self.ledger.add(
            Issued(
                serial=f"{made.serial_number:x}",
                name=certificates.common_name(made.subject),
                until=made.not_valid_after_utc,
                by=_number(made),
                shown=shown,
                fingerprint=certificates.fingerprint(made).hex(),
            )
        )
        return made

    def _show(self) -> None:
        """Put out whom to trust and who was shut out."""
        self._publish()
        published.trust(self.lists, self._signers())
        write(self.file, self.told(follows=True), 0o644)

    def _publish(self) -> None:
        published.shut_out(self.lists, self._signers(), self.ledger.revoked())

    def _half_retired(self) -> bool:
        return (self._heir / "certificate.pem").exists() and not (self._heir / "key.pem").exists()

    def _end_retirement(self) -> None:
        """Put the heir's certificate beside its key, which went before it, maybe to a power cut."""
        if self._half_retired():
            waits = self._heir / "certificate.pem"
            if not certificates.is_pair(self.signer):
                raise UsageError(f"{waits} is not of {self._closed / 'key.pem'}: restore both")
            waits.rename(self._closed / "certificate.pem")

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
            self._end_retirement()
            yield


def _new(name: str, now: datetime) -> Signer:
    key = certificates.new_key()
    period = Period(now - timedelta(days=1), now + LASTING)
    return Signer(key, certificates.self_signed(key, name, period))


def _read(key: Path, certificate: Path) -> Signer:
    """Read a key and its certificate of their folders."""
    own = x509.load_pem_x509_certificate((certificate / "certificate.pem").read_bytes())
    return Signer(certificates.read_key((key / "key.pem").read_bytes()), own)


def _number(made: x509.Certificate) -> int:
    """Return which of the site's authorities signed a certificate, from 1 on: its name says it."""
    return int(certificates.common_name(made.issuer).removeprefix(NAME) or 1)


def _is_good(path: Path, signer: Signer, hosts: Sequence[str], now: datetime) -> bool:
    """Say whether a certificate is of this authority, for these hosts, and not near its end."""
    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    same = certificates.hosts(found) == set(hosts)
    of_ours = certificates.is_signed_by(found, signer.certificate)
    return same and of_ours and found.not_valid_after_utc - now > SERVERS / 3
