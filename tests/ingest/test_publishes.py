"""Packets cut from a stream; what a message says, paho's own reader says too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet as paho
from paho.mqtt.enums import MQTTProtocolVersion

from ingest.publishes import Delivery, Incoming, acknowledgements

# MQTT 3.1.1, section 3.3.1, figures 3.10 and 3.12: topic "a/b", packet identifier 10, no payload.
OF_THE_STANDARD = bytes.fromhex("32 07 0003 612f62 000a")
LET_IN = bytes.fromhex("20 02 01 00")
PING_ANSWERED = bytes.fromhex("d0 00")


def packet(header: int, body: bytes) -> bytes:
    """Return a packet, its length as section 2.2.3 has it."""
    length = bytearray()
    left = len(body)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes([header]) + length + body


def message(
    topic: bytes, payload: bytes, mid: int, *, qos: int = 1, again: bool = False, kept: bool = False
) -> bytes:
    number = mid.to_bytes(2, "big") if qos else b""
    header = 0x30 | again << 3 | qos << 1 | kept
    return packet(header, len(topic).to_bytes(2, "big") + topic + number + payload)


def test_the_message_of_the_standard():
    assert Incoming(3).cut(OF_THE_STANDARD) == ([Delivery(3, 10, "a/b", b"")], b"")


def test_a_message_that_waits_for_no_acknowledgement_has_no_number():
    (one,), _ = Incoming(1).cut(message(b"t", b"payload", 0, qos=0))
    assert one == Delivery(1, 0, "t", b"payload")


def test_what_is_no_message_is_left_as_it_came():
    stream = LET_IN + OF_THE_STANDARD + PING_ANSWERED
    messages, others = Incoming(1).cut(stream)
    assert len(messages) == 1
    assert others == LET_IN + PING_ANSWERED


@pytest.mark.parametrize("length", [0, 1, 121, 122, 16_377, 16_378, 2_097_145, 2_097_146])
def test_a_length_of_one_to_four_bytes(length: int):
    """Section 2.2.3, table 2.4: on both sides of where a byte more is needed."""
    payload = b"\xff" * length
    messages, others = Incoming(1).cut(message(b"a/b", payload, 1) + PING_ANSWERED)
    assert [one.payload for one in messages] == [payload]
    assert others == PING_ANSWERED


MESSAGES = st.builds(
    message,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).map(str.encode),
    st.binary(max_size=300),
    st.integers(1, 65_535),
    qos=st.sampled_from([0, 1]),
    again=st.booleans(),
    kept=st.booleans(),
)


OTHERS = st.sampled_from([LET_IN, PING_ANSWERED])


@given(st.lists(MESSAGES | OTHERS, max_size=6), st.lists(st.integers(1, 50), max_size=40))
def test_wherever_a_stream_is_cut_paho_reads_the_same(packets: list[bytes], sizes: list[int]):
    incoming, stream = Incoming(1), b"".join(packets)
    found, left = list[Delivery](), b""
    for size in (*sizes, len(stream)):
        piece, stream = stream[:size], stream[size:]
        messages, others = incoming.cut(piece)
        found += messages
        left += others
    of_paho = [one for one in packets if one in {LET_IN, PING_ANSWERED}]
    assert found == [as_paho_reads(one) for one in packets if one not in of_paho]
    assert left == b"".join(of_paho)


def as_paho_reads(one: bytes) -> Delivery:
    body = one[2:] if one[1] < 0x80 else one[3:]
    read = paho.decode_publish(one[0], body, MQTTProtocolVersion.MQTTv311)
    return Delivery(1, read.mid, read.topic.decode(), bytes(read.payload))


def test_a_topic_that_is_no_text_is_nobodys():
    (one,), _ = Incoming(1).cut(message(b"balise/v1/\xff/frames", b"", 1))
    assert one.topic == "balise/v1/\ufffd/frames"


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(bytes.fromhex("32 80808080 01"), id="a length of five bytes"),
        pytest.param(bytes.fromhex("32 00"), id="no topic"),
        pytest.param(bytes.fromhex("32 01 00"), id="half a topic's length"),
        pytest.param(bytes.fromhex("32 05 0009 61 000a"), id="a topic longer than the packet"),
        pytest.param(bytes.fromhex("32 04 0001 61 00"), id="half a number"),
        pytest.param(bytes.fromhex("34 05 0001 61 000a"), id="exactly once"),
        pytest.param(bytes.fromhex("36 05 0001 61 000a"), id="no quality of the standard's"),
    ],
)
def test_what_is_no_mqtt_ends_the_connection(nonsense: bytes):
    with pytest.raises(ConnectionAbortedError):
        Incoming(1).cut(nonsense)


def test_only_what_came_by_this_connection_is_acknowledged_and_only_what_has_a_number():
    deliveries = [
        Delivery(connection, mid, "t", b"") for connection, mid in ((1, 7), (2, 8), (2, 0))
    ]
    # Section 3.4, figure 3.15.
    assert acknowledgements(2, deliveries) == bytes.fromhex("40 02 0008")
