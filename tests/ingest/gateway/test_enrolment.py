"""A box is invited, enrols, publishes, renews and is shut out: real broker, database, server."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pypdfium2
import pytest
import uvicorn
import zxingcpp

from balise import enrolment as command
from balise import sheet
from balise.authority import Authority
from balise.errors import (
    AuthorityForeign,
    BoxRevoked,
    ClockWrong,
    CodeExpired,
    CodesClosed,
    CodeUnknown,
    CodeUsed,
    Exit,
    RequestUnreadable,
    ServerDown,
    UsageError,
)
from balise.settings import Settings
from balise.stack import Stack
from balise.stack.ports import free
from care.web import enrolment as server
from care.web.app import create_app
from devices.payloads import balise_v1
from ingest.gateway import certificate, enrol, renewal
from ingest.gateway.certificate import Identity, enrolled
from ingest.gateway.enrol import Invitation, read_uri
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker, end_session, wait_for
from ingest.receive import ONLINE, STATUS, Receiver

pytestmark = pytest.mark.stack

SHORT = 12 / 86400  # days of a certificate that lasts twelve seconds


@pytest.fixture
def settings(stack: Stack, database_url: str) -> Settings:
    """The server's settings; its pages answer at `server_url`."""
    port = free()
    where = stack.endpoints
    return Settings(
        home=stack.authority.file.parent.parent,
        database_url=database_url,
        mqtt_url=where.mqtt_url,
        web_port=port,
        server_url=f"http://127.0.0.1:{port}",
        broker_names="localhost",
        broker_port=int(where.boxes_url.rpartition(":")[2]),
        gateway_phone="01 23 45 67 89",
        **where.mqtt_files,
    )


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    config = uvicorn.Config(create_app(settings), port=settings.web_port, log_level="error")
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run)
    thread.start()
    until(lambda: web.started)
    try:
        yield
    finally:
        web.should_exit = True
        thread.join(timeout=10)


@contextmanager
def receiving(settings: Settings) -> Iterator[None]:
    name = secrets.token_hex(4)
    receiver = Receiver(Broker(settings), settings.database_url, name=name)
    thread = threading.Thread(target=receiver.run)
    thread.start()
    wait_for(Broker(settings), f"{STATUS}/{name}", ONLINE, 10)
    try:
        yield
    finally:
        receiver.stop()
        thread.join(timeout=15)
        # The next test's shared subscription is its own.
        end_session(Broker(settings), f"balise-receiver-{name}")


@contextmanager
def publishing(own: Settings, spool: Path) -> Iterator[Publisher]:
    publisher = Publisher(Broker(own), own.gateway_name, spool, 5)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def until(condition: Callable[[], Any], seconds: float = 20) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "waited too long"
        time.sleep(0.02)
    return time.monotonic() - began


def balise(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the server's."""
    fields = ("home", "database_url", "mqtt_url", "server_url", "broker_port", "gateway_phone")
    files = ("mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file")
    own = {f"BALISE_{name.upper()}": str(getattr(settings, name)) for name in (*fields, *files)}
    return subprocess.run(
        [sys.executable, "-m", "balise", "gateway", *arguments],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def invite(settings: Settings, name: str, *more: str) -> dict[str, str]:
    done = balise(settings, "invite", name, "--json", *more)
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def box_name() -> str:
    return f"box-{secrets.token_hex(4)}"


def test_a_box_enrols_publishes_and_has_its_receipt(settings: Settings, tmp_path: Path):
    name = box_name()
    invited = invite(settings, name)
    with serving(settings), receiving(settings):
        began = time.monotonic()
        command_line = [sys.executable, "-m", "balise", "gateway", "enrol", invited["address"]]
        done = subprocess.run(
            command_line,
            env=os.environ | {"BALISE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"enrolled in {time.monotonic() - began:.2f} s")  # noqa: T201
        assert done.returncode == Exit.OK, done.stderr
        assert invited["code"] not in done.stdout + done.stderr
        own = enrolled(Settings(home=tmp_path))
        assert own.gateway_name == name
        spool = Spool(tmp_path / "spool.db")
        spool.put(balise_v1.encode_item(balise_v1.Item(device="D", data="00")))
        with publishing(own, tmp_path / "spool.db"):
            until(lambda: spool.depth() == 0)
        spool.close()
    folder = tmp_path / "gateway" / name
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.pop("key.pem") == 0o600
    assert modes.keys() == {"certificate.pem", "ca.pem", "broker.json"}
    with psycopg.connect(settings.database_url) as database:
        assert database.execute("SELECT gateway FROM landing").fetchall() == [(name,)]
        kept = repr(database.execute("SELECT * FROM invite").fetchall())
    assert invited["code"].replace(" ", "") not in kept


def test_a_lost_answer_does_not_use_the_code_up(settings: Settings, tmp_path: Path):
    invitation = read_uri(invite(settings, box_name())["address"])
    with serving(settings):
        first = enrol.enrol(tmp_path, invitation)
        key = first.key_file.read_bytes()
        # The answer was lost: the key that asked is still there, and nothing else.
        first.key_file.rename(tmp_path / "gateway" / "enrolment.pem")
        assert enrol.enrol(tmp_path, invitation).key_file.read_bytes() == key
        with pytest.raises(CodeUsed):
            enrol.enrol(tmp_path / "another", invitation)


def test_a_new_box_takes_the_place_of_one_with_its_name(settings: Settings, tmp_path: Path):
    name = box_name()
    with serving(settings):
        first, second = (
            enrol.enrol(tmp_path / home, read_uri(invite(settings, name)["address"]))
            for home in ("first", "second")
        )
        with pytest.raises(BoxRevoked):
            enrol.renew(first)
        enrol.renew(second)


def test_the_eight_digits_do_as_well_and_each_refusal_says_which(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def ask(code: str) -> Identity:
        home = tmp_path / secrets.token_hex(4)
        return enrol.enrol(home, Invitation(settings.server_url, code=code.replace(" ", "")))

    name = box_name()
    old, invited, late = (invite(settings, name), invite(settings, name), box_name())
    expired = invite(settings, late, "--days", "0")
    monkeypatch.setattr(server, "WRONG_CODES_AN_HOUR", 3)
    with serving(settings):
        with pytest.raises(CodeExpired):
            ask(old["code"])
        with pytest.raises(CodeExpired):
            ask(expired["code"])
        assert ask(invited["code"]).broker.gateway == name  # type: ignore[union-attr]
        with pytest.raises(CodeUsed):
            ask(invited["code"])
        for _ in range(3):
            with pytest.raises(CodeUnknown):
                ask("00000000x")
        with pytest.raises(CodesClosed):
            ask(invite(settings, box_name())["code"])
        with_token = read_uri(invite(settings, box_name())["address"])
        enrol.enrol(tmp_path / "by-token", with_token)


def test_who_does_not_know_the_token_is_not_let_in(settings: Settings, tmp_path: Path):
    known = read_uri(invite(settings, box_name())["address"])
    for other in (
        Invitation(known.server, gateway=known.gateway, token="guess"),
        Invitation(known.server, gateway=box_name(), token=known.token),
        Invitation(known.server, gateway=box_name(), token=""),
    ):
        with serving(settings), pytest.raises(CodeUnknown):
            enrol.enrol(tmp_path, other)


def test_a_server_that_did_not_invite_is_not_believed(settings: Settings, tmp_path: Path):
    known = read_uri(invite(settings, box_name())["address"])
    other = Invitation(known.server, "", known.gateway, known.token, bytes(32))
    with serving(settings), pytest.raises(AuthorityForeign):
        enrol.enrol(tmp_path, other)


def test_a_code_is_not_said_where_others_hear_it(tmp_path: Path):
    with pytest.raises(UsageError, match="https"):
        enrol.enrol(tmp_path, Invitation("http://192.0.2.7", code="12345678"))
    with pytest.raises(UsageError, match="no address"):
        read_uri("balise://enrol?s=https%3A%2F%2Fx")


def test_a_server_that_is_not_there_is_said_so(settings: Settings, tmp_path: Path):
    with pytest.raises(ServerDown, match="does not answer"):
        enrol.enrol(tmp_path, Invitation(settings.server_url, code="12345678"))


class Clock(datetime):
    """A box's clock that stands in the past."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) - timedelta(days=400)


def test_a_wrong_clock_is_named_with_both_times(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known = read_uri(invite(settings, box_name())["address"])
    with serving(settings):
        with monkeypatch.context() as patch:
            patch.setattr(certificate, "datetime", Clock)
            with pytest.raises(ClockWrong, match="timedatectl"):
                enrol.enrol(tmp_path, known)
        found = enrol.enrol(tmp_path, known)  # the clock was set: the same code still works
        monkeypatch.setattr(enrol, "datetime", Clock)
        with pytest.raises(ClockWrong, match=f"server's {datetime.now(UTC):%Y-%m-%d}"):
            enrol.renew(found)


def test_a_stranger_cannot_renew_for_a_box(settings: Settings, tmp_path: Path):
    known = read_uri(invite(settings, box_name())["address"])
    with serving(settings):
        found = enrol.enrol(tmp_path, known)
        thief = Identity(tmp_path / "thief")
        thief.folder.mkdir()
        for name in ("certificate.pem", "ca.pem", "broker.json"):
            (thief.folder / name).write_bytes((found.folder / name).read_bytes())
        thief.key_file.write_bytes(
            certificate.certificates.key_text(certificate.certificates.new_key())
        )
        with pytest.raises(RequestUnreadable):
            enrol.renew(thief)
        own = Authority(tmp_path / "own")
        own.ensure(())
        forged = own.admit(found.folder.name, found.key().public_key())
        found.certificate_file.write_bytes(certificate.certificates.text(forged))
        with pytest.raises(BoxRevoked):
            enrol.renew(found)


def test_a_box_renews_while_it_publishes_and_is_shut_out_at_once(
    settings: Settings, tmp_path: Path
):
    name = box_name()
    short = settings.model_copy(update={"certificate_days": SHORT})
    known = read_uri(invite(settings, name)["address"])
    with serving(short):
        found = enrol.enrol(tmp_path, known)
        first = found.certificate.serial_number
        environment = os.environ | {
            "BALISE_HOME": str(tmp_path),
            "BALISE_GATEWAY_PORT": "0",
            "BALISE_BLE": "tcp-client:127.0.0.1:1",
        }
        (found.folder / "devices.json").write_text("[]")
        with (tmp_path / "log").open("wb") as log:
            box = subprocess.Popen(
                [sys.executable, "-m", "balise", "gateway", "run"], env=environment, stderr=log
            )
        try:
            heard = Heard(settings, f"balise/v1/{name}/status")
            until(lambda: heard.last == "online")
            until(lambda: found.certificate.serial_number != first)
            second = found.certificate.serial_number
            until(lambda: found.certificate.serial_number != second)
            time.sleep(1)
            assert set(heard.said) == {"online"}  # no last will at a renewal
            began = time.monotonic()
            done = balise(settings, "revoke", name)
            assert done.returncode == Exit.OK, done.stderr
            until(lambda: heard.last == "offline", 5)
            print(f"revoked and dropped in {time.monotonic() - began:.2f} s")  # noqa: T201
            time.sleep(4)
            assert heard.last == "offline"  # it tries to come back, and can't
            with pytest.raises(BoxRevoked):
                enrol.renew(found)
            heard.close()
        finally:
            box.terminate()
            box.wait(timeout=20)
    text = (tmp_path / "log").read_text()
    assert "renewed" in text
    assert "PRIVATE" not in text


class Heard:
    """What a gateway says of itself, as the server hears it."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.said: list[str] = []
        broker = Broker(settings)
        self._client = broker.client(f"balise-heard-{secrets.token_hex(4)}", persistent=False)
        self._client.on_message = lambda _c, _d, message: self.said.append(
            json.loads(message.payload)["state"]
        )
        self._client.on_connect = lambda *_: self._client.subscribe(topic, qos=1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    @property
    def last(self) -> str:
        return self.said[-1] if self.said else ""

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_a_new_invitation_lets_a_revoked_box_in_again(settings: Settings, tmp_path: Path):
    name = box_name()
    with serving(settings):
        enrol.enrol(tmp_path, read_uri(invite(settings, name)["address"]))
        balise(settings, "revoke", name)
        again = balise(settings, "revoke", name)
        assert (again.returncode, "no certificate" in again.stderr) == (Exit.USAGE, True)
        found = enrol.enrol(tmp_path, read_uri(invite(settings, name)["address"]))
        enrol.renew(found)
    own = enrolled(Settings(home=tmp_path))
    spool = tmp_path / "spool.db"
    Spool(spool).close()
    with publishing(own, spool) as publisher:
        until(lambda: publisher.connected)


async def test_a_renewal_that_fails_is_tried_again_and_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    short = settings.model_copy(update={"certificate_days": 2 / 86400})
    known = read_uri(invite(settings, box_name())["address"])
    with serving(short):
        found = enrol.enrol(tmp_path, known)
    tried: list[bool] = []
    monkeypatch.setattr(renewal, "_renew", lambda _found: tried.append(False))
    keeping = asyncio.create_task(renewal.keep(found, lambda: None, retry=0.05))
    await asyncio.sleep(2.5)
    keeping.cancel()
    assert 3 <= len(tried) <= 6  # 0.05 s, then twice as long each time


def test_a_box_that_was_away_for_months_renews(settings: Settings, tmp_path: Path):
    short = settings.model_copy(update={"certificate_days": 1 / 86400})
    known = read_uri(invite(settings, box_name())["address"])
    with serving(short):
        found = enrol.enrol(tmp_path, known)
        time.sleep(1.5)
        old = found.certificate
        assert old.not_valid_after_utc < datetime.now(UTC)
        enrol.renew(found)
        assert found.certificate.serial_number != old.serial_number


def test_the_sheet_has_the_qr_code_the_digits_and_no_name(settings: Settings, tmp_path: Path):
    name = box_name()
    with psycopg.connect(settings.database_url, autocommit=True) as database:
        row = database.execute("INSERT INTO subject (code) VALUES (%s) RETURNING id", (name,))
        subject = row.fetchone()
        database.execute(
            "INSERT INTO identity (subject, family, given) VALUES (%s, 'Moreau', 'Jeanne')", subject
        )
    path = tmp_path / "sheet.pdf"
    invited = invite(settings, name, "--pdf", str(path))
    document = pypdfium2.PdfDocument(path)
    assert len(document) == 1
    text = document[0].get_textpage().get_text_range()
    assert "\u00a0".join(invited["code"].split()) in text.replace(" ", "\u00a0")
    for word in (name, "01 23 45 67 89", "appelez le 15", "emergency"):
        assert word in text
    for word in ("Jeanne", "Moreau"):
        assert word not in text
    picture = document[0].render(scale=2, grayscale=True)
    assert picture.width < picture.height
    pixels = memoryview(bytes(picture.buffer)).cast("B", (picture.height, picture.stride))
    [found] = zxingcpp.read_barcodes(pixels)
    assert found.text == invited["address"]


def test_a_phone_that_nobody_set_is_a_line_to_write_on():
    blank = sheet.make(
        sheet.Sheet("box", "1234 5678", "balise://x", "https://x", datetime.now(UTC), "")
    )
    assert "____" in pypdfium2.PdfDocument(blank)[0].get_textpage().get_text_range()


def test_the_address_comes_back_as_it_was_made():
    uri = command.address("https://care.example.org:8443", "box-1", "a-token_x", bytes(range(32)))
    assert read_uri(uri) == Invitation(
        "https://care.example.org:8443", "", "box-1", "a-token_x", bytes(range(32))
    )
