"""Settings set from afar: real broker with TLS, a gateway's own process, the server's command."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from balise import sealed
from balise.authority import Authority
from balise.errors import BrokerDown, Exit
from balise.remote import LOOKED, MESSAGE
from balise.sealed import Sent
from balise.settings import Settings
from balise.stack import Stack
from balise.up import gateway_settings
from bench.waiting import until
from care.web import boxes
from ingest.gateway import health
from ingest.gateway.devices import folder
from ingest.gateway.health import Health, Remote, RemoteState
from ingest.mqtt import KEEPALIVE, Broker, retained

pytestmark = pytest.mark.stack


@pytest.fixture
def server(stack: Stack) -> Settings:
    where = stack.endpoints
    home = stack.authority.file.parent.parent
    return Settings(home=home, mqtt_url=where.mqtt_url, **where.mqtt_files)


@pytest.fixture
def box(stack: Stack, server: Settings, tmp_path: Path) -> Settings:
    """A box that is enrolled, not yet running."""
    home = server.model_copy(update={"home": tmp_path})
    own = gateway_settings(stack, home, f"box-{secrets.token_hex(3)}")
    (folder(tmp_path, own.gateway_name) / "devices.json").write_text("[]")
    return own


@contextmanager
def running(box: Settings, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a gateway as on a box: by what enrolment left in its folder."""
    environment = {name: value for name, value in os.environ.items() if "BALISE_" not in name}
    environment |= {
        "BALISE_HOME": str(box.home),
        "BALISE_GATEWAY_PORT": "0",
        "BALISE_BLE": "tcp-client:127.0.0.1:1",
        **more,
    }
    command = [sys.executable, "-m", "balise", "gateway", "run"]
    with (box.home / "log").open("ab") as log:
        started = subprocess.Popen(command, env=environment, stderr=log)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(timeout=180)


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    fields = ("home", "mqtt_url", "mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file")
    own = {f"BALISE_{name.upper()}": str(getattr(settings, name)) for name in fields}
    return subprocess.run(
        [sys.executable, "-m", "balise", "gateway", *arguments],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def set_on(server: Settings, box: Settings, *pairs: str) -> dict[str, Any]:
    done = command(server, "set", box.gateway_name, *pairs, "--json")
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def said(server: Settings, box: Settings) -> Health | None:
    topic = health.topic(box.gateway_name)
    return health.read(retained(Broker(server), [topic], 10).get(topic, b""))


def told(server: Settings, box: Settings) -> Remote:
    found = said(server, box)
    return (found and found.box and found.box.settings) or Remote()


def test_a_word_of_the_team_is_on_the_box(server: Settings, box: Settings):
    with running(box):
        until(lambda: said(server, box))
        set_on(server, box, "log_level=warning")
        names = [box.gateway_name, "never-let-in"]
        assert boxes.put(server, names, {MESSAGE: "Vos mesures ont été regardées."}) == 1
        until(lambda: told(server, box).state is RemoteState.APPLIED)
        until(lambda: told(server, box).version == 2)
        assert boxes.put(server, names, {LOOKED: "2026-11-27"}) == 1
        until(lambda: told(server, box).version == 3)
    kept = Authority(server.home).ledger.settings(box.gateway_name)
    assert kept
    assert b"regard" in kept
    assert b"2026-11-27" in kept
    assert b"warning" in kept  # what was set before stays


def test_without_a_broker_or_a_box_no_word_goes(server: Settings, box: Settings):
    away = server.model_copy(update={"mqtt_url": "mqtts://localhost:1"})
    assert boxes.put(away, ["never-let-in"], {MESSAGE: "x"}) == 0
    with pytest.raises(BrokerDown):
        boxes.put(away, [box.gateway_name], {MESSAGE: "x"})
    assert boxes.put(server, [], {MESSAGE: "x"}) == 0


def publish(server: Settings, topic: str, payload: bytes) -> None:
    """Say something as the broker itself could."""
    broker = Broker(server)
    client = broker.client(f"balise-forger-{secrets.token_hex(3)}", persistent=False)
    client.connect(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(timeout=10)
    client.disconnect()
    client.loop_stop()


def sent(name: str, version: int, **values: Any) -> Sent:
    return Sent(gateway=name, version=version, at=datetime.now(UTC), values=values)


def test_settings_are_applied_and_hold_after_a_restart_without_a_broker(
    server: Settings, box: Settings
):
    with running(box) as process:
        until(lambda: said(server, box))
        answer = set_on(server, box, "gateway_phone=01 23 45 67 89", "receipt_timeout=90")
        assert (answer["state"], answer["version"]) == ("applied", 1)
        assert answer["values"] == {"gateway_phone": "01 23 45 67 89", "receipt_timeout": 90.0}
        answer = set_on(server, box, "log_level=warning", "--unset", "receipt_timeout")
        assert answer["values"] == {"gateway_phone": "01 23 45 67 89", "log_level": "warning"}
        assert answer["version"] == 2
        assert process.poll() is None  # the same process all along, for whoever watches it
    status = command(box.model_copy(update={"mqtt_url": "mqtts://localhost:1"}), "status")
    assert "version 2 applied" in status.stdout
    log = (box.home / "log").read_text()
    assert log.count("settings_taken") == 2
    assert "01 23 45" not in log


def test_a_box_that_is_away_takes_them_when_it_is_back(server: Settings, box: Settings):
    with running(box):
        until(lambda: said(server, box))
    until(lambda: (found := said(server, box)) and found.state == "offline")
    done = command(server, "set", box.gateway_name, "spool_mb=64")
    assert (done.returncode, "when it is back" in " ".join(done.stderr.split())) == (4, True)
    command(server, "set", box.gateway_name, "log_level=error")
    with running(box):
        until(lambda: told(server, box).state is RemoteState.APPLIED)
        assert told(server, box).version == 2  # one message holds all


def test_what_the_box_itself_sets_wins_and_is_said(server: Settings, box: Settings):
    with running(box, BALISE_LOG_LEVEL="error"):
        until(lambda: said(server, box))
        answer = set_on(server, box, "log_level=debug", "gateway_language=en")
        assert answer["set_on_the_box"] == ["log_level"]


def test_what_the_site_did_not_seal_for_this_box_is_refused(
    server: Settings, box: Settings, tmp_path: Path
):
    name = box.gateway_name
    ours, others = Authority(server.home), Authority(tmp_path / "other")
    others.ensure(())
    key = ours.signer.key
    good = sealed.seal(sent(name, 5, gateway_phone="01 23"), key)
    cases = (
        (sealed.seal(sent(name, 9, log_level="debug"), others.signer.key), "SettingsForged"),
        (good.replace(b"01 23", b"09 87"), "SettingsForged"),
        (sealed.seal(sent("another-box", 9, log_level="debug"), key), "SettingsOfAnother"),
        (sealed.seal(sent(name, 4, log_level="debug"), key), "SettingsOlder"),
        (sealed.seal(sent(name, 5, log_level="debug"), key), "SettingsOlder"),
        (sealed.seal(sent(name, 9, mqtt_url="mqtts://elsewhere"), key), "SettingUnknown"),
        (sealed.seal(sent(name, 9, log_level="info", spool_mb=1), key), "SettingWrong"),
        (b"nonsense", "SettingsUnreadable"),
    )
    with running(box):
        until(lambda: said(server, box))
        publish(server, sealed.topic(name), good)
        until(lambda: told(server, box).state is RemoteState.APPLIED)
        for payload, kind in cases:
            publish(server, sealed.topic(name), payload)
            until(lambda kind=kind: told(server, box).refused_kind == kind)
            assert told(server, box).version == 5
        # The server's next message is taken all the same: it asks the box which number it holds.
        assert set_on(server, box, "gateway_language=fr")["version"] == 6
        assert told(server, box).refused == ""
    log = (box.home / "log").read_text()
    assert log.count("settings_refused") == len({str(kind) for _, kind in cases}) + 1
    assert "elsewhere" not in log


def test_a_refusal_is_the_commands_answer(server: Settings, box: Settings, tmp_path: Path):
    other = Authority(tmp_path / "other")
    other.ensure(())
    file = folder(box.home, box.gateway_name) / "ca.pem"
    with running(box):
        until(lambda: said(server, box))
        # It is at its broker, and trusts another site's authority from now on.
        file.write_bytes(other.file.read_bytes())
        done = command(server, "set", box.gateway_name, "gateway_phone=1")
        assert (done.returncode, "did not sign" in done.stderr) == (Exit.FAILED, True)


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ("mqtt_url=mqtt://elsewhere", "gateway_phone"),
        ("receipt_timeout=soon", "valid number"),
        ("receipt_timeout=0.1", "from 10 to 3600"),
        ("spool_mb=nan", "spool_mb"),
        ("phone", "KEY=VALUE"),
    ],
)
def test_the_server_seals_nothing_that_a_box_would_refuse(server: Settings, pair: str, says: str):
    done = command(server, "set", "box-never", pair)
    assert (done.returncode, says in " ".join(done.stderr.split())) == (Exit.USAGE, True)
    assert Authority(server.home).ledger.settings("box-never") is None


def test_a_box_reads_its_own_settings_and_nobody_elses(
    stack: Stack, server: Settings, box: Settings
):
    other = gateway_settings(stack, box, f"box-{secrets.token_hex(3)}")
    publish(server, sealed.topic(other.gateway_name), b"theirs")
    publish(server, sealed.topic(box.gateway_name), b"ours")
    topics = [sealed.topic(one.gateway_name) for one in (other, box)]
    heard: list[bytes] = []
    broker = Broker(box)
    client = broker.client("any", persistent=False)
    client.on_message = lambda _c, _d, message: heard.append(message.payload)
    client.on_connect = lambda *_: client.subscribe([(topic, 1) for topic in topics])
    client.connect(broker.host, broker.port, KEEPALIVE)
    client.loop_start()
    until(lambda: heard)
    time.sleep(0.5)
    client.disconnect()
    client.loop_stop()
    assert heard == [b"ours"]
