"""What a home may send by fault or malice: each is refused with its reason, and nobody waits."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from balise.errors import Reason
from bench.homes import Given, Home
from bench.line import Line
from devices.payloads import balise_v1
from ingest.gateway.spool import Spool
from ingest.mqtt import KEEPALIVE, Broker

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Close = Callable[..., dict[str, int]]
Until = Callable[..., float]
NewHome = Callable[[str], Home]
LIMIT = 262_144
"""The broker's, in ops/mosquitto/mosquitto.conf."""

UNREADABLE, INVALID = Reason.PAYLOAD_UNREADABLE, Reason.PAYLOAD_INVALID
ITEM = (
    '{"seq":1,"device":"DEVICE","captured_at":"2026-11-01T00:00:00Z","service":"180D",'
    '"characteristic":"2A37","data":"0050"}'
)
WHOLE = f'{{"v":1,"epoch":"6f1c2d3e-0000-4000-8000-000000000001","items":[{ITEM}]}}'


def item(old: str, new: str) -> bytes:
    """Return a message whose item has something else in it."""
    assert old in WHOLE
    return WHOLE.replace(old, new, 1).encode()


def with_field(text: str) -> bytes:
    return item('"0050"}', f'"0050",{text}}}')


def run(after: str, data: str, *, at: str = "2026-11-01T00:00:00Z") -> bytes:
    """Return a message of one run that says two numbers."""
    frames = (
        '{"device":"DEVICE","numbers":[[1,2]],"captured_at":"AT","after":AFTER,'
        '"size":2,"data":"DATA","service":"180D","characteristic":"2A37"}'
    )
    whole = WHOLE.replace(f'"items":[{ITEM}]', f'"runs":[{frames}]')
    return whole.replace("AFTER", after).replace("DATA", data).replace("AT", at).encode()


POISON: dict[str, tuple[bytes, Reason]] = {
    "nothing": (b"", UNREADABLE),
    "zeros": (b"\0" * 1000, UNREADABLE),
    "no JSON": (b"\xff\xfe\x00random", UNREADABLE),
    "cut": (WHOLE[:-20].encode(), UNREADABLE),
    "two in one": (WHOLE.encode() * 2, UNREADABLE),
    "as large as the broker lets through": (b"[" + b"1," * 130_000 + b"1]", UNREADABLE),
    "100,000 deep": (b"[" * 100_000 + b"]" * 100_000, UNREADABLE),
    "100,000 deep in an item": (with_field(f'"x":{"[" * 100_000}{"]" * 100_000}'), UNREADABLE),
    "not UTF-8": (item("0050", "00é").replace(b"\xc3\xa9", b"\xff"), UNREADABLE),
    "UTF-16": (WHOLE.encode("utf-16"), UNREADABLE),
    "byte order mark": (b"\xef\xbb\xbf" + WHOLE.encode(), UNREADABLE),
    "lone surrogate": (item("DEVICE", "\\ud800"), UNREADABLE),
    "NUL in a name": (item("DEVICE", "a\\u0000b"), Reason.DEVICE_UNKNOWN),
    "NaN": (with_field('"age":NaN'), UNREADABLE),
    "Infinity": (with_field('"age":-Infinity'), UNREADABLE),
    "1e400": (with_field('"age":1e400'), UNREADABLE),
    "2^64": (item('"seq":1', '"seq":18446744073709551616'), UNREADABLE),
    "5000 digits": (item('"seq":1', f'"seq":{"9" * 5000}'), UNREADABLE),
    "negative": (item('"seq":1', '"seq":-1'), UNREADABLE),
    "a key twice": (with_field('"data":"0051"'), INVALID),
    "all items twice": (WHOLE[:-1].encode() + b',"items":[]}', INVALID),
    "no items": (WHOLE.replace(ITEM, "").encode(), Reason.NO_READING),
    "a version of tomorrow": (item('"v":1', '"v":2'), Reason.PAYLOAD_UNKNOWN),
    "year 300000": (item("2026-11", "300000-11"), UNREADABLE),
    "a time without zone": (item("00Z", "00"), UNREADABLE),
    "no hexadecimal": (item("0050", "\u0660\u0660\u0665\u0660"), UNREADABLE),
    "a run longer than its numbers": (run("[0,1,2]", "005000500050"), INVALID),
    "a run shorter than its numbers": (run("[]", ""), INVALID),
    "a run without end": (run(f"[0,{1 << 53}]", "00500050", at="9990-01-01T00:00:00Z"), INVALID),
    "a run of time beyond time": (run(f"[0,{1 << 70}]", "00500050"), UNREADABLE),
    "a frame cut short": (item("0050", "00"), Reason.FRAME_TRUNCATED),
    "a characteristic nobody knows": (item("2A37", "FFFF"), Reason.CHARACTERISTIC_UNKNOWN),
    "a convention nobody knows": (with_field('"convention":"x"'), Reason.PAYLOAD_UNKNOWN),
    "a device nobody knows": (item("DEVICE", "00:00"), Reason.DEVICE_UNKNOWN),
}


def refused(line: Line, gateway: str) -> dict[bytes, str]:
    with psycopg.connect(line.settings.database_url) as database:
        rows = database.execute(
            "SELECT payload, reason FROM refused JOIN landing ON landing.id = landing"
            " WHERE refused.gateway = %s",
            (gateway,),
        ).fetchall()
    assert len(rows) == len({bytes(payload) for payload, _ in rows})
    return {bytes(payload): reason for payload, reason in rows}


def landed(line: Line, gateway: str) -> int:
    with psycopg.connect(line.settings.database_url) as database:
        row = database.execute(
            "SELECT count(*) FROM landing WHERE gateway = %s", (gateway,)
        ).fetchone()
    return int(row[0]) if row else 0


def validated() -> None:
    """Run the line as a process: it must come to its end."""
    subprocess.run([sys.executable, "-m", "balise", "flows", "run", "line"], check=True)


def test_each_poison_is_refused_with_its_reason_and_its_neighbours_are_readings(
    line: Line, new_home: NewHome, until: Until, closed: Close
):
    neighbour, poisoner = new_home("neighbour"), new_home("poisoner")
    poison = {
        name: (payload.replace(b"DEVICE", poisoner.device.encode()), reason)
        for name, (payload, reason) in POISON.items()
    }
    with closing(Spool(neighbour.spool_file)) as spool, neighbour.online():
        for payload, _ in poison.values():
            poisoner.send(payload)
            neighbour.give(spool, 20)
        until(lambda: landed(line, poisoner.name) == len(poison))
        validated()
        closed(line, neighbour)
    found = refused(line, poisoner.name)
    assert {name: found.get(payload) for name, (payload, _) in poison.items()} == {
        name: str(reason) for name, (_, reason) in poison.items()
    }
    assert line.fleet.members["receive"].starts == 1


def test_a_message_that_is_poison_in_one_item_gives_its_other_readings(
    line: Line, home: Home, until: Until, closed: Close
):
    cut, *others = home.beats(40)
    odd = Given(home.device, cut.at, cut.value, Reason.CHARACTERISTIC_UNKNOWN.value)
    some = [odd, *others]
    home.ledger.write(some)
    bodies = [one.body for one in some]
    bodies[0] = bodies[0].replace(b'"characteristic":"2A37"', b'"characteristic":"FFFF"')
    home.send(balise_v1.encode_message(home.epoch, enumerate(bodies, 1)))
    until(lambda: landed(line, home.name) == 1)
    closed(line, home)


def dropped(home: Home, payload: bytes) -> bool:
    """Send something the broker will not have; say whether it hung up."""
    broker = Broker(home.settings)
    client = broker.client(f"large-{home.name}", persistent=False)
    events: queue.Queue[str] = queue.Queue()
    client.on_connect = lambda *_: events.put("connected")
    client.on_disconnect = lambda *_: events.put("dropped")
    client.connect(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    try:
        assert events.get(timeout=10) == "connected"
        client.publish(f"balise/v1/{home.name}/frames", payload, qos=1)
        return events.get(timeout=20) == "dropped"
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("size", [LIMIT, 10_000_000], ids=["just too large", "10 MB"])
def test_what_is_too_large_is_refused_by_the_broker_and_the_next_message_comes(
    line: Line, home: Home, until: Until, closed: Close, size: int
):
    assert dropped(home, os.urandom(size))
    home.send(home.message(20))
    until(lambda: landed(line, home.name) == 1)
    closed(line, home)


def test_the_broker_takes_nothing_of_a_gateway_under_another_ones_name(
    line: Line, new_home: NewHome, until: Until, closed: Close
):
    here, there = new_home("thief"), new_home("robbed")
    here.send(here.message(20), topic=f"balise/v1/{there.name}/frames")
    there.send(there.message(20))
    until(lambda: landed(line, there.name) == 1)
    closed(line, there)
    assert landed(line, here.name) == 0


def test_under_another_ones_name_all_the_same_it_is_on_the_account_of_that_name(
    line: Line, new_home: NewHome, until: Until
):
    """As if the broker's rules were wrong. Whose a reading is goes by its device alone."""
    here, there = new_home("lent"), new_home("lender")
    sent = here.message(20)
    broker = Broker(line.settings)  # the services' account may write anywhere
    client = broker.client("rules-are-wrong", persistent=False)
    client.connect(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    client.publish(f"balise/v1/{there.name}/frames", sent, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    until(lambda: landed(line, there.name) == 1)
    validated()
    with psycopg.connect(line.settings.database_url) as database:
        owners = database.execute(
            "SELECT DISTINCT subject.code FROM reading JOIN subject ON subject.id = subject"
            " JOIN landing ON landing.id = landing WHERE gateway = %s",
            (there.name,),
        ).fetchall()
        accounts = database.execute(
            "SELECT gateway, landed = accepted + refused FROM account WHERE gateway = ANY(%s)",
            ([here.name, there.name],),
        ).fetchall()
    assert owners == [(here.name,)]
    assert accounts == [(there.name, True)]
