"""What may be set from afar, and how it is sealed."""

from __future__ import annotations

import base64
import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from balise import certificates, gateway_app, remote, sealed
from balise.authority import Authority
from balise.errors import SettingsForged, SettingsRefused, SettingsUnreadable, SettingWrong
from balise.remote import KNOBS, Knob
from balise.sealed import Envelope, Sent
from balise.settings import Settings

NEVER = (
    *("home", "database_url", "mqtt_url", "mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file"),
    *("server_url", "ble", "gateway_name", "gateway_port", "broker_names", "broker_port"),
)
"""What shuts a box out, or sends its data elsewhere."""
SENT = Sent(gateway="box-1", version=3, at=datetime(2026, 11, 25, tzinfo=UTC), values={})


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_every_knob_is_a_setting_and_none_that_could_shut_the_box_out(knob: Knob):
    assert knob.name in Settings.model_fields
    assert knob.name not in NEVER
    own = getattr(Settings(), knob.name)
    if isinstance(own, int | float) and not isinstance(own, bool):
        assert knob.least <= own <= knob.most  # a number has bounds, and the default keeps them
        assert abs(knob.least) != float("inf") != knob.most


@pytest.mark.parametrize("written", ["0", 1699920000, "yesterday", "2026-13-01"])
def test_a_day_is_written_as_a_day(written: str | int):
    with pytest.raises(SettingWrong, match="gateway_looked"):
        remote.checked({"gateway_looked": written})
    assert remote.checked({"gateway_looked": "2026-11-27"}) == {
        "gateway_looked": date(2026, 11, 27)
    }
    assert remote.checked({"gateway_looked": ""}) == {"gateway_looked": None}


def test_values_are_read_as_the_environments_are():
    assert remote.checked({"spool_mb": "128", "receipt_timeout": 30}) == {
        "spool_mb": 128,
        "receipt_timeout": 30.0,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"spool_mb": 7},
        {"spool_mb": "much"},
        {"receipt_timeout": float("nan")},
        {"log_level": "silent"},
        {"gateway_language": "de"},
        {"gateway_care_fr": "x" * 501},
        {"gateway_phone": 15},
        {"log_level": "error", "spool_mb": 1},
    ],
    ids=str,
)
def test_one_bad_value_refuses_all_and_is_not_repeated(values: dict[str, Any]):
    with pytest.raises(SettingWrong) as refused:
        remote.checked(values)
    assert all(str(value) not in str(refused.value) for value in values.values())


def test_what_the_box_itself_sets_wins():
    own = Settings(gateway_phone="01", gateway_name="box-1")
    found, kept = remote.over(own, {"gateway_phone": "02", "spool_mb": 64})
    assert (found.gateway_phone, found.spool_mb, kept) == ("01", 64, ("gateway_phone",))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("site"))
    made.ensure(())
    return made


def test_an_openssl_of_its_own_finds_the_seal_good(site: Authority, tmp_path: Path):
    envelope = msgspec.json.decode(sealed.seal(SENT, site.signer.key), type=Envelope)
    (tmp_path / "seal").write_bytes(base64.b64decode(envelope.seal))
    (tmp_path / "text").write_bytes(b"balise settings v1\n" + envelope.settings.encode())
    public = subprocess.run(
        ["openssl", "x509", "-in", site.file, "-pubkey", "-noout"], capture_output=True, check=True
    )
    (tmp_path / "key").write_bytes(public.stdout)
    verify = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "seal", "text"]
    done = subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False)
    assert done.stdout == b"Verified OK\n"


def test_what_was_sealed_is_opened(site: Authority):
    assert sealed.opened(sealed.seal(SENT, site.signer.key), site.signer.certificate) == SENT


def test_a_signature_over_something_else_is_no_seal(site: Authority):
    """The authority's key signs certificates too: none of what it signs there is good here."""
    key, hashed = site.signer.key, ec.ECDSA(certificates.hashes.SHA256())
    text = msgspec.json.encode(SENT)
    envelope = Envelope(
        settings=text.decode(), seal=base64.b64encode(key.sign(text, hashed)).decode()
    )
    with pytest.raises(SettingsForged):
        sealed.opened(msgspec.json.encode(envelope), site.signer.certificate)


@given(st.binary(max_size=200))
def test_any_bytes_are_opened_or_refused(site: Authority, payload: bytes):
    with pytest.raises(SettingsUnreadable):
        sealed.opened(payload, site.signer.certificate)


@pytest.fixture(scope="module")
def whole(site: Authority) -> bytes:
    return sealed.seal(SENT, site.signer.key)


@given(st.data())
def test_one_byte_changed_is_refused(site: Authority, whole: bytes, data: st.DataObject):
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = sealed.opened(bytes(changed), site.signer.certificate)
    except SettingsRefused:
        return
    assert found == SENT  # the byte was of no meaning: the name of the field that has a default


def test_versions_rise_whatever_the_box_or_the_ledger_says(site: Authority):
    first, _ = site.set("box-1", lambda held: held | {"spool_mb": 64})
    second, payload = site.set("box-1", lambda held: held | {"log_level": "error"}, above=7)
    third, _ = site.set("box-1", lambda _held: {}, above=2)
    assert [one.version for one in (first, second, third)] == [1, 8, 9]
    assert second.values == {"spool_mb": 64, "log_level": "error"}
    assert sealed.opened(payload, site.signer.certificate) == second


def test_the_commands_help_and_the_guide_name_every_knob():
    text = gateway_app.gateway_set.__doc__ or ""
    named = set(re.findall(r"[a-z_]+", text.partition("KEY=VALUE:")[2].partition(".")[0]))
    assert named == {knob.name for knob in KNOBS}
    guide = (Path(__file__).resolve().parents[2] / "docs/gateway.md").read_text()
    assert all(f"`{knob.name}`" in guide for knob in KNOBS)
