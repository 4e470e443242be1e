"""bumble's emulated radio link, mended where it behaves as no radio does (bumble 0.0.236)."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from itertools import cycle

from bumble import controller, link, ll
from bumble.core import PhysicalTransport
from bumble.hci import (
    HCI_LE_ENHANCED_CONNECTION_COMPLETE_EVENT,
    Address,
    HCI_ErrorCode,
    HCI_LE_Advertising_Report_Event,
    HCI_LE_Connection_Complete_Event,
    HCI_LE_Enhanced_Connection_Complete_Event,
    HCI_LE_Extended_Advertising_Report_Event,
    HCI_Packet,
    HCI_StatusReturnParameters,
    Role,
)

LINK_LOST = HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
NOT_ESTABLISHED = HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR


_REPORTS = (HCI_LE_Advertising_Report_Event, HCI_LE_Extended_Advertising_Report_Event)


class Controller(controller.Controller):
    """bumble's emulated controller, mended where a host takes it at its word."""

    _strengths = cycle(range(-54, -45))

    deaf = False
    """Hears no advertisement, as an adapter that hangs; it obeys and keeps its links."""

    def send_hci_packet(self, packet: HCI_Packet) -> None:
        """Send a packet to the host; advertisements are never twice equally strong.

        No radio hears them so, and BlueZ tells its clients of a change only.
        """
        if isinstance(packet, _REPORTS):
            if self.deaf:
                return
            for report in packet.reports:
                report.rssi = next(self._strengths)
        if isinstance(packet, HCI_LE_Connection_Complete_Event) and self._enhanced_wanted:
            packet = _enhanced(packet)
        super().send_hci_packet(packet)

    @property
    def _enhanced_wanted(self) -> bool:
        """Whether the host unmasked the enhanced event; Linux then waits for no other (7.8.1)."""
        return bool(self.le_event_mask >> (HCI_LE_ENHANCED_CONNECTION_COMPLETE_EVENT - 1) & 1)

    def on_hci_le_create_connection_cancel_command(
        self, _command: object
    ) -> HCI_StatusReturnParameters:
        """End the attempt, and say so to the host (Vol 4, Part E, 7.8.13)."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return HCI_StatusReturnParameters(HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        ended = HCI_LE_Connection_Complete_Event(
            status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, ended)
        return HCI_StatusReturnParameters(HCI_ErrorCode.SUCCESS)


def _enhanced(event: HCI_LE_Connection_Complete_Event) -> HCI_LE_Enhanced_Connection_Complete_Event:
    """Return the event with both private addresses, of which nothing here makes any."""
    return HCI_LE_Enhanced_Connection_Complete_Event(
        local_resolvable_private_address=Address.ANY,
        peer_resolvable_private_address=Address.ANY,
        **{field.name: getattr(event, field.name) for field in fields(event) if field.init},
    )


class Ether(link.LocalLink):
    """bumble's link between controllers, with what a radio does when one of them is gone."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # bumble gives it no types

    def leave(self, leaving: controller.Controller) -> None:
        """Take a controller off: whoever had a link with it sees the link lost."""
        self.remove_controller(leaving)
        for one in leaving.le_connections.values():
            lost = ll.TerminateInd(LINK_LOST)
            self.send_ll_control_pdu(one.self_address, one.peer_address, lost)
        leaving.le_legacy_advertiser.stop()
        for advertising in leaving.advertising_sets.values():
            advertising.stop()

    def send_acl_data(
        self,
        sender_controller: controller.Controller,
        destination_address: Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Send data under the sender's address on that link; bumble takes its random one."""
        sent_on = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if sent_on is not None and receiver is not None:
            asyncio.get_running_loop().call_soon(
                receiver.on_link_acl_data, sent_on.self_address, transport, data
            )

    def send_ll_control_pdu(
        self, sender_address: Address, receiver_address: Address, packet: ll.ControlPdu
    ) -> None:
        """Send a control packet; where nobody is left to hear it, it is lost without an error."""
        if self.find_le_controller(receiver_address) is not None:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)

    def send_advertising_pdu(
        self, sender_controller: controller.Controller, packet: ll.AdvertisingPdu
    ) -> None:
        """Send an advertisement or a connection request, and see to what became of the latter."""
        super().send_advertising_pdu(sender_controller, packet)
        if isinstance(packet, ll.ConnectInd):
            asyncio.get_running_loop().call_soon(self._settle, sender_controller, packet)

    def _settle(self, central: controller.Controller, request: ll.ConnectInd) -> None:
        """End on both sides a link that only one side has.

        Two gateways may ask one device in the same moment, and the second not be heard; or a
        gateway may leave between its request and the device's answer.
        """
        device = self.find_le_controller(request.advertiser_address)
        half = device.le_connections.get(request.initiator_address) if device else None
        asked = central.le_connections.get(request.advertiser_address)
        if half is None and asked is not None:
            central.on_le_disconnected(asked, NOT_ESTABLISHED)
        elif device is not None and half is not None and central not in self.controllers:
            device.on_le_disconnected(half, LINK_LOST)
