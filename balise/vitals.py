"""What a process tells whoever watches it: its figures, that it lives, and whether it is ready."""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    make_wsgi_app,  # pyright: ignore[reportUnknownVariableType]
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from balise.doctor import check
from balise.failures import kind
from balise.settings import Settings

READY = {
    "receive": ("database",),
    "flows": ("database", "flows"),
    "web": ("database",),
    "watch": ("database", "broker"),
}
"""What must be well for a process to do its work: parts of `balise doctor`."""

IS_READY = "balise_ready"
"""What /readyz says, as a figure."""

_PLAIN = [("Content-Type", "text/plain; charset=utf-8")]
_FRESH, _STALE = 5.0, 60.0
"""Seconds for which an answer is good: who asks more often gets the same. And after how many more
nobody knows."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of who went away in the midst."""


class _Silent(WSGIRequestHandler):
    timeout = 15

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of its parent
        """Write no access log: somebody asks every few seconds."""


def begin(process: str, settings: Settings, at_work: Callable[[], bool]) -> None:
    """Answer at /metrics, /healthz and /readyz, where a port is set."""
    if settings.metrics_port:
        ready = Readiness(settings, READY[process], at_work)
        server = make_server(
            settings.metrics_host,
            settings.metrics_port,
            app(ready),
            server_class=_server(settings.metrics_host),
            handler_class=_Silent,
        )
        for name, work in {"vitals": server.serve_forever, "ready": ready.keep_looking}.items():
            Thread(target=work, name=name, daemon=True).start()


def _server(host: str) -> type[_Server]:
    """Return a server of the kind of network that an address is of; a name's older kind first."""
    found = {one[0] for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    family = socket.AF_INET if socket.AF_INET in found else socket.AF_INET6
    return type("_Server", (_Server,), {"address_family": family})


@dataclass(slots=True)
class Readiness:
    """Whether a process is ready, found out once in a while however often somebody asks."""

    settings: Settings
    parts: Sequence[str]
    at_work: Callable[[], bool] = lambda: True
    _lock: Lock = field(default_factory=Lock)
    _until: float = -math.inf
    _unwell: list[str] = field(default_factory=list[str])

    @property
    def was_well(self) -> bool:
        """Whether it was ready when that was found out last, not long ago; waits for nothing."""
        fresh = time.monotonic() < self._until + _STALE
        return fresh and not self._unwell and self.at_work()

    def keep_looking(self) -> None:
        """Find out again and again, for whoever does not wait."""
        while True:
            try:
                self.unwell()
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be over the next time
                logging.getLogger(__name__).error("vitals failed: %s", kind(error))  # noqa: TRY400
            time.sleep(_FRESH)

    def unwell(self) -> list[str]:
        """Return what keeps the process: parts that aren't well, or that it isn't at work."""
        with self._lock:
            if time.monotonic() >= self._until:
                found = check(self.settings, self.parts)
                self._unwell = [one.part for one in found if not one.ok]
                self._until = time.monotonic() + _FRESH
            return self._unwell or ([] if self.at_work() else ["not at work"])


@dataclass(frozen=True, slots=True, eq=False)  # a registry hashes it
class _Figures(Collector):
    """Every figure of a process, and whether it is ready: nobody reads /readyz at night."""

    ready: Readiness

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        ready = float(self.ready.was_well)
        yield GaugeMetricFamily(IS_READY, "Whether the process does its work.", value=ready)


def app(ready: Readiness) -> WSGIApplication:
    """Return what answers; /readyz is 503 with what keeps the process, by name alone."""
    registry = CollectorRegistry()
    registry.register(_Figures(ready))
    metrics = cast("WSGIApplication", make_wsgi_app(registry))

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        try:
            return _answer(environ, start, ready, metrics)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text goes to no log
            logging.getLogger(__name__).error("vitals failed: %s", kind(error))  # noqa: TRY400
            start("500 Internal Server Error", _PLAIN)
            return [b""]

    return answer


def _answer(
    environ: WSGIEnvironment, start: StartResponse, ready: Readiness, metrics: WSGIApplication
) -> Iterable[bytes]:
    match environ["PATH_INFO"]:
        case "/healthz":
            start("200 OK", _PLAIN)
            return [b"ok\n"]
        case "/readyz":
            unwell = ready.unwell()
            start("503 Service Unavailable" if unwell else "200 OK", _PLAIN)
            return ["".join(f"{part}\n" for part in unwell or ("ok",)).encode()]
        case _:
            return metrics(environ, start)
