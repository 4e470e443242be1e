"""docker-compose.yml against the code. No Docker engine is at hand, so each of its words is held.

What can be run without an engine is, in the modules beside this one.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import prefect.settings
import pytest
import yaml

from balise.__main__ import app
from balise.settings import Settings
from balise.stack.cluster import SETTINGS
from balise.stack.postgres import EXTENSIONS

from .conftest import COMPOSE, ROOT, SERVICES, secrets, words

TEXT = (ROOT / "docker-compose.yml").read_text()
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("balise:")}
ONE_SHOT = {"migrate", "authority"}
IMAGE = dict(
    re.findall(
        r"(\w+)=(\S+)",
        re.findall(r"^ENV (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0],
    )
)
VARIABLE = re.compile(r"\$\{(\w+)([^}]*)\}")
INIT = ROOT / "ops/postgres/databases.sql"
CONF = ROOT / "ops/mosquitto/compose.conf"
SECRETS = runpy.run_path(str(ROOT / "ops/secrets"))


def test_the_whole_line_is_there():
    assert {*SERVICES} == {
        *("database", "broker", "prefect", "authority", "migrate", "receive", "flows", "web"),
        *("copy", "watch", "prometheus", "grafana"),
    }


NOT_NEEDED = {"prefect"}
"""What is shown there is done without it as well."""


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_and_waits_for_what_it_needs(name: str):
    service = SERVICES[name]
    assert (name in ONE_SHOT) != ("healthcheck" in service)
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    for other, rule in service.get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert rule["condition"] == ("service_started" if other in NOT_NEEDED else expected)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_a_fixed_version(name: str):
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+\.\d+\.\d+", tag)


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_ours(name: str):
    if OURS[name].get("entrypoint") == ["prefect"]:
        words = OURS[name]["command"]
        done = run([sys.executable, "-m", "prefect", *words[:2], "--help"])
        assert all(word in done.stdout for word in words if word.startswith("--"))
    else:
        parse(OURS[name]["command"])


@pytest.mark.parametrize("name", sorted(OURS.keys() - ONE_SHOT))
def test_a_health_check_asks_what_the_image_has(name: str):
    kind, program, flag, code = OURS[name]["healthcheck"]["test"]
    assert (kind, program, flag) == ("CMD", "python", "-c")
    compile(code, name, "exec")


def parse(words: list[str]) -> None:
    command, _, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert command.__module__ in {"balise.__main__", "balise.db_app"}


def run(words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=True, **options)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_somebody_reads(name: str):
    ours = {f"BALISE_{field.upper()}" for field in Settings.model_fields}
    for variable in {**IMAGE, **OURS[name]["environment"]}:
        if variable.startswith("PREFECT_"):
            assert hasattr(prefect.settings, variable)
        else:
            others = {"DO_NOT_TRACK", "PYTHONUNBUFFERED", "UV_COMPILE_BYTECODE"}
            assert variable in ours | others | {"FORWARDED_ALLOW_IPS"}  # uvicorn's


def test_prefects_records_are_pruned_after_the_days_that_the_setting_says():
    environment = SERVICES["prefect"]["environment"]
    days = Settings.model_fields["flow_run_days"].default
    name = "PREFECT_SERVER_SERVICES_DB_VACUUM_"
    assert environment[f"{name}RETENTION_PERIOD"] == str(days * 24 * 3600)
    assert environment[f"{name}ENABLED"] == "events,flow_runs"


def test_no_password_stands_in_the_file():
    assert all(rest == ":?run ops/secrets first" for _, rest in VARIABLE.findall(TEXT))
    urls = re.findall(r"://\w+:([^@\n]+)@", TEXT)
    assert len(urls) == 8
    assert all(VARIABLE.fullmatch(password) for password in urls)
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert "PASSWORD" not in variable or VARIABLE.fullmatch(value)


def test_a_password_goes_only_where_it_is_needed():
    goes = {
        password: {name for name, one in SERVICES.items() if f"${{{password}:" in str(one)}
        for password in SECRETS["PASSWORDS"]
    }
    assert goes == {
        "POSTGRES_PASSWORD": {"database"},
        "BALISE_DB_PASSWORD": {"database", "authority", "migrate"},
        "PREFECT_DB_PASSWORD": {"database", "prefect"},
        "RECEIVE_DB_PASSWORD": {"database", "receive"},
        "FLOWS_DB_PASSWORD": {"database", "flows"},
        "WEB_DB_PASSWORD": {"database", "web"},
        "WATCH_DB_PASSWORD": {"database", "watch"},
        "COPY_DB_PASSWORD": {"database", "copy"},
        "GRAFANA_PASSWORD": {"grafana"},
    }
    # The key that every box trusts is where boxes are certified; the services' where it is shown.
    assert {name for name, one in SERVICES.items() if "authority:" in str(one["volumes"])} == {
        "authority",
        "web",
    }
    assert {name for name, one in SERVICES.items() if "tls:" in str(one["volumes"])} == {
        *("authority", "web", "receive", "broker", "watch")
    }
    assert SERVICES["broker"]["networks"] == ["edge"]
    assert {name for name, one in SERVICES.items() if "edge" in one.get("networks", [])} == {
        "authority",
        "broker",
        "receive",
        "watch",
        "web",
    }


def test_ports_agree_and_only_the_broker_meets_the_world():
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    port = SERVICES["web"]["environment"]["BALISE_WEB_PORT"]
    assert port == str(Settings.model_fields["web_port"].default)
    assert published == {
        "broker": ["8883:8883"],
        "prefect": ["127.0.0.1:4200:4200"],
        "grafana": ["127.0.0.1:3000:3000"],
        "web": [f"127.0.0.1:{port}:{port}"],
    }
    assert f":{port}/readyz" in str(SERVICES["web"]["healthcheck"])
    assert SERVICES["prefect"]["command"][-2:] == ["--port", "4200"]
    assert ":4200/api/health" in str(SERVICES["prefect"]["healthcheck"])
    assert "-p 8884 " in SERVICES["broker"]["healthcheck"]["test"][1]
    # Services at the first, whose port is not published; boxes at the second.
    assert re.findall(r"^listener (.+)$", CONF.read_text(), re.MULTILINE) == ["8884", "8883"]
    assert Settings.model_fields["broker_port"].default == 8883
    environments = [one["environment"] for one in OURS.values()]
    addresses = {value for one in environments for value in one.values() if "://" in value}
    met = {(urlsplit(one).hostname, urlsplit(one).port) for one in map(filled, addresses)}
    met -= {("made", None)}  # where boxes find the pages, which is for .env to say
    assert met == {("database", 5432), ("broker", 8884), ("prefect", 4200), ("127.0.0.1", 4200)}


def filled(text: str, words: Mapping[str, str] | None = None) -> str:
    return VARIABLE.sub(lambda match: (words or {}).get(match[1], "made"), text)


def test_every_file_and_volume_is_there():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            if source.startswith("./"):
                assert (ROOT / source).is_file()
                assert mode == ["ro"]
                assert target.endswith("/" + Path(source).name)
            else:
                assert source in COMPOSE["volumes"]


def test_the_image_copies_what_is_there_and_runs_a_python_we_support():
    text, project = (ROOT / "Dockerfile").read_text(), (ROOT / "pyproject.toml").read_text()
    copied = [line.split() for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE)]
    ignored = (ROOT / ".dockerignore").read_text().split()
    for *sources, _ in copied:
        assert all((ROOT / source).exists() and source not in ignored for source in sources)
    packages = yaml.safe_load(re.findall(r"^module-name = (.+)$", project, re.MULTILINE)[0])
    assert all([package, package] in copied for package in packages)
    base = re.findall(r"^FROM python:(\d\.\d+)-", text, re.MULTILINE)
    assert f"Programming Language :: Python :: {base[0]}" in project
    assert re.findall(r"^USER .+\nENTRYPOINT .+", text, re.MULTILINE) == [
        'USER balise\nENTRYPOINT ["balise"]'
    ]


def test_no_secret_gets_into_the_image_or_into_git():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".*", "ops"} <= {*ignored}
    for path in (".env", "ops/tls/ca.key"):  # where versions before this one kept a key
        run(["git", "check-ignore", "--no-index", path], cwd=ROOT)


def test_the_databases_log_holds_no_value_here_either():
    set_here = dict(re.findall(r"-c (\S+?)=(\S+)", SERVICES["database"]["command"]))
    kept = {"log_min_error_statement", "log_parameter_max_length_on_error"}
    assert kept | {"timescaledb.telemetry_level", "max_locks_per_transaction"} <= set_here.keys()
    assert all(SETTINGS[name] == set_here[name] for name in set_here.keys() & SETTINGS.keys())
    assert set_here["log_error_verbosity"] == "terse"  # its DETAIL shows the failing row


def test_both_stacks_have_the_same_extensions():
    parts = re.split(r"^\\connect (\w+)$", INIT.read_text(), flags=re.MULTILINE)[1:]
    made = {
        database: tuple(re.findall(r"CREATE EXTENSION (\w+)", text))
        for database, text in zip(parts[::2], parts[1::2], strict=True)
    }
    assert made == EXTENSIONS


def broker_settings(file: str) -> list[str]:
    lines = (ROOT / "ops/mosquitto" / file).read_text().splitlines()
    kept = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    paths = r"^(listener|\w+(?:_file|_location|file|path)) .*?(/crl/\w+\.r0)?$"
    return [re.sub(paths, r"\1\2", line) for line in kept]


def test_the_two_brokers_settings_do_not_drift_apart():
    assert broker_settings("compose.conf") == broker_settings("mosquitto.conf")


def test_secrets_are_for_their_owner_and_each_is_another(made: Path):
    assert os.access(ROOT / "ops/secrets", os.X_OK)
    asked = {name for name, _ in VARIABLE.findall(TEXT)}
    assert words(made).keys() == asked
    assert len({*words(made).values()}) == len(asked)
    assert (words(made)["BALISE_BROKER_NAMES"], words(made)["BALISE_SERVER_URL"]) == (
        "broker.example.org,192.0.2.7",
        "https://broker.example.org",
    )
    assert (made / ".env").stat().st_mode & 0o777 == 0o600


def test_once_more_keeps_everything_but_new_names(made: Path):
    (made / ".env").write_text("MINE=1\n" + (made / ".env").read_text())
    before = words(made)
    secrets(made)
    assert words(made) == before
    secrets(made, "other.example.org")
    assert words(made) == before | {"BALISE_BROKER_NAMES": "other.example.org"}
    secrets(made, *before["BALISE_BROKER_NAMES"].split(","))


def test_what_a_version_before_this_one_made_stays(tmp_path: Path):
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops/secrets").write_bytes((ROOT / "ops/secrets").read_bytes())
    old = {name: f"old-{name}" for name in (*SECRETS["PASSWORDS"], "BALISE_MQTT_PASSWORD")}
    (tmp_path / ".env").write_text("".join(f"{name}={word}\n" for name, word in old.items()))
    secrets(tmp_path, "broker.example.org")
    assert words(tmp_path).items() >= old.items()


def test_prometheus_asks_every_process_that_tells():
    asked = yaml.safe_load((ROOT / "ops/prometheus/prometheus.yml").read_text())
    targets = [one["targets"] for job in asked["scrape_configs"] for one in job["static_configs"]]
    port = OURS["watch"]["environment"]["BALISE_METRICS_PORT"]
    assert {name for (name,) in targets} == {
        f"{name}:{port}" for name in ("watch", "receive", "flows", "web")
    }
    assert SERVICES["prometheus"]["profiles"] == SERVICES["grafana"]["profiles"] == ["watch"]
