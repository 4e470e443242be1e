"""Settings: every knob is an environment variable BALISE_*, or a file of that name, read once."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from balise.errors import UsageError


def default_home() -> Path:
    """Return where Balise keeps its data: /var/lib/balise for root, the XDG data folder else."""
    if os.geteuid() == 0:
        # An unprivileged postgres must be able to walk there, and /root is closed to it.
        return Path("/var/lib/balise")
    return platformdirs.user_data_path("balise")


def local_file() -> Path:
    """Return the file in which `balise up` says where its servers are, for other terminals."""
    return Path(os.environ.get("BALISE_HOME") or default_home()) / "local.env"


def _secrets() -> Path | None:
    """Return the folder whose files are settings: BALISE_SECRETS_DIR, or systemd's credentials."""
    named = os.environ.get("BALISE_SECRETS_DIR")
    given = named or os.environ.get("CREDENTIALS_DIRECTORY")
    if named and not Path(named).is_dir():
        raise UsageError(f"BALISE_SECRETS_DIR {named} is no folder")
    return Path(given) if given else None


def _day(value: object) -> object:
    """Return a day as it is written, 2026-11-27: pydantic would take any number for one too."""
    if isinstance(value, str):
        return date.fromisoformat(value) if value else None
    if value is None or isinstance(value, date):
        return value
    raise ValueError("a day is written as 2026-11-27")


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(env_prefix="BALISE_", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then files of a folder: what is in both is the environment's."""
        folder = _secrets()
        if folder:
            file_secret_settings = SecretsSettingsSource(settings_cls, secrets_dir=folder)
        return init_settings, env_settings, dotenv_settings, file_secret_settings

    home: Path = Field(default_factory=default_home, description="where Balise keeps its data")
    database_url: str = Field(default="", description="PostgreSQL with TimescaleDB")
    backup_recipient: str = Field(
        default="",
        description="for whom backups are closed: age1…, several by commas; the key that opens them"
        " stays elsewhere",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="address at which a process tells Prometheus of itself"
    )
    metrics_port: int = Field(default=0, description="the port; 0 tells nothing")
    mqtt_url: str = Field(default="", description="mqtt:// or mqtts://user:password@host:port")
    mqtt_ca_file: Path | None = Field(default=None, description="CA of an mqtts:// broker")
    mqtt_cert_file: Path | None = Field(default=None, description="our certificate, for mqtts://")
    mqtt_key_file: Path | None = Field(default=None, description="the key of that certificate")
    server_url: str = Field(default="", description="what boxes at home call these pages")
    broker_names: str = Field(
        default="localhost", description="what boxes call the broker: host names, by commas"
    )
    broker_port: int = Field(default=8883, description="the port at which boxes find it")
    broker_listen: str = Field(
        default="127.0.0.1", description="where the local stack's broker listens for boxes"
    )
    certificate_days: float = Field(default=30, description="how long a box's certificate is good")
    ble: str = Field(
        default="bluez", description="bluez, or a bumble transport such as tcp-client:HOST:PORT"
    )
    ble_links: int = Field(
        default=5, ge=1, description="devices connected at once; most adapters carry four to seven"
    )
    web_host: str = Field(default="127.0.0.1", description="address the pages listen on")
    web_port: int = Field(default=8080, description="port the pages listen on; 0 takes a free one")
    session_idle_minutes: float = Field(
        default=30, ge=2, description="minutes after which who doesn't use the pages is signed out"
    )
    web_secure_cookies: bool = Field(default=False, description="true behind HTTPS")
    oidc_issuer: str = Field(
        default="",
        description="OpenID provider at which accounts sign in: its issuer, an https:// URL; empty"
        " offers none",
    )
    oidc_discovery: str = Field(
        default="",
        description="where the provider describes itself; empty is below the issuer, at"
        " /.well-known/openid-configuration",
    )
    oidc_client: str = Field(default="", description="what the provider calls these pages")
    oidc_secret: SecretStr = Field(
        default=SecretStr(""), description="the secret that the provider gave them"
    )
    oidc_name: str = Field(
        default="OpenID Connect", max_length=60, description="what the link to the provider says"
    )
    oidc_scope: str = Field(default="openid", description="scopes that are asked for, by spaces")
    oidc_acr: str = Field(
        default="",
        description="how surely the provider must know who comes, by spaces; empty leaves it to the"
        " provider",
    )
    gateway_name: str = Field(default="", description="this gateway's name and MQTT user")
    gateway_clock: Literal["kernel", "trusted"] = Field(
        default="kernel",
        description="who vouches for the box's clock: the kernel, by a time server, or you",
    )
    gateway_sets_clocks: bool = Field(
        default=False, description="whether the box sets the clocks of devices that are wrong"
    )
    gateway_time_zone: str = Field(
        default="Europe/Paris",
        description="the zone of the home, for its page and the clocks of devices",
    )
    gateway_port: int = Field(
        default=8730, description="port of the patient's page on the box; 0 serves none"
    )
    gateway_language: Literal["", "fr", "en"] = Field(
        default="", description="the page's language; empty goes by each visitor's browser"
    )
    gateway_care_fr: str = Field(
        default="",
        max_length=500,
        description="what the page says, in French, of who looks and when",
    )
    gateway_care_en: str = Field(default="", max_length=500, description="the same in English")
    gateway_phone: str = Field(
        default="", max_length=40, description="whom the page says to call for help"
    )
    gateway_message: str = Field(
        default="", max_length=300, description="what the page says as a word of the care team"
    )
    gateway_looked: Annotated[date | None, BeforeValidator(_day)] = Field(
        default=None, description="the day the page says the care team last looked on"
    )
    local_mqtt_url: str = Field(
        default="", description="the home's own broker: mqtt:// or mqtts://user:password@host:port"
    )
    local_mqtt_ca_file: Path | None = Field(
        default=None, description="CA of the home's own mqtts:// broker"
    )
    local_readings: bool = Field(
        default=False, description="true shows what is measured to the home's Home Assistant"
    )
    local_language: Literal["fr", "en"] = Field(
        default="fr", description="of what Home Assistant shows of the gateway"
    )
    spool_mb: int = Field(
        default=512,
        ge=2,
        description="megabytes of the gateway's spool; its log beside it has up to 8 more",
    )
    receipt_timeout: float = Field(
        default=60.0, description="seconds until a frame without receipt is sent again"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )
    batch_size: int = Field(default=5000, description="messages the receiver commits at once")
    flow_interval: float = Field(
        default=1.2,
        description="seconds between two starts of validate while readings come; the flows after"
        " it start at every fourth",
    )
    flow_poll: float = Field(
        default=15.0,
        gt=0,
        le=300,
        description="seconds after which the flows look by themselves, should no event come",
    )
    flow_run_days: int = Field(
        default=14, ge=1, description="how long Prefect's records of finished runs are kept"
    )
    flow_webhook: SecretStr = Field(
        default=SecretStr(""),
        description="URL to which Prefect posts failed and late runs; empty tells nobody",
    )
    fhir_url: str = Field(
        default="",
        description="FHIR R4 server to which readings, reports and signals are sent in transactions"
        "; empty sends nothing",
    )
    fhir_token: SecretStr = Field(
        default=SecretStr(""), description="bearer token for that server, if it asks for one"
    )
    language: Literal["fr", "en"] = Field(
        default="fr", description="the language of what the site sends to others"
    )
    unseen_hours: float = Field(
        default=8,
        gt=0,
        description="open hours after which an alert that nobody has seen is counted at the head of"
        " the clinicians' list",
    )
    opening: str = Field(
        default="Mon-Fri 09:00-18:00",
        description="when alerts are read, in the site's time zone (BALISE_TIME_ZONE): delays count"
        " these hours only, and patients' pages say them",
    )
    time_zone: str = Field(default="Europe/Paris", description="the site's time zone")
    raw_months: int = Field(
        default=13,
        ge=4,
        description="how long payloads are kept as they came; the pages reach 90 days back",
    )
    raw_pack_days: int = Field(
        default=30,
        ge=7,
        description="days after which the Community edition packs payloads by column",
    )
