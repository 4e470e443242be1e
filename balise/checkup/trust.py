"""Who gets in, who keeps what: certificates, keys, accounts, the audit, backups, room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from balise import files, openid
from balise.checkup import connected, names, row
from balise.closed import is_beside, is_closed, is_loopback, place
from balise.errors import BaliseError
from balise.settings import Settings
from sql import audit as audit_rows
from sql import rows

_SOON, _OLD = timedelta(days=30), timedelta(days=2)
_ROOM = 1 << 30
_VERIFIED = {"verify-full", "verify-ca"}
_WAITING = 1 << 30


def certificates(settings: Settings) -> str:
    """Say whether the services' certificates are good for a while."""
    soonest: list[datetime] = []
    for path in filter(None, (settings.mqtt_ca_file, settings.mqtt_cert_file)):
        try:
            until = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        except (OSError, ValueError) as error:
            raise BaliseError(f"{path} is no certificate: `balise authority` makes it") from error
        if until - datetime.now(UTC) < _SOON:
            raise BaliseError(
                f"{path} ends {until:%Y-%m-%d}: run `balise authority`, then start broker and"
                " services again"
            )
        soonest.append(until)
    said = f"good until {min(soonest):%Y-%m-%d}" if soonest else "none is used"
    handing_over = (settings.home / "ca" / "heir" / "certificate.pem").exists()
    return f"{said}; a hand-over is not ended: `balise authority`" if handing_over else said


def keys(settings: Settings) -> str:
    """Say whether keys and secrets are their owner's alone."""
    ca = settings.home / "ca"
    places = [
        settings.mqtt_key_file,
        *(ca / one for one in ("key.pem", "heir/key.pem", "codes.key")),
    ]
    secrets = settings.home / "secrets"
    places += secrets.iterdir() if secrets.is_dir() else ()
    open_ones = [str(path) for path in places if path and path.exists() and _is_open(path)]
    if open_ones:
        raise BaliseError(f"others may read {', '.join(open_ones)}: chmod 600 {open_ones[0]}")
    return "their owner's alone"


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o007)


def transport(settings: Settings) -> str:
    """Say whether nobody reads on the way what goes to database, broker and another system."""
    with connected(settings) as connection:
        info = connection.info
        host = info.host
        places = {host, info.get_parameters().get("hostaddr") or host}
        mode = info.get_parameters().get("sslmode", "")
    if mode not in _VERIFIED and not all(map(is_beside, places)):
        raise BaliseError(
            f"who is between us and the database at {host} can read all of it: end"
            " BALISE_DATABASE_URL with ?sslmode=verify-full&sslrootcert=FILE"
        )
    if settings.mqtt_url.startswith("mqtt:") and not is_beside(_host(settings.mqtt_url)):
        raise BaliseError("what goes to the broker is in the clear: BALISE_MQTT_URL is mqtts://…")
    if settings.fhir_url and not is_closed(settings.fhir_url):
        raise BaliseError(
            f"BALISE_FHIR_URL must be an https:// address: {place(settings.fhir_url)}"
        )
    return "closed, or on this machine"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError as error:
        raise BaliseError("BALISE_MQTT_URL is no address: mqtts://HOST:PORT") from error


def accounts(settings: Settings) -> str:
    """Say whether somebody can give accounts, and whether somebody follows every patient."""
    with connected(settings) as connection:
        (admitted,) = row(connection, "doctor.admins")
        alone = names(connection, "panels.unfollowed")
    if not admitted:
        raise BaliseError("no admin can sign in: `balise account NAME --role admin` makes a link")
    if alone:
        raise BaliseError(
            f"nobody follows {len(alone)} patients ({', '.join(alone[:5])}): `balise panel put`"
        )
    return "an admin can sign in, and every patient is followed"


def provider(settings: Settings) -> str:
    """Say whether the OpenID provider answers, where accounts may sign in at one."""
    if not settings.oidc_issuer:
        return "none is used"
    if not settings.oidc_client:
        raise BaliseError("BALISE_OIDC_CLIENT is not set: it is what the provider calls the pages")
    count = len(openid.Provider.found(settings).keys())
    return f"it answers, is the issuer that is set, and has {count} keys"


def audit(settings: Settings) -> str:
    """Say whether the audit is what was written."""
    with connected(settings) as connection:
        head = audit_rows.head(connection)
        broken = next(audit_rows.breaks(connection, head), None)
    if broken:
        raise BaliseError(
            f"row {broken.number}: {broken.says}; leave the database as it is and see who could"
            " write (`balise audit verify`)"
        )
    return f"whole, {head[0]} rows"


def backup(settings: Settings) -> str:
    """Say whether there is one of late."""
    with connected(settings) as connection:
        (made_at,) = row(connection, "doctor.backup")
    if made_at is None:
        raise BaliseError("none was ever made: `balise db key FILE`, then `balise db backup FILE`")
    if datetime.now(UTC) - made_at > _OLD:
        raise BaliseError(
            f"the newest is of {made_at:%Y-%m-%d %H:%M}: see why `balise db backup` did not run"
        )
    return f"of {made_at:%Y-%m-%d %H:%M}"


def copies(settings: Settings) -> str:
    """Say whether copies of the server with its log go on, where there are any."""
    with connected(settings) as connection:
        found = rows.named(connection, "doctor.copies")
    for one in found:
        if one["lost"]:
            raise BaliseError(
                f"{one['name']} is lost, the server keeps no log for it any more: see why"
                " `balise db copy` did not run; it begins anew"
            )
        if one["stands"] and one["waiting"] > _WAITING:
            raise BaliseError(
                f"{one['waiting'] >> 20} MB wait for {one['name']}: see why `balise db copy` does"
                " not run"
            )
    return "the log is copied" if found else "none is made: `balise db copy` makes one"


def disk(settings: Settings) -> str:
    """Say whether there is room where Balise keeps its data."""
    free = files.room(settings.home)
    if free < _ROOM:
        raise BaliseError(
            f"{free >> 20} MB are free at {settings.home}: make room, or lower BALISE_RAW_MONTHS"
            " and run `balise db retention`"
        )
    return f"{free >> 30} GB are free"


def pages(settings: Settings) -> str:
    """Say whether what the pages send is seen by nobody on the way."""
    if settings.web_secure_cookies or is_loopback(settings.web_host):
        return "on this machine only, or behind TLS"
    raise BaliseError(
        f"they listen on {settings.web_host} without TLS: put a proxy before them, and set"
        " BALISE_WEB_SECURE_COOKIES=true"
    )
