"""docker-compose.yml against the code: no Docker engine is at hand, so each of its words is held.

The broker's part is really run: the certificates and passwords of ops/secrets, compose.conf, TLS.
"""

from __future__ import annotations

import re
import runpy
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion
from prefect.settings import get_current_settings

from balise.__main__ import app
from balise.doctor import CHECKS
from balise.settings import Settings
from balise.stack import Stack
from balise.stack.ports import free

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one.get("image", "").startswith("balise:")}
ONE_SHOT = {"migrate"}


def test_the_whole_line_is_there():
    assert set(SERVICES) == {
        "database",
        "broker",
        "prefect",
        "migrate",
        "receive",
        "flows",
        "web",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_and_waits_for_what_it_needs(name: str):
    service = SERVICES[name]
    assert name in ONE_SHOT or service["healthcheck"]["test"]
    for other, rule in service.get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert rule["condition"] == expected


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_ours(name: str):
    service = OURS[name]
    if service.get("entrypoint") == ["prefect"]:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *service["command"][:2], "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert all(option in done.stdout for option in service["command"] if option[:2] == "--")
    else:
        command, _, _ = app.parse_args(service["command"], exit_on_error=False, print_error=False)
        assert command.__module__ == "balise.__main__"


def test_a_health_check_of_ours_is_a_command_of_ours():
    tests = [service.get("healthcheck", {}).get("test", []) for service in OURS.values()]
    doctors = [test[2:] for test in tests if test[1:2] == ["balise"]]
    assert doctors
    for command in doctors:
        app.parse_args(command, exit_on_error=False, print_error=False)
        assert set(command[1:]) <= CHECKS.keys()


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_somebody_reads(name: str):
    fields = {f"BALISE_{field.upper()}" for field in Settings.model_fields}
    for variable in OURS[name]["environment"]:
        if variable.startswith("BALISE_"):
            assert variable in fields
        elif variable != "DO_NOT_TRACK":
            assert variable.startswith("PREFECT_")
            assert variable in prefect_variables()


def prefect_variables() -> set[str]:
    """Return the names Prefect reads."""
    return set(get_current_settings().to_environment_variables(exclude_unset=False)) | {
        "PREFECT_API_URL",
        "PREFECT_API_DATABASE_CONNECTION_URL",
    }


def test_no_password_stands_in_the_file():
    text = (ROOT / "docker-compose.yml").read_text()
    for variable in re.findall(r"\$\{(\w+)([^}]*)\}", text):
        assert variable[1].startswith(":?"), f"{variable[0]} has a default"
    urls = re.findall(r"://\w+:([^@\n]+)@", text)
    assert urls
    assert all(password.startswith("${") for password in urls)


def test_ports_agree_with_the_settings():
    web = SERVICES["web"]
    assert web["ports"] == [f"127.0.0.1:8080:{web['environment']['BALISE_WEB_PORT']}"]
    assert Settings.model_fields["web_port"].default == 8080
    assert SERVICES["receive"]["environment"]["BALISE_MQTT_URL"].endswith("@broker:8883")
    assert "listener 8883" in (ROOT / "ops/mosquitto/compose.conf").read_text()


def test_every_file_of_ours_is_there_and_every_volume_is_named():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and source != "./ops/tls":
                assert (ROOT / source).exists(), source
            elif not source.startswith("./"):
                assert source in COMPOSE["volumes"]


def test_the_image_copies_what_is_there_and_runs_a_python_we_support():
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in line.split())
    packages = re.search(r"module-name = (\[.+\])", (ROOT / "pyproject.toml").read_text())
    assert packages
    for package in yaml.safe_load(packages[1]):
        assert f"COPY {package} {package}" in text
    assert "python:3.13" in text
    assert "USER balise" in text


def settings_of(file: str) -> set[str]:
    own = ("listener", "cafile", "certfile", "keyfile", "tls_version", "log_", "#")
    lines = (ROOT / "ops/mosquitto" / file).read_text().splitlines()
    kept = {line for line in map(str.strip, lines) if line and not line.startswith(own)}
    return {
        re.sub(r"^(password_file|acl_file|persistence_location) .*", r"\1", line) for line in kept
    }


def test_the_two_brokers_settings_do_not_drift_apart():
    assert settings_of("compose.conf") == settings_of("mosquitto.conf")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    assert runpy.run_path(str(ROOT / "ops/secrets"))["main"](folder, "localhost") == 0
    return folder


def test_secrets_are_made_once_and_for_their_owner(made: Path):
    assert (made / ".env").stat().st_mode & 0o777 == 0o600
    assert (made / "ops/tls/ca.key").stat().st_mode & 0o777 == 0o600
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    lines = (made / ".env").read_text().splitlines()
    assert {line.split("=")[0] for line in lines} == asked
    assert len({line.split("=")[1] for line in lines}) == len(lines)
    assert runpy.run_path(str(ROOT / "ops/secrets"))["main"](made, "localhost") == 1


@pytest.fixture(scope="module")
def broker(stack: Stack, made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """mosquitto with compose.conf, its paths and port replaced by ours."""
    folder, port = tmp_path_factory.mktemp("broker"), free()
    text = (ROOT / "ops/mosquitto/compose.conf").read_text()
    text = text.replace("/mosquitto/tls/", f"{made}/ops/tls/")
    text = text.replace("/mosquitto/config/acl", str(ROOT / "ops/mosquitto/acl"))
    text = text.replace("/mosquitto/data/", f"{folder}/")
    text = text.replace("listener 8883", f"listener {port} 127.0.0.1")
    # Started by root it would become somebody who may not enter pytest's folders.
    (folder / "conf").write_text(f"user root\n{text}")
    running = Path(f"/proc/{stack.pid('broker')}")
    # The stack's own mosquitto says which binary and which libraries there are.
    arguments = (running / "cmdline").read_bytes().split(b"\0")
    environ = (running / "environ").read_bytes().split(b"\0")
    libraries = [one.decode() for one in environ if one.startswith(b"LD_LIBRARY_PATH=")]
    with subprocess.Popen(
        ["env", *libraries, arguments[0].decode(), "-c", str(folder / "conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(0.5)
        yield port
        process.terminate()


@pytest.mark.stack
@pytest.mark.parametrize(("password", "connects"), [(None, True), ("wrong", False)])
def test_the_compose_broker_lets_in_who_has_the_password(
    broker: int, made: Path, password: str | None, *, connects: bool
):
    right = re.search(r"BALISE_MQTT_PASSWORD=(.+)", (made / ".env").read_text())
    assert right
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set("service", password or right[1])
    client.tls_set(ca_certs=str(made / "ops/tls/ca.crt"))
    answers: list[bool] = []
    client.on_connect = lambda _c, _d, _f, code, _p: answers.append(not code.is_failure)
    client.connect("localhost", broker)
    client.loop_start()
    end = time.monotonic() + 5
    while not answers and time.monotonic() < end:
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    assert answers[:1] == [connects]


@pytest.mark.stack
def test_who_does_not_know_the_ca_does_not_talk_to_the_compose_broker(broker: int):
    context = ssl.create_default_context()
    with (
        socket.create_connection(("localhost", broker)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        pass
