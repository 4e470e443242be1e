"""Messages of a broker at home: each is spooled once, with what is known of its time."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from balise.authority import Authority
from ingest.gateway import doctor
from ingest.gateway.box import State
from ingest.gateway.clock import Timekeeper
from ingest.gateway.local.home import LocalHome
from ingest.gateway.local.link import Link
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.report import Report, look

from .conftest import Box, HomeBroker, Neighbour, until

TIMEKEEPER = Timekeeper(trusted=True)
SCALE = "A4:C1:38:0A:0B:0C"
TOPIC = "home/TheengsGateway/BTtoMQTT/A4C1380A0B0C"
THEENGS = f'[[device]]\npreset = "theengs"\naddress = "{SCALE}"\n'
PACK = '[[device]]\naddress = "pack"\ntopic = "tele/pack"\nconvention = "senml"\n'


def weighed(weight: float, rssi: int = -60) -> str:
    """Return a document as github.com/theengs/decoder expects it in tests/BLE/test_ble.cpp."""
    return json.dumps(
        {
            "id": SCALE,
            "rssi": rssi,
            "brand": "Xiaomi",
            "model": "Mi Body Composition Scale",
            "model_id": "XMTZC02HM/XMTZC05HM",
            "type": "SCALE",
            "weighing_mode": "person",
            "unit": "kg",
            "weight": weight,
            "impedance": 503,
        }
    )


def pack(number: int) -> str:
    return f'[{{"n":"heart_rate","u":"1/min","v":{number}}}]'


@contextmanager
def living(box: Box) -> Iterator[LocalHome]:
    """Let a gateway's bridge live, and wait until it has seen the end of what was kept for it."""
    home = LocalHome(
        box.settings, box.folder, lambda: State("home-1", (), 0, True, True), TIMEKEEPER
    )
    home.start()
    try:
        yield home
    finally:
        home.stop()


def ready(home: LocalHome) -> None:
    assert home._bridge is not None
    bridge = home._bridge
    until(lambda: bridge.state == "connected" and bridge.ready)


def test_a_message_is_spooled_as_it_came_with_its_time(box: Box, neighbour: Neighbour):
    box.declare(THEENGS)
    with living(box) as home:
        ready(home)
        before = datetime.now(UTC)
        neighbour.says(TOPIC, weighed(72.45), qos=0)
        until(box.items)
    (item,) = box.items()
    assert (item.device, item.convention, item.kept) == (SCALE, "theengs", "")
    assert item.document == weighed(72.45)
    assert item.captured_at is not None
    assert before <= item.captured_at <= before + timedelta(seconds=10)


def test_only_what_is_declared_is_heard(box: Box, neighbour: Neighbour):
    box.declare(THEENGS)
    with living(box) as home:
        ready(home)
        neighbour.says("home/TheengsGateway/BTtoMQTT/AAAAAAAAAAAA", weighed(60))
        neighbour.says("home/TheengsGateway/LWT", "online", retain=True)
        neighbour.says(TOPIC, weighed(72.45))
        until(box.items)
    assert box.documents() == [weighed(72.45)]


def test_repeats_of_one_weighing_are_one_whatever_the_signal(box: Box, neighbour: Neighbour):
    box.declare(THEENGS)
    with living(box) as home:
        ready(home)
        for rssi in (-60, -71, -63):
            neighbour.says(TOPIC, weighed(72.45, rssi))
        neighbour.says(TOPIC.replace("Theengs", "Other"), weighed(72.45, -80))
        neighbour.says(TOPIC, weighed(72.5))
        until(lambda: len(box.items()) == 2)
    # A restart in between makes no second measurement of it.
    with living(box) as home:
        ready(home)
        neighbour.says(TOPIC, weighed(72.5, -90))
        neighbour.says(TOPIC, weighed(73))
        until(lambda: len(box.items()) == 3)
    assert [json.loads(one)["weight"] for one in box.documents()] == [72.45, 72.5, 73]


def test_equal_figures_of_a_device_that_repeats_nothing_each_count(box: Box, neighbour: Neighbour):
    box.declare(PACK)
    with living(box) as home:
        ready(home)
        for _ in range(3):
            neighbour.says("tele/pack", pack(72))
        until(lambda: len(box.items()) == 3)


def test_what_came_while_the_gateway_was_away_is_said_to_be_late(box: Box, neighbour: Neighbour):
    box.declare(PACK)
    with living(box) as home:
        ready(home)
    for number in range(50):
        neighbour.says("tele/pack", pack(number))
    with living(box) as home:
        ready(home)
        neighbour.says("tele/pack", pack(99))
        until(lambda: len(box.items()) == 51)
    assert box.documents() == [pack(number) for number in (*range(50), 99)]
    assert [one.kept for one in box.items()] == ["queued"] * 50 + [""]


def test_a_retained_message_is_said_to_be_one_and_comes_once(box: Box, neighbour: Neighbour):
    box.declare(PACK)
    neighbour.says("tele/pack", pack(61), retain=True)
    for _ in range(3):
        with living(box) as home:
            ready(home)
            until(box.items)
            time.sleep(0.2)
    (item,) = box.items()
    assert (item.document, item.kept) == (pack(61), "retained")


def test_what_was_heard_live_does_not_come_again_as_retained(box: Box, neighbour: Neighbour):
    box.declare(PACK)
    with living(box) as home:
        ready(home)
        neighbour.says("tele/pack", pack(61), retain=True)
        until(box.items)
    with living(box) as home:
        ready(home)
        neighbour.says("tele/pack", pack(62))
        until(lambda: len(box.items()) == 2)
    assert [(one.document, one.kept) for one in box.items()] == [(pack(61), ""), (pack(62), "")]


def test_a_broker_that_starts_again_is_found_again(box: Box, broker: HomeBroker):
    box.declare(PACK)
    first = broker.client()
    with living(box) as home:
        ready(home)
        first.says("tele/pack", pack(1))
        until(box.items)
        first.leave()
        broker.stop()
        until(lambda: home.health().local == "unreachable")
        broker.start()
        until(lambda: home.health().local == "connected")
        second = broker.client()
        second.says("tele/pack", pack(2))
        until(lambda: len(box.items()) == 2)
        second.leave()
    assert box.documents() == [pack(1), pack(2)]


def test_a_broker_that_forgot_everything_is_taken_for_a_new_one(box: Box, broker: HomeBroker):
    box.declare(PACK)
    for number in range(1, 4):
        with living(box) as home:
            ready(home)
            one = broker.client()
            one.says("tele/pack", pack(7))  # the same words under the same packet number
            until(lambda: len(box.items()) == number)  # noqa: B023 - called at once
            one.leave()
        broker.stop(signal.SIGKILL)  # its store was never written
        broker.start()
    assert box.documents() == [pack(7)] * 3


def test_bytes_that_are_no_text_go_along_in_hexadecimal(box: Box, neighbour: Neighbour):
    box.declare(PACK)
    bad = (b"\xff\xfe{", b"", b"\x00" * 60_000, b"[" * 30_000)
    with living(box) as home:
        ready(home)
        for payload in bad:
            neighbour.says("tele/pack", payload)
        neighbour.says("tele/pack", pack(1))
        until(lambda: len(box.items()) == 5)
    items = box.items()
    assert [bytes.fromhex(one.data) or one.document.encode() for one in items] == [
        *bad,
        pack(1).encode(),
    ]
    assert max(len(one.data) + len(one.document) for one in items) <= 2 * 64 * 1024


def test_a_message_longer_than_we_take_holds_nobody_up(box: Box, neighbour: Neighbour):
    box.declare(PACK)
    with living(box) as home:
        ready(home)
        neighbour.says("tele/pack", b"9" * 5_000_000)
        neighbour.says("tele/pack", pack(1))
        until(box.items)
        assert home.health().local == "connected"
    assert box.documents() == [pack(1)]


def test_a_bare_number_keeps_its_digits_and_another_word_is_no_figure(
    box: Box, neighbour: Neighbour
):
    box.declare(
        '[[device]]\npreset = "esphome"\naddress = "esp-scale"\n'
        'id = "bathroom/sensor/weight"\nmetric = "body_weight"\nunit = "kg"\n'
    )
    with living(box) as home:
        ready(home)
        for word in ("72.450", " 80\n", "nan", "072", "1e1", '"'):
            neighbour.says("bathroom/sensor/weight/state", word)
        until(lambda: len(box.items()) == 6)
    head = '[{"n":"body_weight","u":"kg",'
    assert box.documents() == [
        f'{head}"v":72.450}}]',
        f'{head}"v":80}}]',
        f'{head}"vs":"nan"}}]',
        f'{head}"vs":"072"}}]',
        f'{head}"v":1e1}}]',
        f'{head}"vs":"\\""}}]',
    ]
    assert {one.device for one in box.items()} == {"ESP-SCALE"}


def test_devices_of_one_topic_are_told_apart_by_a_field(box: Box, neighbour: Neighbour):
    shared = 'topic = "ward/+"\nconvention = "theengs"\nfield = "id"\n'
    box.declare(
        f'[[device]]\naddress = "one"\nid = "{SCALE}"\n{shared}'
        f'[[device]]\naddress = "two"\nid = "7"\n{shared}'
    )
    with living(box) as home:
        ready(home)
        for document in ('{"id": 7, "x": 1}', weighed(70), '{"id": "nobody"}', "no json"):
            neighbour.says("ward/a", document)
        neighbour.says("ward/b", '{"id": "7"}')
        until(lambda: len(box.items()) == 4)
    # What can't be read may be anyone's: it is seen as refused of the first of them.
    assert [(one.device, one.document) for one in box.items()] == [
        ("TWO", '{"id": 7, "x": 1}'),
        ("ONE", weighed(70)),
        ("ONE", "no json"),
        ("TWO", '{"id": "7"}'),
    ]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mqtt://home:wrong@127.0.0.1:{port}", "name and password"),
        ("mqtt://home:wrong@127.0.0.1:1", "does not answer"),
        ("http://127.0.0.1:{port}", "BALISE_LOCAL_MQTT_URL must look like"),
    ],
    ids=["password", "down", "scheme"],
)
async def test_a_broker_that_is_not_well_is_said_once_by_the_doctor_and_in_the_health(
    box: Box, broker: HomeBroker, url: str, says: str
):
    box.declare(PACK)
    box.settings = box.settings.model_copy(update={"local_mqtt_url": url.format(port=broker.port)})
    with living(box) as home:
        until(lambda: home.health().local in {"refused", "unreachable", "misdeclared"})
        found = await doctor._try("local", doctor.CHECKS["local"], box.settings, found_of(box))
    assert not found.ok
    assert says in found.says


def found_of(box: Box) -> Report:
    return look(box.settings, RemoteSettings(box.folder, box.settings))


async def test_the_doctor_says_what_is_well_and_what_is_missing(box: Box, tmp_path: Path):
    async def says(**changes: object) -> str:
        settings = box.settings.model_copy(update=changes)
        return (await doctor._try("local", doctor.CHECKS["local"], settings, found_of(box))).says

    assert await says(local_mqtt_url="") == "no broker at home is named"
    assert "0 local devices" in await says()
    box.declare(THEENGS)
    assert "answers; 1 local devices" in await says()
    assert "names no broker" in await says(local_mqtt_url="")
    box.declare('[[device]]\npreset = "thengs"\naddress = "x"\n')
    assert "no preset 'thengs'; there are theengs, zigbee2mqtt, esphome" in await says()


def test_rules_that_keep_our_mark_from_us_leave_times_uncertain_and_are_said(
    new_broker: Callable[..., HomeBroker], tmp_path: Path
):
    broker = new_broker("topic readwrite tele/#\n")
    box = Box(tmp_path / "strict", broker.url)
    box.declare(PACK)
    with living(box) as home:
        until(lambda: home.health().local == "refused")
        one = broker.client()
        one.says("tele/pack", pack(1))
        until(box.items)
        one.leave()
    with living(box) as home:
        until(lambda: home.health().local == "refused")
        one = broker.client()
        one.says("tele/pack", pack(2))
        until(lambda: len(box.items()) == 2)
        one.leave()
    assert [one.kept for one in box.items()] == ["", "queued"]


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_with_a_certificate_is_spoken_to_over_tls(
    new_broker: Callable[..., HomeBroker], tmp_path: Path
):
    authority = Authority(tmp_path / "ca")
    authority.ensure(["localhost"])
    broker = new_broker("", authority)
    box = Box(tmp_path / "box", broker.url)
    box.declare(PACK)
    with living(box) as home:  # the system's authorities do not vouch for this one
        until(lambda: home.health().local == "unreachable")
    box.settings = box.settings.model_copy(update={"local_mqtt_ca_file": authority.file})
    with living(box) as home:
        ready(home)


def test_what_was_committed_and_not_acknowledged_outlives_both_the_gateway_and_its_broker(
    box: Box, broker: HomeBroker, monkeypatch: pytest.MonkeyPatch
):
    box.declare(PACK)
    one = broker.client()
    with living(box) as home, monkeypatch.context() as patch:
        ready(home)
        patch.setattr(Link, "acknowledge", lambda _self, _arrived: None)
        for number in range(5):
            one.says("tele/pack", pack(number))
        until(lambda: len(box.items()) == 5)
    for number in range(5, 8):
        one.says("tele/pack", pack(number))
    one.leave()
    broker.restart()
    with living(box) as home:
        ready(home)
    assert box.documents() == [pack(number) for number in range(8)]
