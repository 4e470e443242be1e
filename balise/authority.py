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
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from balise import certificates, sealed, succession
from balise.certificates import Period, Signer
from balise.errors import AuthorityMissing, BoxRevoked, UsageError
from balise.files import write
from balise.ledger import Ledger
from balise.remote import Value
from balise.sealed import Sent
from balise.succession import Succession

SERVICE = "service"
BROKER = "broker"
GATEWAY = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
NAME = "Balise site authority"
# OpenSSL looks for newer lists, and for authorities, in a folder by a hash of their name, while it
# runs: mosquitto.conf names the first of the first authority.
LIST = "{}.r{}"
FIRST_LIST = "a6d410ad.r0"
_TRUSTED = "{}.0"

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
            self._end_retirement()
            # Whoever serves for root reads these: the certificates and lists are public.
            for folder in (self._open, self.lists):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o755)
            self._show()
            self._serve(self.broker, BROKER, (*hosts, "localhost", "127.0.0.1", BROKER))
            self._serve(self.service, SERVICE, ())

    def hand_over(self, *, now: datetime | None = None) -> dict[str, bytes]:
        """Begin the authority that comes next, unless it has begun: it certifies boxes now.

        Return the settings of every box that has some, sealed by both.
        """
        with self._alone():
            if self.heir is None:
                self._name_heir(now or datetime.now(UTC))
            self._show()
            every = self.ledger.every_settings()
            for gateway, payload in every.items():
                every[gateway] = self._seal(sealed.opened(payload, *self.trusted))
                self.ledger.keep_settings(gateway, every[gateway])
            return every

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
    ) -> None:
        """End the hand-over: what the former one signed is refused once the broker starts again.

        UsageError while boxes would be shut out by it; not where its key was stolen: whoever has
        not heard of the heir by then is no longer believed, and is invited again.
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

    def behind(self, *, now: datetime | None = None) -> list[str]:
        """Return the boxes whose good certificate is of the authority that hands over."""
        former = _number(self.signer.certificate)
        return self.ledger.still_of(former, now or datetime.now(UTC)) if self.heir else []

    @property
    def signer(self) -> Signer:
        """The key and the certificate; AuthorityMissing where there are none."""
        try:
            return _read(self._closed)
        except FileNotFoundError as error:
            raise AuthorityMissing from error

    @property
    def heir(self) -> Signer | None:
        """The authority that comes next; None where none was begun."""
        return _read(self._heir) if (self._heir / "certificate.pem").exists() else None

    @property
    def trusted(self) -> list[x509.Certificate]:
        """Who is believed, the newest first."""
        return [one.certificate for one in self._signers()]

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
        """What a box that was invited knows this authority by."""
        return certificates.fingerprint(self.trusted[0])

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
        with self._alone():
            kept = self.ledger.settings(check_name(name))
            before = sealed.opened(kept, *self.trusted) if kept else None
            version = max(above, before.version if before else 0) + 1
            values = change(dict(before.values) if before else {})
            sent = Sent(gateway=name, version=version, at=datetime.now(UTC), values=values)
            payload = self._seal(sent)
            self.ledger.keep_settings(name, payload)
            return sent, payload

    def _seal(self, sent: Sent) -> bytes:
        heir = self.heir
        return sealed.seal(sent, self.signer.key, heir.key if heir else None)

    def _signers(self) -> list[Signer]:
        heir = self.heir
        return [heir, self.signer] if heir else [self.signer]

    def _take_back(self, name: str) -> int:
        count = self.ledger.revoke(name)
        if count:
            self._publish()
        return count

    def _sign(
        self, name: str, public: ec.EllipticCurvePublicKey, lifetime: timedelta, at: datetime
    ) -> x509.Certificate:
        period = Period(at - min(EARLY, lifetime / 10), at + lifetime)
        signer = self._signers()[0]
        made = certificates.signed(signer, public, name, period)
        self.ledger.add(made.serial_number, name, period.end, _number(signer.certificate))
        return made

    def _show(self) -> None:
        """Put out whom to trust, and a list of each: OpenSSL lets in nobody without one.

        A broker that runs has read the file of the trusted; it finds an heir in the folder.
        """
        good: set[Path] = set()
        for one in self._signers():
            if not (self.lists / LIST.format(_hash(one), 0)).exists():
                self._publish_of(one)
            path = self.lists / _TRUSTED.format(_hash(one))
            write(path, certificates.text(one.certificate), 0o644)
            good.add(path)
        for former in set(self.lists.glob(_TRUSTED.format("*"))) - good:
            former.unlink()
        write(self.file, b"".join(map(certificates.text, self.trusted)), 0o644)

    def _publish(self) -> None:
        for one in self._signers():
            self._publish_of(one)

    def _publish_of(self, signer: Signer) -> None:
        """Put a list beside those before it: a broker that runs looks for the next number only."""
        name = _hash(signer)
        number = sum(1 for _ in self.lists.glob(LIST.format(name, "*")))
        made = certificates.revocation_list(signer, self.ledger.revoked(), number)
        write(self.lists / LIST.format(name, number), made, 0o644)

    def _end_retirement(self) -> None:
        """Put the heir's certificate beside its key, which went before it, maybe to a power cut."""
        waits = self._heir / "certificate.pem"
        if waits.exists() and not (self._heir / "key.pem").exists():
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
            yield


def _new(name: str, now: datetime) -> Signer:
    key = certificates.new_key()
    period = Period(now - timedelta(days=1), now + LASTING)
    return Signer(key, certificates.self_signed(key, name, period))


def _read(folder: Path) -> Signer:
    key = certificates.read_key((folder / "key.pem").read_bytes())
    return Signer(key, x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes()))


def _hash(signer: Signer) -> str:
    return certificates.subject_hash(signer.certificate)


def _number(certificate: x509.Certificate) -> int:
    """Return which of the site's authorities it is, from 1 on: its name says it."""
    words = certificates.common_name(certificate.subject).removeprefix(NAME)
    return int(words or 1)


def _is_good(path: Path, signer: Signer, hosts: Sequence[str], now: datetime) -> bool:
    """Say whether a certificate is of this authority, for these hosts, and not near its end."""
    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    same = certificates.hosts(found) == set(hosts)
    of_ours = certificates.is_signed_by(found, signer.certificate)
    return same and of_ours and found.not_valid_after_utc - now > SERVERS / 3
