"""The line: broker, receiver, flows, what waits, what was refused, who is silent."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

from balise.authority import Authority
from balise.checkup import SECONDS, connected, names, row
from balise.errors import BaliseError, BoxRevoked, BrokerDown
from balise.settings import Settings

_LATE, _BEHIND = timedelta(minutes=10), timedelta(minutes=30)


def broker(settings: Settings) -> str:
    """Say whether it answers, is who it should be, and takes us in."""
    from ingest.mqtt import Broker, retained

    found = Broker(settings)
    where = f"{found.host}:{found.port}"
    try:
        found.check(SECONDS)
        retained(found, [], SECONDS)
    except BoxRevoked as error:
        raise BaliseError(
            f"{where} refuses our certificate: is BALISE_MQTT_CERT_FILE of this site's authority?"
            " `balise authority` makes it anew"
        ) from error
    except BrokerDown as error:
        raise BaliseError(f"{error}; is it up, is BALISE_MQTT_URL right?") from error
    return f"{where} answers"


def receiver(settings: Settings) -> str:
    """Say whether one lands what gateways send."""
    from ingest.mqtt import Broker, retained
    from ingest.receive import ONLINE, STATUS

    found = Broker(settings)
    found.check(SECONDS)  # an MQTT client would try again and again
    said = retained(found, [f"{STATUS}/+"], SECONDS)
    online = sorted(topic for topic, payload in said.items() if payload == ONLINE)
    if online:
        return f"{len(online)} at work"
    told = b", ".join(payload for payload in said.values() if payload).decode(errors="replace")
    raise BaliseError(f"none is at work ({told or 'none ever was'}): start `balise receive`")


def flows(settings: Settings) -> str:
    """Say whether what landed is read."""
    with connected(settings) as connection:
        batches, messages, oldest = row(connection, "landing.waiting")
    if oldest is not None and datetime.now(UTC) - oldest > _LATE:
        raise BaliseError(
            f"{messages} messages wait since {oldest:%Y-%m-%d %H:%M}: is `balise flows serve` up?"
        )
    return f"{batches} batches wait"


def figures(settings: Settings) -> str:
    """Say whether figures keep up with readings."""
    with connected(settings) as connection:
        failed = names(connection, "doctor.failed")
        late = [row(connection, one) for one in ("doctor.late_windows", "doctor.late_patients")]
        undone = names(connection, "doctor.undone")
    if failed:
        raise BaliseError(
            f"{len(failed)} patients can't be judged or summed up ({', '.join(failed[:5])}), by a"
            " fault of Balise: have them looked at by hand, and report what the log of `balise"
            " flows serve` says of it (patient_failed)"
        )
    for (count, since), what in zip(late, ("days of patients", "patients"), strict=True):
        if since is not None and datetime.now(UTC) - since > _BEHIND:
            raise BaliseError(
                f"{count} {what} are behind since {since:%Y-%m-%d %H:%M}: is `balise flows serve`"
                " up? `balise flows run line` does it by hand"
            )
    if undone:
        raise BaliseError(
            f"{', '.join(undone)} not done for long: is `balise flows serve` up? its log says what"
            " keeps it (flow_failed)"
        )
    return f"{late[0][0]} days of patients to compute"


def refused(settings: Settings) -> str:
    """Say whether something was refused by a fault of ours."""
    with connected(settings) as connection:
        (count,) = row(connection, "doctor.ours")
    if count:
        raise BaliseError(
            f"{count} items met a fault of Balise (decoder_error): `balise refused list --reason"
            " decoder_error`, report it, and replay after the mend"
        )
    return "nothing by a fault of ours"


def gateways(settings: Settings) -> str:
    """Say whether one is silent."""
    shut_out = Authority(settings.home).ledger.shut_out()
    with connected(settings) as connection:
        silent = [one for one in names(connection, "doctor.silent") if one not in shut_out]
    if silent:
        raise BaliseError(
            f"{len(silent)} sent nothing for two days ({', '.join(silent[:5])}):"
            " `balise gateway list` says how they are"
        )
    return "none is silent"


def outbox(settings: Settings) -> str:
    """Say whether what goes to another system arrives."""
    with connected(settings) as connection:
        (count,) = row(connection, "doctor.outbox")
    if count:
        raise BaliseError(
            f"{count} bundles were refused by the other system: `balise fhir status` says what it"
            " answered, `balise fhir again` sends them once more"
        )
    return "nothing was refused"


def prefect(_settings: Settings) -> str:
    """Say whether Prefect answers; the flows run without it too."""
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        return "not used: PREFECT_API_URL is not set, and flows run without it"
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=SECONDS):  # noqa: S310 - our own setting
            return f"{url} answers"
    except (OSError, urllib.error.URLError) as error:
        raise BaliseError(
            f"{url} does not answer; flows run without it, their history is not kept: is `prefect"
            " server start` up, is PREFECT_API_URL right?"
        ) from error
