"""`balise bench ingest`: broker to landing and to readings, beside COPY, a bare client and peers.

Every figure stands beside its limit in the same run; on a shared machine only ratios and processor
seconds mean anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from balise.errors import UsageError
from bench import machine
from bench.beside import beside
from bench.catching_up import CatchingUp, backlog, live
from bench.growth import Growth
from bench.peers.peer import Peer
from bench.receiving import Receiving
from bench.site import Site, standing, validating
from bench.stream import Stream
from bench.whole import Whole

PER_MESSAGE = 50
_LIVE_HOMES = 20
MOST_QUEUED = 900_000
"""Messages a round may send: of more, the broker would drop some (`max_queued_messages`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is measured: readings of a round, 50 a message; `single` is how many one by one.

    `backlog` is how many wait at the homes, `stored` how many are there before a new one comes.
    """

    readings: int
    single: int
    homes: int
    backlog: int
    stored: int
    rounds: int
    peers: tuple[Peer, ...]
    flows: bool

    def as_json(self) -> dict[str, object]:
        """Return it as it was asked."""
        return {**asdict(replace(self, peers=())), "peers": [one.name for one in self.peers]}

    @property
    def batched(self) -> Stream:
        """Fifty readings a message."""
        return Stream(homes=self.homes, readings=self.readings, per_message=PER_MESSAGE)

    @property
    def one_by_one(self) -> Stream:
        """One reading a message."""
        return Stream(homes=self.homes, readings=self.single, per_message=1)


def main(asked: Asked, parts: tuple[str, ...]) -> None:
    """Print what the parts asked for cost as one JSON object."""
    if unknown := set(parts) - PARTS.keys():
        raise UsageError(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    if max(asked.single, asked.readings // PER_MESSAGE) > MOST_QUEUED:
        raise UsageError(f"at most {MOST_QUEUED} messages a round: the broker would drop more")
    with standing(prefect=asked.flows) as site:
        url = site.line.settings.database_url
        asked.batched.enrol(url)
        report = {
            "machine": machine.facts(url),
            "asked": asked.as_json(),
            **{part: PARTS[part](site, asked) for part in parts or PARTS},
        }
    print(json.dumps(report, indent=2))


def _receiver(site: Site, asked: Asked) -> dict[str, object]:
    return {
        "50 a message": Receiving(site, asked.batched).measure(asked.rounds),
        "1 a message": Receiving(site, asked.one_by_one).measure(asked.rounds),
    }


def _line(site: Site, asked: Asked) -> dict[str, object]:
    with validating(site, flows=asked.flows) as whole:
        return {
            "50 a message": _with_peers(whole, asked.batched, asked),
            "1 a message": _with_peers(whole, asked.one_by_one, asked),
        }


def _with_peers(site: Site, stream: Stream, asked: Asked) -> dict[str, object]:
    with beside(site, stream, asked.peers) as ways:
        return Whole(site, stream).measure(asked.rounds, ways)


def _again(site: Site, asked: Asked) -> dict[str, object]:
    with validating(site, flows=asked.flows) as whole:
        return Whole(whole, asked.batched).again(asked.rounds)


def _disk(site: Site, asked: Asked) -> dict[str, object]:
    with validating(site, flows=asked.flows) as whole:
        return {"bytes_a_reading": Whole(whole, asked.batched).disk()}


def _catching_up(site: Site, asked: Asked) -> dict[str, object]:
    those_who_go_on = live(_LIVE_HOMES)
    those_who_go_on.enrol(site.line.settings.database_url)
    with validating(site, flows=asked.flows) as whole:
        kept = backlog(asked.homes, asked.backlog)
        return CatchingUp(whole, kept, those_who_go_on).measure()


def _growth(site: Site, asked: Asked) -> dict[str, object]:
    with validating(site, flows=asked.flows) as whole:
        return Growth(whole, asked.batched).measure(asked.stored, asked.rounds)


PARTS: dict[str, Callable[[Site, Asked], dict[str, object]]] = {
    "receiver": _receiver,
    "line": _line,
    "again": _again,
    "disk": _disk,
    "catching-up": _catching_up,
    "growth": _growth,
}
