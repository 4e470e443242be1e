"""The air between virtual devices and gateways: bumble's link, and an HCI port over TCP.

A gateway that connects to the port has a Bluetooth controller of its own (`tcp-client:HOST:PORT`
in bumble's words). Where its TCP connection ends, and be it by kill -9, the controller leaves the
air and the devices see the link drop, as they do when a real radio loses its power.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from typing import Self

from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink, PacketParser

from devices.virtual.ether import Controller, Ether
from devices.virtual.life import live
from devices.virtual.link import end, start
from devices.virtual.peripheral import Peripheral
from devices.virtual.security import secure


class Air:
    """Virtual devices, and the port where gateways reach them.

    `async with Air(port=0) as air` listens on `air.port`, a free one where 0 is asked for.
    OSError where the port is taken. `adapters` are the public addresses of the controllers that
    gateways get, one after the other: by default each is new.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, adapters: Iterator[bytes] | None = None
    ) -> None:
        self.host, self.port = host, port
        self.adapters = adapters or _never_used_before()
        self.ether = Ether()
        self.gateways: set[GatewayPort] = set()
        self._lives: dict[Peripheral, asyncio.Task[None]] = {}
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: GatewayPort(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for gateway in tuple(self.gateways):
            await gateway.close()
        for peripheral in tuple(self._lives):
            await self.remove(peripheral)
        await self._server.wait_closed()

    @property
    def radio(self) -> str:
        """The name under which a gateway opens its radio on this air."""
        return f"tcp-client:{self.host}:{self.port}"

    async def add(self, peripheral: Peripheral) -> None:
        """Bring a device within reach of the gateways."""
        powered = await self._power_on(peripheral)
        self._lives[peripheral] = start(self._live(peripheral, *powered))

    async def remove(self, peripheral: Peripheral) -> None:
        """Carry a device out of reach: a gateway sees the link drop, the memory is kept."""
        await end(self._lives.pop(peripheral))

    async def _power_on(self, peripheral: Peripheral) -> tuple[Device, Controller]:
        controller = Controller(peripheral.name, link=self.ether)
        device = Device(
            config=_configuration(peripheral), host=Host(controller, AsyncPipeSink(controller))
        )
        device.keystore = peripheral.bonds
        device.add_services(peripheral.services())
        secure(device, peripheral.faults.pairing, peripheral)
        try:
            await device.power_on()
        except BaseException:
            self.ether.leave(controller)
            raise
        return device, controller

    async def _live(self, peripheral: Peripheral, device: Device, controller: Controller) -> None:
        """Live, and after each power failure again."""
        while True:
            try:
                await live(peripheral, device)
            finally:
                self.ether.leave(controller)
            await asyncio.sleep(peripheral.faults.dark)
            device, controller = await self._power_on(peripheral)


def _never_used_before() -> Iterator[bytes]:
    while True:
        yield secrets.token_bytes(6)


def _configuration(peripheral: Peripheral) -> DeviceConfiguration:
    """Return what a device is on the air; its identity key is its own and lasts."""
    return DeviceConfiguration(
        name=peripheral.name,
        address=Address(peripheral.address),
        irk=hashlib.sha256(peripheral.address.encode()).digest()[:16],
        le_privacy_enabled=peripheral.faults.private_address,
        le_rpa_timeout=0,
    )


class GatewayPort(asyncio.Protocol):
    """One gateway's TCP connection: HCI packets to and from a controller of its own."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self._controller: Controller
        self._transport: asyncio.Transport
        self._parser = PacketParser()
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the gateway its controller, with the next public address."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a server's always is
        self._transport = transport
        address = Address(next(self._air.adapters), Address.PUBLIC_DEVICE_ADDRESS)
        self._controller = Controller(
            f"gateway {address}", host_sink=self, link=self._air.ether, public_address=address
        )
        self._parser.set_packet_sink(self._controller)
        self._air.gateways.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the controller off the air."""
        del exc
        self._controller.host = None
        self._air.ether.leave(self._controller)
        self._air.gateways.discard(self)
        self._closed.set()

    def data_received(self, data: bytes) -> None:
        """Hand the gateway's bytes to its controller."""
        self._parser.feed_data(data)

    def on_packet(self, packet: bytes) -> None:
        """Hand a packet of the controller to the gateway."""
        self._transport.write(packet)

    def deafen(self) -> None:
        """Have the gateway's controller hear nothing any more, as an adapter that hangs."""
        self._controller.deaf = True

    async def close(self) -> None:
        """End the gateway's connection."""
        self._transport.close()
        await self._closed.wait()
