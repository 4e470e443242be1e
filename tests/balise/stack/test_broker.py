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

from balise.errors import UsageError
from balise.stack import Stack
from balise.stack.mqtt import let_in

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(new_home: Callable[[], Path]) -> Iterator[Stack]:
    with Stack(new_home(), prefect=False) as stack:
        yield stack


def port(stack: Stack) -> int:
    return urlsplit(stack.endpoints.mqtt_url).port or 0


def service(stack: Stack, connect: Any, **arguments: Any) -> Any:
    url = urlsplit(stack.endpoints.mqtt_url)
    return connect(url.port, url.username, url.password, **arguments)


def gateway(stack: Stack, connect: Any, name: str) -> Any:
    return connect(port(stack), name, stack.add_gateway(name))


def topics(client: Any, until: str) -> list[str]:
    seen: list[str] = []
    while until not in seen:
        seen.append(client.messages.get(timeout=5)[0])
    return seen


def test_a_gateway_writes_under_its_own_name_and_nowhere_else(stack: Stack, connect: Any):
    listener = service(stack, connect)
    listener.subscribe("balise/#")
    box = gateway(stack, connect, "box-one")
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


def test_a_gateway_reads_its_own_receipts_and_commands_and_nothing_else(stack: Stack, connect: Any):
    box = gateway(stack, connect, "box-one")
    for topic in ("#", "balise/v1/+/receipt", "balise/v1/box-two/cmd", "$SYS/#"):
        box.subscribe(topic)
    ours = service(stack, connect)
    for name in ("box-two", "box-one"):
        for end in ("receipt", "frame", "cmd"):
            ours.publish(f"balise/v1/{name}/{end}")
    seen = topics(box, "balise/v1/box-one/cmd")
    assert set(seen) == {"balise/v1/box-one/receipt", "balise/v1/box-one/cmd"}


@pytest.mark.parametrize(
    ("user", "password"), [("", ""), ("box-one", "wrong"), ("nobody", "x"), ("service", "")]
)
def test_nobody_is_let_in_without_their_password(stack: Stack, user: str, password: str):
    stack.add_gateway("box-one")
    assert not let_in(port(stack), user, password)


def test_adding_a_gateway_twice_changes_nothing_and_drops_nobody(stack: Stack, connect: Any):
    box = gateway(stack, connect, "box-one")
    password = stack.add_gateway("box-three")
    assert stack.add_gateway("box-three") == password
    assert let_in(port(stack), "box-three", password)
    assert box.is_connected()
    assert box.publish("balise/v1/box-one/frame") in {"Success", "No matching subscribers"}


@pytest.mark.parametrize("name", ["", "a", "service", "a/b", "a+", "#", "-a", "A1", "é1", "a" * 65])
def test_a_name_that_could_mean_something_in_a_topic_is_no_gateway(stack: Stack, name: str):
    with pytest.raises(UsageError, match="can't be a gateway's name"):
        stack.add_gateway(name)


def test_a_gateway_added_while_nothing_runs_is_let_in_at_the_next_start(home: Path, connect: Any):
    stack = Stack(home, prefect=False)
    password = stack.add_gateway("box-one")
    with stack:
        assert let_in(port(stack), "box-one", password)
        # And from another process, which this instance stands for.
        other = Stack(home, prefect=False).add_gateway("box-two")
        # The broker reads its files again on a signal, in its own time.
        end = time.monotonic() + 5
        while not let_in(port(stack), "box-two", other):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_the_files_with_hashes_and_rules_are_closed(stack: Stack):
    folder = Path(f"/proc/{stack.pid('broker')}/cmdline").read_bytes().split(b"\0")[2].decode()
    for name in ("passwords", "acl", "mosquitto.conf"):
        assert stat.S_IMODE((Path(folder).parent / name).stat().st_mode) == 0o600


def test_queued_messages_survive_a_restart_of_the_broker(home: Path, connect: Any):
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, connect, client_id="receiver")
        receiver.subscribe("balise/v1/+/frame")
        receiver.close()
        sender = service(stack, connect)
        for number in range(2000):  # more than mosquitto keeps by default
            sender.publish("balise/v1/box/frame", b"%d" % number)
        sender.close()
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, connect, client_id="receiver")
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
    connect: Any,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
):
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, connect, client_id="receiver")
        receiver.subscribe("balise/#")
        receiver.close()
        service(stack, connect).publish("balise/v1/box/frame", bytes(range(256)))
    store = home / "broker" / "mosquitto.db"
    harm = damage(store.read_bytes())
    store.write_bytes(harm)
    with Stack(home, prefect=False) as stack:
        receiver = service(stack, connect, client_id="receiver")
        assert not receiver.session
        with pytest.raises(queue.Empty):
            receiver.messages.get(timeout=0.2)
    [aside] = store.parent.glob("mosquitto.db.damaged-*")
    assert aside.read_bytes() == harm
    loud = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(loud) == 1
    assert str(aside) in loud[0]
    assert loud[0] in (home / "log" / "broker.log").read_text()


def test_a_killed_broker_comes_back_on_its_port(stack: Stack):
    before = stack.endpoints.mqtt_url
    os.kill(stack.pid("broker"), signal.SIGKILL)
    stack.restart("broker")
    assert stack.endpoints.mqtt_url == before
    assert let_in(port(stack), "box-one", stack.add_gateway("box-one"))
