"""Who gets into the broker by certificate, who doesn't, and homes that had passwords."""

from __future__ import annotations

import socket
import ssl
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from balise import authority, published
from balise.authority import Authority
from balise.stack import Stack

pytestmark = pytest.mark.stack

CONNECT = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x0a\x00\x04any1"
LET_IN = b"\x20\x02\x00\x00"


@pytest.fixture(scope="module")
def stack(new_home: Callable[[], Path]) -> Iterator[Stack]:
    with Stack(new_home(), prefect=False, names=("broker.example.org", "192.0.2.7")) as stack:
        yield stack


def boxes(stack: Stack) -> int:
    return urlsplit(stack.endpoints.boxes_url).port or 0


def said(
    stack: Stack,
    tls: ssl.SSLContext,
    name: str = "localhost",
    session: ssl.SSLSession | None = None,
) -> tuple[bytes, ssl.SSLSession | None, bool]:
    """Return what the broker says to a CONNECT, and the session of TLS."""
    with (
        socket.create_connection(("127.0.0.1", boxes(stack)), timeout=5) as plain,
        tls.wrap_socket(plain, server_hostname=name, session=session) as link,
    ):
        link.sendall(CONNECT)
        return link.recv(4), link.session, bool(link.session_reused)


def is_let_in(stack: Stack, tls: ssl.SSLContext) -> bool:
    try:
        return said(stack, tls)[0] == LET_IN
    except OSError:
        return False


def test_a_certificate_of_the_sites_authority_lets_in(stack: Stack, certify: Any):
    assert is_let_in(stack, certify(stack, "box-one"))


def test_none_lets_nobody_in(stack: Stack):
    assert not is_let_in(stack, ssl.create_default_context(cafile=stack.authority.file))


def test_one_of_another_authority_lets_nobody_in(stack: Stack, certify: Any, tmp_path: Path):
    other = Stack(tmp_path / "other", prefect=False)
    other.authority.ensure(())
    tls = certify(other, "box-one")
    tls.load_verify_locations(stack.authority.file)
    assert not is_let_in(stack, tls)


@pytest.mark.parametrize("days", [-2, 2], ids=["expired", "not yet"])
def test_one_that_is_not_good_now_lets_nobody_in(
    stack: Stack, certify: Any, days: int, monkeypatch: pytest.MonkeyPatch
):
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=days)

    monkeypatch.setattr(authority, "datetime", Clock)
    monkeypatch.setattr(authority.Authority.admit, "__defaults__", (timedelta(days=1),))
    assert not is_let_in(stack, certify(stack, "box-one"))


@pytest.mark.parametrize("name", ["broker.example.org", "192.0.2.7", "localhost", "127.0.0.1"])
def test_the_brokers_certificate_is_good_for_every_name(stack: Stack, certify: Any, name: str):
    assert said(stack, certify(stack, "box-one"), name)[0] == LET_IN


def test_a_name_that_was_not_given_is_not_the_broker(stack: Stack, certify: Any):
    with pytest.raises(ssl.SSLCertVerificationError):
        said(stack, certify(stack, "box-one"), "example.org")


def test_a_revoked_box_is_out_at_once_and_no_tls_session_brings_it_back(stack: Stack, certify: Any):
    lost, other = certify(stack, "box-lost"), certify(stack, "box-other")
    answer, session, _ = said(stack, lost)
    assert answer == LET_IN
    assert stack.authority.revoke("box-lost") == 1
    assert not is_let_in(stack, lost)
    try:
        answer, _, reused = said(stack, lost, session=session)
    except OSError:
        answer, reused = b"", False
    assert (answer == LET_IN, reused) == (False, False)
    assert is_let_in(stack, other)


def test_each_of_many_revocations_counts_and_outlives_a_restart(stack: Stack, certify: Any):
    lost = [certify(stack, f"box-{number}") for number in range(5)]
    for number, tls in enumerate(lost):
        assert is_let_in(stack, tls)
        stack.authority.revoke(f"box-{number}")  # all within a second
        assert not is_let_in(stack, tls)
    again = certify(stack, "box-3")
    stack.restart("broker")
    assert not any(is_let_in(stack, tls) for tls in lost)
    assert is_let_in(stack, again)


def test_keys_are_closed_and_what_the_broker_reads_is_not(stack: Stack):
    home = stack.authority.file.parent.parent
    modes = {
        path.relative_to(home): stat.S_IMODE(path.stat().st_mode)
        for folder in ("ca", "tls")
        for path in (home / folder).rglob("*")
        if path.is_file()
    }
    assert stat.S_IMODE((home / "ca").stat().st_mode) == 0o700
    keys = {path for path in modes if path.suffix == ".key" or path.name == "key.pem"}
    assert len(keys) == 3
    assert {modes[path] for path in keys} == {0o600}
    assert stat.S_IMODE((home / "broker/key.pem").stat().st_mode) == 0o600


def test_the_lists_are_named_as_openssl_looks_for_them(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    asked = ["openssl", "x509", "-noout", "-hash", "-in", str(site.file)]
    digest = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    assert f"{digest}.r0" == published.FIRST_LIST
    assert (site.lists / published.FIRST_LIST).exists()
    conf = (Path(__file__).parents[3] / "ops/mosquitto/mosquitto.conf").read_text()
    assert f"/{published.FIRST_LIST}\n" in conf


def test_what_is_made_stays_but_for_new_names(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(("one",))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    site.ensure(("one",))
    assert {path: path.read_bytes() for path in before} == before
    site.ensure(("one", "two"))
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed == {"broker.pem", "broker.key"}


def test_a_torn_line_of_the_ledger_is_nobodys(tmp_path: Path, certify: Any):
    stack = Stack(tmp_path / "home", prefect=False)
    stack.authority.ensure(())
    certify(stack, "box-one")
    with (tmp_path / "home/ca/issued").open("ab") as file:
        file.write(b'{"serial":"12')
    certify(stack, "box-two")
    assert stack.authority.revoke("box-one") == 1
    [until] = [one.until for one in stack.authority.ledger.issued("box-one")]
    assert timedelta(days=29) < until - datetime.now(UTC) < timedelta(days=31)


def test_a_home_of_passwords_comes_up_with_its_data(home: Path, connect: Any, serving: Any):
    with Stack(home, prefect=False) as stack:
        with psycopg.connect(stack.endpoints.database_url) as database:
            database.execute("CREATE TABLE kept AS SELECT 1 AS one")
        receiver = connect(port_of(stack), serving(stack), client_id="receiver")
        receiver.subscribe("balise/v1/+/frames")
        receiver.close()
        # Closed, or it would come again and again to the next broker, which it doesn't trust.
        box = connect(port_of(stack), serving(stack))
        box.publish("balise/v1/box/frames", b"waits")
        box.close()
    make_it_old(home)
    with Stack(home, prefect=False) as stack:
        with psycopg.connect(stack.endpoints.database_url) as database:
            assert database.execute("SELECT one FROM kept").fetchone() == (1,)
        receiver = connect(port_of(stack), serving(stack), client_id="receiver")
        assert receiver.session
        assert receiver.messages.get(timeout=30) == ("balise/v1/box/frames", b"waits")
        receiver.close()
    assert not (home / "broker/passwords").exists()
    assert not list((home / "secrets").glob("mqtt-*"))


def port_of(stack: Stack) -> int:
    return urlsplit(stack.endpoints.mqtt_url).port or 0


def make_it_old(home: Path) -> None:
    """Leave what the version before had: accounts and passwords, no certificate."""
    for path in [*(home / "ca").rglob("*"), *(home / "tls").rglob("*")]:
        if path.is_file():
            path.unlink()
    for name in ("key.pem", "openssl.cnf"):
        (home / "broker" / name).unlink()
    (home / "ports/boxes").unlink()
    (home / "broker/passwords").write_text("service:$7$1000$x$x\n")
    for name in ("mqtt-service", "mqtt-home-1"):
        (home / "secrets" / name).write_text("old")
