"""What a process tells whoever watches it: its figures, that it lives, and whether it is ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import make_wsgi_app

from balise.doctor import check
from balise.settings import Settings

READY = {
    "receive": ("database", "receiver"),
    "flows": ("database", "flows"),
    "web": ("database",),
    "watch": ("database", "broker"),
}
"""What must be well for a process to do its work: parts of `balise doctor`."""

_PLAIN = [("Content-Type", "text/plain; charset=utf-8")]
_ONE_AT_A_TIME = Lock()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of its parent
        """Write no access log: somebody asks every few seconds."""


def begin(process: str, settings: Settings) -> None:
    """Answer at /metrics, /healthz and /readyz, where a port is set."""
    if settings.metrics_port:
        server = make_server(
            settings.metrics_host,
            settings.metrics_port,
            app(settings, READY[process]),
            server_class=_Server,
            handler_class=_Silent,
        )
        Thread(target=server.serve_forever, name="vitals", daemon=True).start()


def app(
    settings: Settings, parts: Sequence[str]
) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Return what answers; /readyz is 503 with the parts that aren't well, by name alone."""
    metrics: WSGIApplication = make_wsgi_app()

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/healthz":
                start("200 OK", _PLAIN)
                return [b"ok\n"]
            case "/readyz":
                unwell = _unwell(settings, parts)
                start("503 Service Unavailable" if unwell else "200 OK", _PLAIN)
                return ["".join(f"{part}\n" for part in unwell or ("ok",)).encode()]
            case _:
                return metrics(environ, start)

    return answer


def _unwell(settings: Settings, parts: Sequence[str]) -> list[str]:
    """Return the parts that aren't well; who asks too often waits for the one before."""
    with _ONE_AT_A_TIME:
        return [one.part for one in check(settings, parts) if not one.ok]
