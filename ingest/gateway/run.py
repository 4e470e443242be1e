"""The gateway process: an agent in front of a spool, a publisher behind it."""

from __future__ import annotations

from balise.errors import UsageError
from balise.settings import Settings
from ingest.gateway import devices
from ingest.gateway.agent import Agent, serve
from ingest.gateway.publish import Publisher
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker


async def run(settings: Settings) -> None:
    """Serve this home's devices until cancelled."""
    if not settings.gateway_name:
        raise UsageError("BALISE_GATEWAY_NAME is not set: which gateway is this?")
    folder = devices.folder(settings.home, settings.gateway_name)
    path = folder / "spool.db"
    known = devices.read(folder / "devices.json")
    spool = Spool(path)
    publisher = Publisher(Broker(settings), settings.gateway_name, path, settings.receipt_timeout)

    def put(item: bytes) -> None:
        spool.put(item)
        publisher.wake()

    publisher.start()
    try:
        await serve(settings.ble, Agent(known, put))
    finally:
        publisher.stop()
        spool.close()
