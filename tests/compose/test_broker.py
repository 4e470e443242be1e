"""The broker as docker-compose.yml starts it: whom it lets in, and what can be read of it."""

from __future__ import annotations

import re
import shlex
import socket
import ssl
from pathlib import Path

import pytest

from balise.authority import Authority

from .conftest import SERVICES, Container, says

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_the_broker_lets_in_a_box_that_was_certified(broker: int, box: ssl.SSLContext):
    assert says(broker, box) == "Success"


def test_the_broker_lets_in_nobody_else(broker: int, tls: ssl.SSLContext):
    assert says(broker, tls) != "Success"


def test_the_brokers_health_check_has_what_it_asks_with(
    broker: int, tls: ssl.SSLContext, container: Container
):
    check = container.here(SERVICES["broker"]["healthcheck"]["test"][1])
    program, *words = shlex.split(check)
    asked = dict(zip(words[::2], words[1::2], strict=True))
    assert (program, asked["-h"]) == ("mosquitto_sub", "localhost")
    assert Path(asked["--cafile"]).is_file()
    tls.load_cert_chain(asked["--cert"], asked["--key"])
    message = says(int(asked["-p"]), tls, asked["-t"])
    assert re.fullmatch(r"\d+ seconds", message)


def test_nobody_else_can_read_the_brokers_key_and_rules(broker: int, container: Container):
    modes = {
        path.name: path.stat().st_mode & 0o777 for path in (container.root / "mosquitto").iterdir()
    }
    assert modes == dict.fromkeys(("broker.key", "acl"), 0o400)


def test_what_the_broker_reads_after_it_gave_up_root_is_open(site: Authority):
    for path in (site.file, site.broker.certificate, *site.lists.iterdir()):
        assert path.stat().st_mode & 0o777 == 0o644
    for folder in (site.file.parent, site.lists):
        assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["broker.example.org", "192.0.2.7", "broker", "localhost"])
def test_the_certificate_is_good_for_every_name(broker: int, tls: ssl.SSLContext, name: str):
    assert shakes_hands(broker, tls, name)


def test_the_certificate_is_good_for_nothing_else(broker: int, tls: ssl.SSLContext):
    for context, name in ((tls, "example.org"), (ssl.create_default_context(), "localhost")):
        with pytest.raises(ssl.SSLCertVerificationError):
            shakes_hands(broker, context, name)


def shakes_hands(port: int, context: ssl.SSLContext, name: str) -> bool:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.version() == "TLSv1.3"
