from __future__ import annotations

import os
import queue
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from balise import certificates
from balise.errors import UsageError
from balise.stack import Stack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(new_home: Callable[[], Path]) -> Iterator[Stack]:
    with Stack(new_home(), prefect=False) as stack:
        yield stack


@pytest.fixture
def service(connect: Any, serving: Any) -> Any:
    def new(stack: Stack, **arguments: Any) -> Any:
        port = urlsplit(stack.endpoints.mqtt_url).port
        return connect(port, serving(stack), **arguments)

    return new


@pytest.fixture
def gateway(connect: Any, certify: Any) -> Any:
    def new(stack: Stack, name: str, **arguments: Any) -> Any:
        return connect(boxes(stack), certify(stack, name), **arguments)

    return new


def boxes(stack: Stack) -> int:
    return urlsplit(stack.endpoints.boxes_url).port or 0


def topics(client: Any, until: str) -> list[str]:
    seen: list[str] = []
    while until not in seen:
        seen.append(client.messages.get(timeout=5)[0])
    return seen


def test_a_gateway_writes_under_its_own_name_and_nowhere_else(
    stack: Stack, service: Any, gateway: Any
):
    listener = service(stack)
    listener.subscribe("balise/#")
    box = gateway(stack, "box-one")
    for foreign in (
        "balise/v1/box-two/frame",
        "balise/v1/service/frame",
        "balise/v1/frame",
        "balise/v2/box-one/frame",
        "other/box-one",
    ):
        assert box.publish(foreign) == "Not authorized"
    assert box.publish("balise/v1/box-one/frame") == "Success"
    assert topics(listener, "balise/v1/box-one/frame") == ["balise/v1/box-one/frame"]


def test_a_gateway_reads_its_own_receipts_and_commands_and_nothing_else(
    stack: Stack, service: Any, gateway: Any
):
    box = gateway(stack, "box-one")
    for topic in ("#", "balise/v1/+/receipt", "balise/v1/box-two/cmd", "$SYS/#"):
        box.subscribe(topic)
    ours = service(stack)
    for name in ("box-two", "box-one"):
        for end in ("receipt", "frame", "cmd"):
            ours.publish(f"balise/v1/{name}/{end}")
    seen = topics(box, "balise/v1/box-one/cmd")
    assert set(seen) == {"balise/v1/box-one/receipt", "balise/v1/box-one/cmd"}


def test_a_box_has_no_other_session_than_its_own(stack: Stack, service: Any, gateway: Any):
    receiver = service(stack, client_id="balise-receiver-1")
    first, second = (gateway(stack, name) for name in ("box-one", "box-two"))
    thief = gateway(stack, "box-three", client_id="balise-receiver-1")
    gateway(stack, "box-four", client_id="box-one")
    time.sleep(0.3)
    assert all(one.is_connected() for one in (receiver, first, second, thief))


@pytest.mark.parametrize(
    "name", ["", "a", "service", "broker", "balise-x", "a/b", "a+", "#", "-a", "A1", "é1", "a" * 65]
)
def test_a_name_that_could_mean_something_to_the_broker_is_no_gateway(stack: Stack, name: str):
    with pytest.raises(UsageError, match="can't be a gateway's name"):
        stack.authority.admit(name, certificates.new_key().public_key())


def test_the_files_with_keys_and_rules_are_closed(stack: Stack):
    folder = Path(f"/proc/{stack.pid('broker')}/cmdline").read_bytes().split(b"\0")[2].decode()
    for name in ("key.pem", "acl", "mosquitto.conf"):
        assert stat.S_IMODE((Path(folder).parent / name).stat().st_mode) == 0o600


def test_queued_messages_survive_a_restart_of_the_broker(home: Path, service: Any):
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, client_id="receiver")
        receiver.subscribe("balise/v1/+/frame")
        receiver.close()
        sender = service(stack)
        for number in range(2000):  # more than mosquitto keeps by default
            sender.publish("balise/v1/box/frame", b"%d" % number)
        sender.close()
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, client_id="receiver")
        assert receiver.session
        got = [receiver.messages.get(timeout=5)[1] for _ in range(2000)]
        assert got == [b"%d" % number for number in range(2000)]


def nul_bytes(good: bytes) -> bytes:
    return bytes(len(good))


def cut_short(good: bytes) -> bytes:
    return good[: len(good) // 2]


def nul_tail(good: bytes) -> bytes:
    return good + bytes(1_000_000)


@pytest.mark.parametrize("damage", [nul_bytes, cut_short, nul_tail])
def test_a_damaged_store_is_set_aside_with_one_loud_line(
    home: Path,
    service: Any,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
):
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, client_id="receiver")
        receiver.subscribe("balise/#")
        receiver.close()
        service(stack).publish("balise/v1/box/frame", bytes(range(256)))
    store = home / "broker" / "mosquitto.db"
    harm = damage(store.read_bytes())
    store.write_bytes(harm)
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, client_id="receiver")
        assert not receiver.session
        with pytest.raises(queue.Empty):
            receiver.messages.get(timeout=0.2)
    [aside] = store.parent.glob("mosquitto.db.damaged-*")
    assert aside.read_bytes() == harm
    loud = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(loud) == 1
    assert str(aside) in loud[0]
    assert loud[0] in (home / "log" / "broker.log").read_text()


def test_a_killed_broker_comes_back_on_its_ports(stack: Stack, service: Any, gateway: Any):
    before = stack.endpoints
    os.kill(stack.pid("broker"), signal.SIGKILL)
    stack.restart("broker")
    assert stack.endpoints == before
    assert service(stack).connected == gateway(stack, "box-one").connected == "Success"
