"""A TLS connection in gulps, with the standard library's own TLS at the other end."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from balise.authority import Authority
from ingest.gulps import Gulps

PATIENCE = 10
NAME = "localhost"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("site"))
    made.ensure([NAME])
    return made


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.file)


def serving(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.broker.certificate, authority.broker.key)
    return context


@contextmanager
def ends(server: ssl.SSLContext, client: ssl.SSLContext) -> Iterator[tuple[ssl.SSLSocket, Gulps]]:
    """Connect both ends of a pair and greet."""
    here, there = socket.socketpair()
    there.settimeout(PATIENCE)
    with here, ThreadPoolExecutor(1) as pool:
        greeted: Future[ssl.SSLSocket] = pool.submit(server.wrap_socket, there, server_side=True)
        gulps = Gulps(here, client, NAME)
        gulps.settimeout(PATIENCE)
        try:
            gulps.do_handshake()
            with greeted.result(PATIENCE) as peer:
                gulps.setblocking(False)
                yield peer, gulps
        finally:
            gulps.close()
            there.close()


def read(gulps: Gulps, count: int) -> bytes:
    found = b""
    while len(found) < count:
        assert select.select([gulps], [], [], PATIENCE)[0]
        found += gulps.gulp()
    return found


@pytest.fixture(params=["over TLS", "in the clear"])
def connected(
    request: pytest.FixtureRequest, authority: Authority
) -> Iterator[tuple[socket.socket, Gulps]]:
    if request.param == "over TLS":
        with ends(serving(authority), trusting(authority)) as both:
            yield both
        return
    here, there = socket.socketpair()
    there.settimeout(PATIENCE)
    with here, there:
        gulps = Gulps(here, None, NAME)
        gulps.do_handshake()
        gulps.setblocking(False)
        yield there, gulps
        gulps.close()


def test_bytes_come_in_their_order(connected: tuple[socket.socket, Gulps]):
    peer, gulps = connected
    for word in (b"one", b"two", b"three"):
        peer.sendall(word)
    assert read(gulps, 11) == b"onetwothree"
    with pytest.raises(BlockingIOError):
        gulps.gulp()


def test_a_reader_gets_what_it_is_handed_a_byte_at_a_time_or_all_at_once(
    connected: tuple[socket.socket, Gulps],
):
    _, gulps = connected
    assert not gulps.handed
    gulps.hand(b"one")
    assert [gulps.recv(1), gulps.recv(1)] == [b"o", b"n"]
    gulps.hand(b"two")
    assert gulps.recv(100) == b"etwo"
    assert not gulps.handed
    with pytest.raises(BlockingIOError):
        gulps.recv(1)


def test_a_message_longer_than_a_record_and_a_gulp_comes_whole(authority: Authority):
    long = bytes(range(256)) * 8192
    with (
        ends(serving(authority), trusting(authority)) as (peer, gulps),
        ThreadPoolExecutor(1) as pool,
    ):
        sent = pool.submit(peer.sendall, long)
        assert read(gulps, len(long)) == long
        sent.result(PATIENCE)


def test_what_is_written_leaves_at_the_flush_all_at_once(connected: tuple[socket.socket, Gulps]):
    peer, gulps = connected
    for word in (b"a", b"b", b"c"):
        assert gulps.send(word) == 1
    assert not select.select([peer], [], [], 0.05)[0]
    gulps.flush()
    assert peer.recv(100) == b"abc"
    assert not gulps.unsent


def test_what_the_system_does_not_take_is_kept_and_sent_later(
    connected: tuple[socket.socket, Gulps],
):
    peer, gulps = connected
    long = bytes(range(256)) * 16_384
    gulps.send(long)
    gulps.flush()
    assert gulps.unsent
    found = b""
    while len(found) < len(long):
        found += peer.recv(1 << 16)
        gulps.flush()
    assert found == long
    assert not gulps.unsent


def test_closing_sends_what_was_written(connected: tuple[socket.socket, Gulps]):
    peer, gulps = connected
    gulps.send(b"goodbye")
    gulps.close()
    assert peer.recv(100) == b"goodbye"


def test_what_tls_can_make_nothing_of_ends_the_connection(authority: Authority):
    here, there = socket.socketpair()
    there.settimeout(PATIENCE)
    with here, there, ThreadPoolExecutor(1) as pool:
        greeted = pool.submit(serving(authority).wrap_socket, there.dup(), server_side=True)
        gulps = Gulps(here, trusting(authority), NAME)
        gulps.settimeout(PATIENCE)
        gulps.do_handshake()
        with greeted.result(PATIENCE):
            there.sendall(b"\xff" * 160)
            with pytest.raises(ssl.SSLError):
                read(gulps, 1)
            gulps.end()
            assert gulps.handed
            assert gulps.recv(1) == b""


def test_who_is_gone_in_the_clear_has_said_all():
    here, there = socket.socketpair()
    with here, there:
        gulps = Gulps(here, None, NAME)
        there.sendall(b"last")
        there.close()
        assert gulps.gulp() == b"last"
        assert gulps.gulp() == b""
        assert gulps.handed
        assert gulps.recv(1) == b""


def test_after_a_goodbye_there_is_no_byte_more(authority: Authority):
    with ends(serving(authority), trusting(authority)) as (peer, gulps):
        peer.sendall(b"last")
        with ThreadPoolExecutor(1) as pool:
            left = pool.submit(lambda: peer.unwrap().close())
            assert read(gulps, 4) == b"last"
            assert not gulps.handed
            gulps.close()
            with suppress(OSError):
                left.result(PATIENCE)


def test_a_connection_that_is_cut_is_an_error_and_no_goodbye(authority: Authority):
    with ends(serving(authority), trusting(authority)) as (peer, gulps):
        peer.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ssl.SSLEOFError):
            read(gulps, 1)


def test_a_broker_of_another_authority_is_refused(authority: Authority, tmp_path: Path):
    other = Authority(tmp_path)
    other.ensure([NAME])
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        ends(serving(other), trusting(authority)),
    ):
        pass


def test_a_broker_by_another_name_is_refused(authority: Authority):
    context = trusting(authority)
    here, there = socket.socketpair()
    with here, there, ThreadPoolExecutor(1) as pool:
        greeted = pool.submit(serving(authority).wrap_socket, there, server_side=True)
        gulps = Gulps(here, context, "elsewhere.example")
        gulps.settimeout(PATIENCE)
        with pytest.raises(ssl.SSLCertVerificationError):
            gulps.do_handshake()
        # The other side is told why.
        with pytest.raises(ssl.SSLError, match=r"(?i)certificate"):
            greeted.result(PATIENCE)
