"""The page's server, in the gateway's own event loop; without it measurements flow all the same."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn

from ingest.gateway.page.app import create_app
from ingest.gateway.page.house import House

_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals to the gateway."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


@asynccontextmanager
async def served(house: House, port: int) -> AsyncIterator[None]:
    """Serve the page on all interfaces while the block runs; port 0 serves none."""
    listening = _listening(port) if port else None
    if listening is None:
        yield
        return
    async with serving(house, listening):
        yield


@asynccontextmanager
async def serving(house: House, listening: socket.socket) -> AsyncIterator[None]:
    """Serve the page on a socket while the block runs."""
    server = _Server(_config(house))
    running = asyncio.create_task(server.serve([listening]))
    following = asyncio.create_task(house.story.follow())
    try:
        yield
    finally:
        server.should_exit = True
        following.cancel()
        await asyncio.gather(running, following, return_exceptions=True)


def bound(port: int) -> socket.socket:
    """Return a socket on all interfaces, IPv6 too where there is any."""
    if socket.has_dualstack_ipv6():
        made = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        made = socket.create_server(("", port))
    # Connections inherit it; without it each answer waits 40 ms for the other side's delayed ACK.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _listening(port: int) -> socket.socket | None:
    try:
        return bound(port)
    except OSError as error:
        _log.warning("page_not_served", port=port, error=str(error))
        return None


def _config(house: House) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(house),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        # A sheet's address holds the code: addresses are not for logs.
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=50,
        timeout_graceful_shutdown=1,
    )
