"""What Prefect's server does by itself: close runs whose process is gone, tell of failed and late.

It is for whoever looks at runs. The line needs none of it: work that a run left is in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from prefect.automations import Automation
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, CallWebhook, ChangeFlowRunState, DoNothing
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from pydantic import SecretStr

from balise.settings import Settings
from flows.plans import TAGS

BLOCK = "balise-alerts"
# Three heartbeats of PREFECT_FLOWS_HEARTBEAT_FREQUENCY, 180 s by default.
SILENT = timedelta(minutes=10)
LATE = timedelta(minutes=5)
_PAYLOAD = (
    '{"run": "{{ flow_run.name }}", "flow": "{{ flow.name }}", "what": "{{ automation.name }}"}'
)
_RUN = "prefect.flow-run"
_ENDED = frozenset(f"{_RUN}.{name}" for name in ("Completed", "Failed", "Cancelled", "Crashed"))


def gone(silent: timedelta = SILENT) -> Automation:
    """Return the automation that closes a run of which no heartbeat came for so long."""
    return Automation(
        name="balise: a run whose process is gone is crashed",
        description="Its work is in the database and goes on with the next run.",
        trigger=_trigger(
            after={f"{_RUN}.heartbeat", f"{_RUN}.Running"},
            expect={f"{_RUN}.heartbeat", *_ENDED},
            within=silent,
            posture=Posture.Proactive,
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                message="its process says nothing more",
                force=False,
            )
        ],
    )


def failed(actions: Sequence[ActionTypes]) -> Automation:
    """Return the automation that tells of runs which failed or crashed."""
    return Automation(
        name="balise: a run failed",
        description="`balise doctor` says what does not answer.",
        trigger=_trigger(
            expect={f"{_RUN}.Failed", f"{_RUN}.Crashed"},
            within=timedelta(0),
            posture=Posture.Reactive,
        ),
        actions=list(actions),
    )


def late(actions: Sequence[ActionTypes], within: timedelta = LATE) -> Automation:
    """Return the automation that tells of runs nobody has begun: no `serve`, no worker is there."""
    return Automation(
        name="balise: a run is late",
        description="See that `balise flows serve`, or a worker of the pool, runs.",
        trigger=_trigger(
            after={f"{_RUN}.Late"},
            expect={f"{_RUN}.Running", *_ENDED},
            within=within,
            posture=Posture.Proactive,
        ),
        actions=list(actions),
    )


def _trigger(
    *,
    expect: set[str],
    within: timedelta,
    posture: Literal[Posture.Reactive, Posture.Proactive],
    after: set[str] | None = None,
) -> EventTrigger:
    tags = [f"prefect.tag.{tag}" for tag in TAGS]
    return EventTrigger(
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(
            {"prefect.resource.id": tags, "prefect.resource.role": "tag"}
        ),
        for_each={"prefect.resource.id"},
        after=after or set(),
        expect=expect,
        within=within,
        posture=posture,
        threshold=1,
    )


async def ensure(settings: Settings) -> dict[str, str]:
    """Make the automations that are missing; return each name with what was done.

    One that somebody has changed stays as it is; one that tells nobody yet gets the webhook once
    there is one.
    """
    actions = await _actions(settings.flow_webhook)
    return {wanted.name: await _put(wanted) for wanted in (gone(), failed(actions), late(actions))}


async def _actions(url: SecretStr) -> list[ActionTypes]:
    if not url.get_secret_value():
        return [DoNothing()]
    block = await Webhook(url=url).asave(BLOCK, overwrite=True)
    return [CallWebhook(block_document_id=block, payload=_PAYLOAD)]


async def _put(wanted: Automation) -> str:
    async with get_client() as client:
        found = await client.read_automations_by_name(wanted.name)
    if not found:
        await wanted.acreate()
        return "made"
    if found[0].actions == [DoNothing()] != wanted.actions:
        await wanted.model_copy(update={"id": found[0].id}).aupdate()
        return "tells the webhook now"
    return "is there"
